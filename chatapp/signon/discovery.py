"""What an OpenID provider says about itself, kept for some minutes."""

from __future__ import annotations

import hashlib
from typing import Any

from django.core.cache import cache

from chatapp.signon.config import Provider, is_safe_address
from chatapp.signon.outgoing import ProviderRefused, json_object

_KEPT_S = 300
_AGAIN_S = 30  # keys that are not known make us ask again at most so often
_NEEDED = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_WELCOME = ("userinfo_endpoint", "end_session_endpoint")


def configuration(provider: Provider) -> dict[str, Any]:
    """Raises RequestException."""
    place = f"signon:configuration:{_hashed(provider.issuer)}"
    found: dict[str, Any] | None = cache.get(place)
    if found is None:
        found = json_object(f"{provider.issuer.rstrip('/')}/.well-known/openid-configuration")
        _check(found, provider.issuer)
        cache.set(place, found, _KEPT_S)
    return found


def _check(found: dict[str, Any], issuer: str) -> None:
    if not isinstance(found.get("issuer"), str) or found["issuer"].rstrip("/") != issuer.rstrip("/"):
        raise ProviderRefused("another issuer")
    for name in (*_NEEDED, *_WELCOME):
        address = found.get(name)
        if address is None and name in _WELCOME:
            continue
        if not isinstance(address, str) or not is_safe_address(address):
            raise ProviderRefused(f"no address as {name}")


def keys(provider: Provider, *, anew: bool = False) -> list[dict[str, Any]]:
    """Its public keys; `anew` asks again, for one that it has just made. Raises RequestException."""
    address = configuration(provider)["jwks_uri"]
    place = f"signon:keys:{_hashed(address)}"
    found: list[dict[str, Any]] | None = cache.get(place)
    if found is None or (anew and cache.add(f"{place}:anew", True, _AGAIN_S)):
        listed = json_object(address).get("keys")
        if not isinstance(listed, list):
            raise ProviderRefused("no keys")
        found = [key for key in listed[:100] if isinstance(key, dict)]
        cache.set(place, found, _KEPT_S)
    return found


def _hashed(address: str) -> str:
    return hashlib.sha256(address.encode()).hexdigest()
