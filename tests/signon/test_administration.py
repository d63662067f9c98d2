"""Identity providers under /admin/."""

from __future__ import annotations

from typing import Any

import pytest
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import Group
from django.test import Client

from chatapp.governance.models import AuditEntry
from chatapp.signon import providers
from chatapp.signon.models import IdentityProvider
from tests.conftest import Cast

PROVIDERS, LINKS = "/admin/signon/identityprovider/", "/admin/socialaccount/socialaccount/"
CORP = {
    "name": "Example Corp",
    "slug": "corp",
    "kind": "oidc",
    "is_on": "on",
    "issuer": "https://id.example.com",
    "client_id": "footnote",
    "key": "SIGNON_KEY_CORP",
    "scopes": "openid profile email",
    "groups_claim": "groups",
    "domains": "example.com",
    "required_groups": "",
    "creates_people": "on",
    "session_hours": "12",
    "sso_url": "",
    "certificate": "",
    "rules-TOTAL_FORMS": "2",
    "rules-INITIAL_FORMS": "0",
    "rules-0-value": "staff",
    "rules-1-value": "admins",
    "rules-1-group": "",
}


@pytest.fixture
def admin(cast: Cast, client: Client, settings: Any) -> Client:
    settings.SIGNON_KEYS = {"SIGNON_KEY_CORP": "hush, hush"}
    client.force_login(cast.administrator)
    return client


def add(admin: Client, **changed: str) -> int:
    group = Group.objects.get_or_create(name="Staff")[0]
    return admin.post(f"{PROVIDERS}add/", {**CORP, "rules-0-group": str(group.pk), **changed}).status_code


def test_a_provider_with_its_rules_is_added_and_its_secret_is_nowhere_to_be_seen(admin: Client) -> None:
    assert add(admin) == 302
    found = providers.find("corp")
    assert found is not None and {(rule.value, rule.group) for rule in found.rules} == {
        ("staff", "Staff"),
        ("admins", ""),
    }
    row = IdentityProvider.objects.get()
    assert b"hush" not in admin.get(f"{PROVIDERS}{row.pk}/change/").content
    entry = AuditEntry.objects.get(action="sign_on.provider_added")
    assert "hush" not in str(entry.detail) and entry.detail["rules"] == ["staff → Staff", "admins → administrators"]
    assert "Sign in with Example Corp" in Client().get("/accounts/login/").content.decode()


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": "http://id.example.com"},
        {"issuer": "https://me:pass@id.example.com"},
        {"key": "CHATAPP_SECRET_KEY"},
        {"key": "SIGNON_KEY_NOBODY"},
        {"client_id": ""},
        {"kind": "saml"},
        {"slug": "saml"},
        {"domains": "@example.com"},
        {"session_hours": "0"},
    ],
    ids=str,
)
def test_a_provider_that_cannot_be_right_is_refused(admin: Client, wrong: dict[str, str]) -> None:
    assert add(admin, **wrong) == 200
    assert not IdentityProvider.objects.exists()


def test_a_provider_that_is_off_has_no_button_and_no_door(admin: Client) -> None:
    add(admin, is_on="")
    assert "Example Corp" not in Client().get("/accounts/login/").content.decode()
    for way in ("oidc/corp/login/", "oidc/corp/callback/?code=1&state=2", "saml/corp/metadata/"):
        assert Client().get(f"/accounts/signon/{way}").status_code == 404


def test_the_page_of_a_provider_leads_to_its_test_before_it_is_switched_on(admin: Client) -> None:
    add(admin, is_on="")
    page = admin.get(f"{PROVIDERS}{IdentityProvider.objects.get().pk}/change/").content.decode()
    trials = "/admin/operations/providertrial/"
    assert f'href="{trials}#provider-corp"' in page
    assert 'id="provider-corp"' in admin.get(trials).content.decode()


def test_somebody_who_has_an_account_is_linked_by_an_administrator(admin: Client, cast: Cast) -> None:
    add(admin)
    values = {"user": str(cast.alice.pk), "provider": "corp", "uid": "alice-at-corp"}
    assert admin.post(f"{LINKS}add/", values).status_code == 302
    link = SocialAccount.objects.get()
    assert (link.user, link.extra_data) == (cast.alice, {"issuer": "https://id.example.com"})
    assert AuditEntry.objects.get(action="sign_on.linked").whole_subject == "alice"


def test_providers_are_for_administrators(client: Client, cast: Cast) -> None:
    cast.bob.is_staff = True
    cast.bob.save()
    for person in (cast.alice, cast.bob, cast.charlie):
        client.force_login(person)
        for page in (PROVIDERS, LINKS, f"{PROVIDERS}add/"):
            assert client.get(page).status_code in (302, 403, 404)
