"""SAML 2.0: signed assertions alone, for us, in time, asked for by us, and each once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from chatapp.signon import providers
from chatapp.signon.config import Provider
from chatapp.signon.identity import Identity, NameId, groups_of, text_of
from chatapp.signon.oidc import check_issuer
from chatapp.signon.services import fail

_TRANSIENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
_MAIL_FORMAT = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
_CLAIMS = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
_SUBJECTS = ("urn:oasis:names:tc:SAML:attribute:subject-id", "urn:oasis:names:tc:SAML:attribute:pairwise-id")
_EMAILS = ("email", "mail", "urn:oid:0.9.2342.19200300.100.1.3", f"{_CLAIMS}emailaddress")
_NAMES = ("username", "uid", "urn:oid:0.9.2342.19200300.100.1.1", f"{_CLAIMS}name")
_FIRST = ("firstName", "givenName", "urn:oid:2.5.4.42", f"{_CLAIMS}givenname")
_LAST = ("lastName", "sn", "urn:oid:2.5.4.4", f"{_CLAIMS}surname")


def settings_of(provider: Provider) -> dict[str, Any]:
    """As allauth and python3-saml want them. Nothing is fetched from the provider."""
    ours = {"sp": {"entity_id": provider.client_id}} if provider.client_id else {}
    theirs = {"entity_id": provider.issuer, "sso_url": provider.sso_url, "x509cert": provider.certificate}
    return {
        **ours,
        "idp": theirs | ({"slo_url": provider.slo_url} if provider.slo_url else {}),
        "advanced": {
            "strict": True,
            "want_assertion_signed": True,
            "want_name_id": True,
            "want_attribute_statement": False,
            "reject_deprecated_algorithm": True,
            "reject_idp_initiated_sso": True,
            "allow_single_label_domains": provider.is_on_this_machine,
            **_own_key(provider),
        },
    }


def _own_key(provider: Provider) -> dict[str, Any]:
    """What our messages about sign-outs are signed with: a key and its certificate, in one secret. Empty: nothing."""
    pem = providers.secret_of(provider)
    key, certificate = (
        re.search(rf"-----BEGIN ([A-Z ]*{kind})-----.*?-----END \1-----", pem, re.S)
        for kind in ("PRIVATE KEY", "CERTIFICATE")
    )
    if key is None or certificate is None:
        return {}
    signs = {"logout_request_signed": True, "logout_response_signed": True}
    return {"private_key": key[0], "x509cert": certificate[0], **signs}


def identity_of(provider: Provider, auth: Any) -> Identity:
    """From a response that python3-saml has found to be signed, in time and for this address."""
    lists: Mapping[str, list[Any]] = auth.get_attributes()
    one = {name: values[0] for name, values in lists.items() if values}
    subject = text_of(one, *_SUBJECTS) or _name_id(provider, auth)
    _check_audience(provider, auth)
    check_issuer(provider, subject)
    email = text_of(one, *_EMAILS) or (auth.get_nameid() if auth.get_nameid_format() == _MAIL_FORMAT else "")
    return Identity(
        provider=provider,
        subject=subject,
        username=text_of(one, *_NAMES) or email.partition("@")[0],
        email=email,
        first_name=text_of(one, *_FIRST),
        last_name=text_of(one, *_LAST),
        groups=groups_of(lists, provider.groups_claim),
        session_id=str(auth.get_session_index() or "")[:255],
        name_id=_whole_name(auth),
        once=(str(auth.get_last_assertion_id()), _until(auth)),
        authenticated_at=_authenticated_at(auth),
    )


def _name_id(provider: Provider, auth: Any) -> str:
    subject = auth.get_nameid()
    if not isinstance(subject, str) or not 0 < len(subject) <= 191:
        fail(provider, "a subject that is no short text")
    if auth.get_nameid_format() == _TRANSIENT:
        fail(provider, "a subject that changes with each sign-in")
    return subject


def _whole_name(auth: Any) -> NameId | None:
    """None: so long that nobody is signed out by it."""
    value = auth.get_nameid()
    parts = (auth.get_nameid_format(), auth.get_nameid_nq(), auth.get_nameid_spnq())
    return NameId(value, *(str(one or "") for one in parts)) if isinstance(value, str) and len(value) <= 255 else None


def errors_of_library() -> tuple[type[Exception], ...]:
    """Of messages that are none, and of keys that cannot be read."""
    import xmlsec
    from lxml.etree import LxmlError
    from onelogin.saml2.errors import OneLogin_Saml2_Error, OneLogin_Saml2_ValidationError

    return LxmlError, ValueError, xmlsec.Error, OneLogin_Saml2_Error, OneLogin_Saml2_ValidationError


def root_of(xml: str) -> Any:
    from onelogin.saml2.xml_utils import OneLogin_Saml2_XML

    return OneLogin_Saml2_XML.to_etree(xml)


def moment(text: str) -> float:
    """Seconds since 1970. Raises errors of the library."""
    from onelogin.saml2.utils import OneLogin_Saml2_Utils

    return float(OneLogin_Saml2_Utils.parse_SAML_to_time(text))


def _check_audience(provider: Provider, auth: Any) -> None:
    """python3-saml compares the audience where there is one; here there must be."""
    from onelogin.saml2.xml_utils import OneLogin_Saml2_XML

    document = OneLogin_Saml2_XML.to_etree(auth.get_last_response_xml())
    if not OneLogin_Saml2_XML.query(document, "//saml:Assertion/saml:Conditions/saml:AudienceRestriction"):
        fail(provider, "an assertion for nobody in particular")


def _authenticated_at(auth: Any) -> float | None:
    """The earliest of its moments: a session at the provider keeps that of its beginning (SAML Core 2.7.2)."""
    from onelogin.saml2.utils import OneLogin_Saml2_Utils
    from onelogin.saml2.xml_utils import OneLogin_Saml2_XML

    document = OneLogin_Saml2_XML.to_etree(auth.get_last_response_xml())
    found = OneLogin_Saml2_XML.query(document, "//saml:Assertion/saml:AuthnStatement/@AuthnInstant")
    return min((float(OneLogin_Saml2_Utils.parse_SAML_to_time(str(one))) for one in found), default=None)


def _until(auth: Any) -> datetime:
    """An assertion is refused afterwards in any case; one that would hold for longer is remembered as long."""
    ends = auth.get_last_assertion_not_on_or_after()
    soon = timezone.now() + timedelta(hours=1)
    return max(soon, datetime.fromtimestamp(ends, UTC) + timedelta(minutes=10)) if ends else soon
