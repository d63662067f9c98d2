"""Whether a sign-in with an identity provider can work, before somebody tries: what it says of itself, asked anew,
and what is to be entered there."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from requests import RequestException

from chatapp.accounts.models import User
from chatapp.governance.services import record
from chatapp.signon import config, providers
from chatapp.signon.config import Provider
from chatapp.signon.homes import home_of
from chatapp.signon.models import IdentityProvider
from chatapp.signon.oidc import absolute
from chatapp.signon.outgoing import ProviderRefused, ProviderSession, json_object

State = Literal["ok", "weak", "missing"]

_ADDRESSES = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_SIGNS = ("RSA", "EC", "OKP")
_SOON_DAYS = 30
_SAML_DOORS = (("Metadata, and our entity id", "saml_metadata"), ("Assertions (HTTP-POST)", "saml_acs"))
_OIDC_DOORS = (
    ("Redirect", "openid_connect_callback"),
    ("Back-channel logout", "back_channel_logout"),
    ("Front-channel logout", "front_channel_logout"),
)
_HEAD, _FOOT = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


@dataclass(frozen=True, slots=True)
class Step:
    name: str
    state: State
    said: str = ""


@dataclass(frozen=True, slots=True)
class Listed:
    provider: Provider
    in_use: bool
    from_environment: bool


def listed() -> list[Listed]:
    """Those of the environment first, then those of the administration, also such as are not in use yet."""
    named = [Listed(one, True, True) for one in settings.SIGNON_PROVIDERS]
    taken = {one.provider.slug for one in named}
    rows = IdentityProvider.objects.exclude(slug__in=taken)
    return named + [Listed(row.described(()), row.is_on, False) for row in rows]


def to_register(provider: Provider, request: HttpRequest) -> list[tuple[str, str]]:
    """(what, address), to be entered at the provider."""
    doors = _SAML_DOORS if provider.kind == config.SAML else _OIDC_DOORS
    found = [(what, absolute(request, reverse(name, args=[provider.slug]))) for what, name in doors]
    leaving = [] if provider.kind == config.SAML else [("After sign-out", absolute(request, reverse("account_login")))]
    return found + leaving


def attempt(provider: Provider, *, by: User) -> list[Step]:
    """In at most a minute. Written down."""
    steps = [*_described(provider), *(_oidc(provider) if provider.kind == config.OIDC else _saml(provider))]
    worst = max((one.state for one in steps), key=("ok", "weak", "missing").index)
    record("sign_on.tested", provider.name, by, provider=provider.slug, result=worst)
    return steps


def _described(provider: Provider) -> Iterator[Step]:
    try:
        provider.check()
        yield Step("Description", "ok")
    except config.ConfigRefused as error:
        yield Step("Description", "missing", str(error))
    if provider.organisation:
        yield _organisation(provider)
    if not settings.PUBLIC_URL:
        said = "CHATAPP_PUBLIC_URL is not set: the addresses below are those by which you came here."
        yield Step("Our address", "weak", said)
    elif not settings.PUBLIC_URL.startswith("https://"):
        yield Step("Our address", "weak", "CHATAPP_PUBLIC_URL is without TLS: most providers refuse that.")
    else:
        yield Step("Our address", "ok", settings.PUBLIC_URL)


def _organisation(provider: Provider) -> Step:
    """Of a provider of the environment it is a name alone, which nothing checks before somebody signs in."""
    if home_of(provider) is None:
        said = f"There is none that is open and has the short name {provider.organisation}: nobody is let in."
        return Step("Organisation", "missing", said)
    return Step("Organisation", "ok", f"Whom it makes is of {provider.organisation}.")


# -- OpenID Connect ----------------------------------------------------------------------------------------------------
def _oidc(provider: Provider) -> Iterator[Step]:
    yield _secret(provider)
    found, problem = _fetched(f"{provider.issuer.rstrip('/')}/.well-known/openid-configuration")
    if problem:
        yield Step("Discovery document", "missing", problem)
        return
    if wrong := _wrong_with(found, provider):
        yield Step("Discovery document", "missing", wrong)
        return
    yield Step("Discovery document", "ok", f"It is that of {found['issuer']}.")
    yield _keys(found["jwks_uri"])
    yield from _offered(found, provider)


def _secret(provider: Provider) -> Step:
    if not provider.key:
        return Step("Client secret", "weak", "None is named: the provider must know this client as a public one.")
    if not providers.secret_of(provider):
        return Step("Client secret", "missing", f"{provider.key} is not set for the web process.")
    return Step("Client secret", "ok", f"{provider.key} is set. Whether it is right, only a sign-in shows.")


def _fetched(address: str) -> tuple[dict[str, Any], str]:
    """-> what is there, or what is wrong. By the same bounded requests that sign-ins make, and never from a cache."""
    try:
        return json_object(address), ""
    except ProviderRefused as error:
        return {}, f"{address} gives {error}."
    except RequestException as error:
        return {}, f"{address} could not be read ({_reason(error)})."


def _reason(error: RequestException) -> str:
    """Without what a provider may have written into its answer."""
    status = getattr(error.response, "status_code", None)
    return f"status {status}" if status is not None else type(error).__name__


def _wrong_with(found: dict[str, Any], provider: Provider) -> str:
    issuer = found.get("issuer")
    if not isinstance(issuer, str) or issuer.rstrip("/") != provider.issuer.rstrip("/"):
        return f"It names another issuer: {str(issuer)[:200]}. Enter that one, if it is yours."
    for name in _ADDRESSES:
        if not isinstance(found.get(name), str) or not config.is_safe_address(found[name]):
            return f"It has no address with TLS as {name}."
    return ""


def _keys(address: str) -> Step:
    found, problem = _fetched(address)
    if problem:
        return Step("Keys", "missing", problem)
    listed_keys = found.get("keys")
    keys = [one for one in listed_keys if isinstance(one, dict)] if isinstance(listed_keys, list) else []
    usable = [one for one in keys if one.get("kty") in _SIGNS and one.get("use", "sig") == "sig"]
    if not usable:
        return Step("Keys", "missing", "There is no public key that signs: ID tokens could not be checked.")
    return Step("Keys", "ok", f"{len(usable)} that sign.")


def _offered(found: dict[str, Any], provider: Provider) -> Iterator[Step]:
    """What a provider does not list it may offer all the same; what it lists without ours, it does not."""
    if "code" not in _texts(found, "response_types_supported", "code"):
        yield Step("Code flow", "missing", "It does not offer the code flow, the one that is used here.")
    if "S256" not in _texts(found, "code_challenge_methods_supported", "S256"):
        yield Step("PKCE", "missing", "It does not offer S256.")
    lacking = [one for one in provider.scopes if one not in _texts(found, "scopes_supported", *provider.scopes)]
    if lacking:
        yield Step("Scopes", "weak", f"It does not list {', '.join(lacking)}.")
    if not found.get("end_session_endpoint"):
        yield Step("Sign-out", "weak", "It names no address for it: a sign-out here leaves the session there.")


def _texts(found: dict[str, Any], name: str, *otherwise: str) -> Sequence[str]:
    told = found.get(name)
    return [one for one in told if isinstance(one, str)] if isinstance(told, list) else otherwise


# -- SAML --------------------------------------------------------------------------------------------------------------
def _saml(provider: Provider) -> Iterator[Step]:
    yield _certificate(provider.certificate)
    for name, address in (("Sign-in address", provider.sso_url), ("Sign-out address", provider.slo_url)):
        if config.is_safe_address(address):  # else the description said so
            yield _answering(name, address)
    if not provider.slo_url:
        yield Step("Sign-out address", "weak", "None is named: a sign-out here leaves the session there.")


def _answering(name: str, address: str) -> Step:
    try:
        with ProviderSession() as session:
            status = session.get(address).status_code
    except ProviderRefused:  # a redirect, or a long page: somebody is there
        return Step(name, "ok", "It answers.")
    except RequestException as error:
        return Step(name, "missing", f"It could not be reached ({_reason(error)}).")
    gone = status in (404, 410) or status >= 500
    return Step(name, "weak" if gone else "ok", f"It answers with status {status}.")


def _certificate(text: str) -> Step:
    try:
        ends = _ends(text)
    except (ssl.SSLError, ValueError):
        return Step("Certificate", "missing", "It cannot be read: paste it as PEM.")
    if ends is None:
        return Step("Certificate", "ok", "It can be read.")
    left = ends - timezone.now()
    state: State = "missing" if left.total_seconds() <= 0 else "weak" if left.days < _SOON_DAYS else "ok"
    return Step("Certificate", state, f"It {'ended' if state == 'missing' else 'ends'} on {ends:%F}.")


def _ends(text: str) -> datetime | None:
    """None: OpenSSL reads it, and does not say. Raises ssl.SSLError and ValueError."""
    body = "".join(text.replace(_HEAD, "").replace(_FOOT, "").split())
    lines = "\n".join(body[at : at + 64] for at in range(0, len(body), 64))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=f"{_HEAD}\n{lines}\n{_FOOT}\n")
    for one in context.get_ca_certs():
        if "notAfter" in one:
            return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(one["notAfter"])), UTC)
    return None
