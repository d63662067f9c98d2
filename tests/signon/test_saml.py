"""Signing in at a SAML provider, and what is refused there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from onelogin.saml2.utils import OneLogin_Saml2_Utils

from chatapp.accounts.models import User
from chatapp.governance.models import AuditEntry
from chatapp.signon.config import SAML, Provider, Rule
from tests.idp.running import IdentityProvider, running
from tests.signon.saml_party import DOOR, ERIN, Party, Signer, signer

pytestmark = pytest.mark.django_db
TRANSIENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
OURS = f"http://testserver{DOOR}"


@pytest.fixture(scope="module")
def keys() -> Signer:
    return signer()


@pytest.fixture(scope="module")
def another() -> Signer:
    return signer()


@pytest.fixture(scope="module")
def given(keys: Signer) -> dict[str, Any]:
    return {"acs": f"{OURS}/acs/", "key": keys.key, "certificate": keys.certificate, "person": ERIN}


@pytest.fixture(scope="module")
def idp(given: dict[str, Any]) -> Iterator[IdentityProvider]:
    with running("saml.mjs", given) as provider:
        yield provider


@pytest.fixture
def party(idp: IdentityProvider, given: dict[str, Any], keys: Signer, settings: Any) -> Party:
    cache.clear()
    rules = (Rule("staff", "Staff"), Rule("legal", "Legal"), Rule("footnote-admins"))
    provider = Provider(
        "corp", "Corp", SAML, idp.address, sso_url=f"{idp.address}/sso", certificate=keys.certificate, rules=rules
    )
    settings.SIGNON_PROVIDERS = (provider.check(),)
    found = Party(idp, given)
    found.change()
    return found


def groups_of(name: str) -> set[str]:
    return set(User.objects.get(username=name).groups.values_list("name", flat=True))


def test_the_first_sign_in_makes_a_person_with_groups_and_later_ones_change_them(party: Party) -> None:
    answer = party.sign_in()
    assert (answer.status_code, answer.headers["Location"]) == (302, "/documents/") and party.is_in
    erin = User.objects.get(username="erin")
    assert erin.email == "erin@example.com" and groups_of("erin") == {"Staff", "Legal"}
    party.client.logout()
    attributes = {**ERIN["attributes"], "groups": ["legal", "footnote-admins"]}
    party.sign_in(person={**ERIN, "attributes": attributes})
    erin.refresh_from_db()
    assert party.is_in and groups_of("erin") == {"Legal"} and erin.is_superuser and User.objects.count() == 1


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "unsigned": ({"signAssertion": False}, "is not signed"),
    "signed as a whole, not the assertion": ({"signAssertion": False, "signResponse": True}, "is not signed"),
    "for another audience": ({"audience": "https://elsewhere.example"}, "not a valid audience"),
    "ended": ({"lifetime": -600}, "expired"),
    "for another recipient": ({"recipient": "https://elsewhere.example/acs/"}, "SubjectConfirmation"),
    "for another destination": ({"destination": "https://elsewhere.example/acs/"}, "instead of https://elsewhere"),
    "of another issuer": ({"issuer": "https://elsewhere.example"}, "Invalid issuer"),
    "signed with SHA-1": ({"signatureAlgorithm": "rsa-sha1", "digestAlgorithm": "sha1"}, "Deprecated signature"),
    "of a subject that changes": ({"person": {**ERIN, "format": TRANSIENT}}, "a subject that changes"),
    "of a subject without end": ({"person": {**ERIN, "subject": "x" * 300}}, "no short text"),
}


@pytest.mark.parametrize(("changed", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_an_assertion_that_is_not_right_lets_nobody_in(party: Party, changed: dict[str, Any], reason: str) -> None:
    answer = party.sign_in(**changed)
    assert answer.status_code == 401 and not party.is_in and not User.objects.exists()
    assert "Signing in did not work" in answer.content.decode()
    assert reason in AuditEntry.objects.get(action="sign_on.failed").detail["reason"]


def test_an_assertion_that_another_signed_lets_nobody_in(party: Party, another: Signer) -> None:
    assert party.sign_in(key=another.key, certificate=another.certificate).status_code == 401 and not party.is_in


@pytest.mark.parametrize(
    "tampered",
    [
        lambda xml: xml.replace(">erin<", ">root<"),
        lambda xml: xml.replace("erin-at-corp", "alice-at-corp"),
        lambda xml: xml.replace(">legal<", ">footnote-admins<"),
        lambda xml: re.sub(r"NotOnOrAfter=\"\d{4}", 'NotOnOrAfter="2999', xml),
        lambda xml: re.sub(r"<saml:AudienceRestriction>.*?</saml:AudienceRestriction>", "", xml),
    ],
    ids=["attribute", "subject", "group", "time", "audience"],
)
def test_a_changed_assertion_lets_nobody_in(party: Party, tampered: Any) -> None:
    xml = party.response()
    assert tampered(xml) != xml
    assert party.hand_in(tampered(xml)).status_code == 401 and not party.is_in


def test_a_forged_assertion_beside_a_signed_one_lets_nobody_in(party: Party) -> None:
    xml = party.response()
    found = re.search(r"<saml:Assertion.*</saml:Assertion>", xml, re.S)
    assert found
    forged = re.sub(r"<Signature.*?</Signature>", "", found.group(0), flags=re.S)
    forged = forged.replace("erin-at-corp", "alice-at-corp")
    forged = re.sub(r' ID="[^"]+"', ' ID="_forged"', forged)
    for wrapped in (forged + found.group(0), found.group(0) + forged):
        assert party.hand_in(xml.replace(found.group(0), wrapped)).status_code == 401 and not party.is_in


def test_an_assertion_for_nobody_in_particular_lets_nobody_in(party: Party, keys: Signer) -> None:
    party.change(signAssertion=False)
    xml = party.response()
    open_to_all = re.sub(r"<saml:AudienceRestriction>.*?</saml:AudienceRestriction>", "", xml, flags=re.S)
    for text, status in ((open_to_all, 401), (xml, 302)):
        signed = OneLogin_Saml2_Utils.add_sign(_assertion(text), keys.key, keys.certificate)
        whole = text.replace(_assertion(text), re.sub(r"^<\?xml.*?\?>\s*", "", signed.decode()))
        assert party.hand_in(whole).status_code == status


def _assertion(xml: str) -> str:
    found = re.search(r"<saml:Assertion.*</saml:Assertion>", xml, re.S)
    assert found
    return found.group(0)


def test_a_response_is_taken_once_and_from_the_browser_that_asked(party: Party) -> None:
    xml = party.response()
    assert party.hand_in(xml, Client()).status_code in (401, 403)
    assert party.hand_in(xml).status_code == 302 and party.is_in
    party.client.logout()
    assert party.hand_in(xml).status_code in (401, 403) and not party.is_in
    party.asked()
    assert party.hand_in(xml).status_code in (401, 403) and not party.is_in


def test_a_sign_in_that_nobody_here_asked_for_is_refused(party: Party) -> None:
    xml = re.sub(r' InResponseTo="[^"]*"', "", party.response())
    assert party.hand_in(xml).status_code == 401 and not party.is_in


@pytest.mark.parametrize("body", ["", "not base64 at all", "x" * 400_000, "PGE+"], ids=["none", "junk", "long", "xml"])
def test_nonsense_is_refused_and_not_kept(party: Party, body: str) -> None:
    arrived = party.client.post(f"{DOOR}/acs/", {"SAMLResponse": body}, follow=True)
    assert arrived.status_code in (400, 401) and not party.is_in


def test_an_entity_of_another_file_is_not_read(party: Party) -> None:
    xml = '<?xml version="1.0"?><!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/hostname">]>' + party.response()
    assert party.hand_in(xml).status_code == 401 and not party.is_in


def test_the_metadata_tells_the_provider_where_to_send_people(party: Party) -> None:
    answer = Client().get(f"{DOOR}/metadata/")
    text = answer.content.decode()
    assert answer.status_code == 200 and f'Location="{OURS}/acs/"' in text and 'WantAssertionsSigned="true"' in text
