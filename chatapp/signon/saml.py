"""SAML 2.0: signed assertions alone, for us, in time, asked for by us, and each once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from chatapp.signon.config import Provider
from chatapp.signon.identity import Identity, groups_of, text_of
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
    return {
        **ours,
        "idp": {"entity_id": provider.issuer, "sso_url": provider.sso_url, "x509cert": provider.certificate},
        "advanced": {
            "strict": True,
            "want_assertion_signed": True,
            "want_name_id": True,
            "want_attribute_statement": False,
            "reject_deprecated_algorithm": True,
            "reject_idp_initiated_sso": True,
            "allow_single_label_domains": provider.is_on_this_machine,
        },
    }


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
