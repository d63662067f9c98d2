"""Signed tokens of OpenID providers. The one module that knows PyJWT."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jwt

from chatapp.signon import discovery
from chatapp.signon.config import Provider

_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
_LONGEST = 100_000
_LEEWAY_S = 30


class TokenRefused(Exception):
    """The reason, for the log and the audit trail."""


def verified(token: str, provider: Provider, *, needs: Sequence[str]) -> dict[str, Any]:
    """The claims of a token that this provider signed for us. Raises TokenRefused and RequestException."""
    if not isinstance(token, str) or not token or len(token) > _LONGEST:
        raise TokenRefused("no token")
    try:
        header = jwt.get_unverified_header(token)
        claims = jwt.decode(
            token,
            _key(header, provider),
            algorithms=[header["alg"]],
            audience=provider.client_id,
            issuer=discovery.configuration(provider)["issuer"],
            leeway=_LEEWAY_S,
            options={"require": list(needs), "verify_iat": True},
        )
    except jwt.PyJWTError as error:
        raise TokenRefused(f"{type(error).__name__}: {error}"[:200]) from None
    _check_party(claims, provider.client_id)
    return claims


def _key(header: dict[str, Any], provider: Provider) -> Any:
    """The provider's key that the header names. Symmetric algorithms and `none` are not taken."""
    algorithm = header.get("alg")
    if algorithm not in _ALGORITHMS:
        raise TokenRefused("an algorithm that is not taken")
    found = _matching(discovery.keys(provider), header) or _matching(discovery.keys(provider, anew=True), header)
    if len(found) != 1:
        raise TokenRefused("no such key")
    return jwt.PyJWK.from_dict(found[0], algorithm=algorithm).key


def _matching(keys: list[dict[str, Any]], header: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        key
        for key in keys
        if key.get("kty") in ("RSA", "EC", "OKP")
        and key.get("use", "sig") == "sig"
        and key.get("alg", header["alg"]) == header["alg"]
        and (header.get("kid") is None or key.get("kid") == header["kid"])
    ]


def _check_party(claims: dict[str, Any], client_id: str) -> None:
    """Of several audiences, the one that asked must be us (OpenID Connect Core 1.0, 3.1.3.7)."""
    audience, party = claims["aud"], claims.get("azp")
    if (isinstance(audience, list) and len(audience) > 1 and party is None) or party not in (None, client_id):
        raise TokenRefused("made for another client")
