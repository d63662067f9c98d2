"""Identity providers as the environment names them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from chatapp.signon import providers
from chatapp.signon.config import ConfigRefused, Rule, parsed
from chatapp.signon.models import IdentityProvider
from tests.test_settings import started

CORP: dict[str, Any] = {
    "slug": "corp",
    "name": "Example Corp",
    "kind": "oidc",
    "issuer": "https://id.example.com",
    "client_id": "footnote",
    "key": "SIGNON_KEY_CORP",
    "groups": {"staff": "Staff"},
    "administrators": ["admins"],
    "domains": ["example.com"],
}


def test_several_providers_are_read() -> None:
    saml = {"slug": "two", "name": "Two", "kind": "saml", "issuer": "urn:two", "sso_url": "https://two.example/sso"}
    found = parsed(json.dumps([CORP, {**saml, "certificate": "MIIC"}]))
    assert [one.slug for one in found] == ["corp", "two"]
    assert found[0].rules == (Rule("staff", "Staff"), Rule("admins")) and found[0].session_hours == 12


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("nonsense", "no JSON"),
        (json.dumps(CORP), "a list of objects"),
        (json.dumps([CORP, CORP]), "the same slug"),
        (json.dumps([{**CORP, "secret": "hush"}]), "no setting secret"),
        (json.dumps([{**CORP, "issuer": "http://id.example.com"}]), "https://"),
        (json.dumps([{**CORP, "key": "CHATAPP_SECRET_KEY"}]), "begins with SIGNON_KEY_"),
        (json.dumps([{**CORP, "domains": "example.com"}]), "a list of texts"),
        (json.dumps([{**CORP, "session_hours": "12"}]), "of type int"),
        (json.dumps([{**CORP, "groups": ["staff"]}]), "groups must map"),
        (json.dumps([{**CORP, "scopes": ["profile"]}]), "include openid"),
        (json.dumps([{name: value for name, value in CORP.items() if name != "issuer"}]), "needs a setting issuer"),
        (json.dumps([{**CORP, "kind": "saml"}]), "sso_url"),
    ],
)
def test_a_description_that_is_not_right_is_refused_with_a_sentence(given: str, sentence: str) -> None:
    with pytest.raises(ConfigRefused, match=sentence):
        parsed(given)


def test_a_wrong_description_stops_the_start_and_does_not_repeat_it() -> None:
    done = started(CHATAPP_SIGNON_PROVIDERS=json.dumps([{**CORP, "client_secret": "hush, hush"}]))
    assert done.returncode == 1 and "hush, hush" not in done.stderr
    assert "CHATAPP_SIGNON_PROVIDERS describes no identity providers. A provider has no setting" in done.stderr


@pytest.mark.django_db
def test_the_environment_counts_for_more_than_the_administration(settings: Any, client: Client) -> None:
    settings.SIGNON_PROVIDERS = parsed(json.dumps([CORP]))
    elsewhere = {"kind": "oidc", "issuer": "https://elsewhere.example", "client_id": "footnote"}
    IdentityProvider.objects.create(name="Other", slug="corp", **elsewhere)
    IdentityProvider.objects.create(name="Third", slug="third", **elsewhere)
    assert [(one.slug, one.name) for one in providers.in_use()] == [("corp", "Example Corp"), ("third", "Third")]
    page = client.get("/accounts/login/").content.decode()
    assert "Example Corp" in page and "Third" in page and "Other" not in page
