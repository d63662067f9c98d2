"""SAML's single logout, by HTTP-Redirect: signed messages that the browser carries between the provider and us.

python3-saml reads them and leaves much open that the profile allows: messages without a signature, a destination or an
issuer, and old ones. Here each of these is asked for, and each message is taken once. Signatures are looked at first:
what a stranger sends is not even unpacked.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn
from xml.sax.saxutils import escape

import structlog
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse

from chatapp.signon import saml_doors, sessions
from chatapp.signon.config import Provider
from chatapp.signon.errors import SignOutRefused
from chatapp.signon.saml import errors_of_library, moment, root_of, settings_of
from chatapp.signon.services import spend

log = structlog.get_logger(__name__)

COOKIE, SALT = "saml_leaving", "chatapp.signon.saml_leaving"
REQUEST, RESPONSE = "SAMLRequest", "SAMLResponse"
_ONCE = (REQUEST, RESPONSE, "RelayState", "SigAlg", "Signature")
_ALGORITHMS = tuple(f"http://www.w3.org/2001/04/xmldsig-more#rsa-sha{bits}" for bits in (256, 384, 512))
_LONGEST = 20_000  # characters of what comes
_OLDEST_S, _CLOCKS_S = 600, 60
_ISSUER = "{urn:oasis:names:tc:SAML:2.0:assertion}Issuer"
_INDEX = "{urn:oasis:names:tc:SAML:2.0:protocol}SessionIndex"


@dataclass(frozen=True)
class Asked:
    """Of the provider: where the browser goes with it, and which answer belongs to it."""

    address: str
    number: str


def ask(request: HttpRequest, provider: Provider, kept: dict[str, Any]) -> Asked | None:
    """`kept`: what the session held that has just ended. None: nothing can be asked."""
    name = kept.get("name_id")
    if not provider.slo_url or not isinstance(name, dict):
        return None
    saml_doors.use_public_host(request)
    try:
        auth = _auth(request, provider)
        address = auth.logout(
            return_to=provider.slug,  # an empty one is a part of what is signed to some, and to others is not
            name_id=name["value"],
            session_index=escape(str(kept.get("session_id") or "")) or None,  # python3-saml puts it in as it is
            nq=name["qualifier"] or None,
            name_id_format=name["format"] or None,
            spnq=name["sp_qualifier"] or None,
        )
    except errors_of_library() as error:  # a key of ours that is none: nobody is kept in for that
        log.warning("sign_out.not_asked", provider=provider.slug, kind=type(error).__name__)
        return None
    return Asked(address, str(auth.get_last_request_id()))


def remember(response: HttpResponseBase, provider: Provider, asked: Asked) -> None:
    """With the browser: the session has ended."""
    response.set_signed_cookie(
        COOKIE,
        f"{provider.slug} {asked.number}",
        salt=SALT,
        max_age=_OLDEST_S,
        path=reverse("saml_sls", args=[provider.slug]),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def hear(request: HttpRequest, provider: Provider) -> HttpResponse:
    """What the provider says by way of the browser. Raises SignOutRefused."""
    kind = _kind(request, provider)
    auth = _auth(request, provider)
    if kind == RESPONSE:
        return _is_back(request, provider, auth)
    with transaction.atomic():  # what fails behind it leaves the message good for a second try
        address, root = _read(request, provider, auth, kind)
        name_id = _name_of(provider, auth)
        ended = sessions.end_named(provider, name_id, [(one.text or "").strip() for one in root.findall(_INDEX)])
    log.info("sign_out.by_provider", provider=provider.slug, sessions=ended)
    return HttpResponseRedirect(address)


def _is_back(request: HttpRequest, provider: Provider, auth: Any) -> HttpResponse:
    """Whoever comes back has left here before: nothing but the cookie remains to be ended."""
    slug, _, number = str(request.get_signed_cookie(COOKIE, "", salt=SALT, max_age=_OLDEST_S)).partition(" ")
    if slug != provider.slug or not number:
        _refuse(provider, "an answer that nobody here asked for")
    _, root = _read(request, provider, auth, RESPONSE, number)
    if root.get("InResponseTo") != number:
        _refuse(provider, "an answer to something else")
    if auth.get_errors():
        log.warning("sign_out.not_at_provider", provider=provider.slug)
    response = HttpResponseRedirect(reverse("account_login"))
    response.delete_cookie(COOKIE, path=reverse("saml_sls", args=[provider.slug]), samesite="Lax")
    return response


def _kind(request: HttpRequest, provider: Provider) -> str:
    """Which of the two it is. A part that is named twice, once in other letters, could be signed in one place and read
    in the other."""
    query = request.META["QUERY_STRING"]
    if len(query) > _LONGEST:
        _refuse(provider, "a message that is too long")
    raw = [part.partition("=")[0] for part in query.split("&")]
    kinds = [one for one in (REQUEST, RESPONSE) if one in request.GET]
    once = all(raw.count(one) == len(request.GET.getlist(one)) <= 1 for one in _ONCE)
    if len(kinds) != 1 or not once:
        _refuse(provider, "no single message")
    return kinds[0]


def _auth(request: HttpRequest, provider: Provider) -> Any:
    from allauth.socialaccount.adapter import get_adapter
    from allauth.socialaccount.providers.saml import utils

    app = get_adapter(request).get_app(request, provider="saml", client_id=provider.slug)
    signed = {**settings_of(provider)["advanced"], "want_message_signed": True}
    app.settings = {**app.settings, "advanced": signed}
    auth = utils.build_auth(request, app.get_provider(request))
    # What was signed are the letters of the address: the same value can be written in several ways.
    auth._request_data |= {"query_string": request.META["QUERY_STRING"], "validate_signature_from_qs": True}
    return auth


def _read(request: HttpRequest, provider: Provider, auth: Any, kind: str, number: str | None = None) -> tuple[str, Any]:
    """-> where the browser goes next, and the message. `number`: of the request that it answers."""
    _check_signature(request, provider, auth, kind)
    try:
        address = auth.process_slo(keep_local_session=True, request_id=number)
        errors = set(auth.get_errors()) - {"logout_not_success"}
        root = root_of(auth.get_last_request_xml() if kind == REQUEST else auth.get_last_response_xml())
        issued = moment(root.get("IssueInstant", ""))
    except errors_of_library() as error:
        _refuse(provider, f"{type(error).__name__}: {error}")
    if errors:
        _refuse(provider, auth.get_last_error_reason() or ", ".join(sorted(errors)))
    _check_place(request, provider, root)
    if not -_CLOCKS_S <= time.time() - issued <= _OLDEST_S:
        _refuse(provider, "a message of another time")
    until = datetime.fromtimestamp(issued + 2 * _OLDEST_S, UTC)
    if not spend(provider, f"logout:{root.get('ID')}", until):
        _refuse(provider, "what came a second time")
    return str(address or ""), root


def _check_signature(request: HttpRequest, provider: Provider, auth: Any, kind: str) -> None:
    if not request.GET.get("Signature") or request.GET.get("SigAlg") not in _ALGORITHMS:
        _refuse(provider, "no signature that is taken")
    holds = auth.validate_request_signature if kind == REQUEST else auth.validate_response_signature
    if not holds(request.GET):
        _refuse(provider, "another signature")


def _check_place(request: HttpRequest, provider: Provider, root: Any) -> None:
    """From whom, and to whom."""
    issuer = root.find(_ISSUER)
    if issuer is None or (issuer.text or "").strip() != provider.issuer:
        _refuse(provider, "a message of another issuer")
    if root.get("Destination") != request.build_absolute_uri(request.path):
        _refuse(provider, "a message for another place")


def _name_of(provider: Provider, auth: Any) -> str:
    try:
        return str(auth.logout_request_class.get_nameid(auth.get_last_request_xml()) or "").strip()
    except errors_of_library() as error:
        _refuse(provider, f"{type(error).__name__}: {error}")


def _refuse(provider: Provider, reason: str) -> NoReturn:
    log.warning("sign_out.refused", provider=provider.slug, reason=reason[:200])
    raise SignOutRefused from None
