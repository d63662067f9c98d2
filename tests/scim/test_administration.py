"""Clients and tokens under /admin/: for superusers who signed in a moment ago."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from chatapp.accounts.models import User
from chatapp.governance.models import AuditEntry
from chatapp.scim.models import Person, ProvisioningClient, Token
from chatapp.signon.config import OIDC, Provider
from chatapp.signon.models import Grant
from retrieval.tenants import HOUSE
from tests.conftest import signed_in_client
from tests.scim.conftest import Directory

pytestmark = pytest.mark.django_db
PAGE = "/admin/scim/provisioningclient"


def too_late(client: Client) -> Client:
    session = client.session
    session["signed_in_at"] = 0
    session.save()
    return client


def test_a_client_and_its_token_are_made_on_the_page_and_the_token_is_shown_once(boss: User, settings: Any) -> None:
    settings.SIGNON_PROVIDERS = (Provider("corp", "Corp", OIDC, "https://id.example.com"),)
    page = signed_in_client(boss)
    data = {"name": "Okta", "is_on": "on", "identity_provider": "corp", "subject": "externalId"}
    data["organisation"] = str(HOUSE)
    assert page.post(f"{PAGE}/add/", data).status_code == 302
    client = ProvisioningClient.objects.get()
    assert page.post(f"{PAGE}/{client.pk}/tokens/", {"days": "731"}).status_code == 200 and not Token.objects.exists()
    made = page.post(f"{PAGE}/{client.pk}/tokens/", {"days": "30"}).content.decode()
    token = re.findall(r'value="(fn-scim-[^"]+)"', made)[0]
    assert "fn-scim-" not in page.get(f"{PAGE}/{client.pk}/tokens/").content.decode()
    assert Directory(client, token).ask("GET", "Users").status_code == 200
    assert "Make and revoke" in page.get(f"{PAGE}/").content.decode()
    page.post(f"{PAGE}/{client.pk}/tokens/", {"revoke": str(Token.objects.get().pk)})
    assert Directory(client, token).ask("GET", "Users").status_code == 401
    actions = AuditEntry.objects.filter(action__startswith="scim.", actor_id=boss.pk).order_by("pk")
    assert [line.action for line in actions] == ["scim.client.added", "scim.token.made", "scim.token.revoked"]


def test_nothing_is_made_or_revoked_without_a_recent_sign_in(directory: Directory, boss: User) -> None:
    page = too_late(signed_in_client(boss))
    tokens = f"{PAGE}/{directory.client.pk}/tokens/"
    for place, data in (
        (tokens, {"days": "30"}),
        (tokens, {"revoke": str(Token.objects.get().pk)}),
        (f"{PAGE}/add/", {}),
    ):
        assert page.post(place, data).headers["Location"].startswith("/accounts/again/")
    assert Token.objects.filter(revoked_at=None).count() == 1


def test_the_pages_are_for_superusers(directory: Directory) -> None:
    staff = signed_in_client(User.objects.create_user("staff", is_staff=True))
    for place in ("", "add/", f"{directory.client.pk}/tokens/", f"{directory.client.pk}/change/"):
        assert staff.get(f"{PAGE}/{place}").status_code == 404


def test_another_clients_token_is_not_revoked_and_absent_clients_are_absent(directory: Directory, boss: User) -> None:
    page = signed_in_client(boss)
    other = ProvisioningClient.objects.create(name="Other")
    row = Token.objects.get()
    assert page.post(f"{PAGE}/{other.pk}/tokens/", {"revoke": str(row.pk)}).status_code == 404
    assert page.get(f"{PAGE}/{row.pk}/tokens/").status_code == 404
    assert Token.objects.filter(revoked_at=None).exists()


def test_what_a_removed_client_made_stays_as_if_made_here(directory: Directory, boss: User) -> None:
    directory.make_group("Legal", directory.make("dana"))
    signed_in_client(boss).post(f"{PAGE}/{directory.client.pk}/delete/", {"post": "yes"})
    assert directory.ask("GET", "Users").status_code == 401
    assert User.objects.get(username="dana").is_active and not Person.objects.exists()
    assert Group.objects.get(name="Legal").user_set.count() == 1 and not Grant.objects.exists()
    assert AuditEntry.objects.filter(action="scim.client.removed").exists()
