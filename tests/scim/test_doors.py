"""Who is let in, how often, with how much; and what everybody else is told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from chatapp.accounts.keys import create_key
from chatapp.accounts.models import User
from chatapp.errors import Invalid
from chatapp.governance.models import AuditEntry
from chatapp.scim import door, tokens
from chatapp.scim.models import ProvisioningClient, Token
from chatapp.scim.shapes import ERROR
from tests.conftest import signed_in_client
from tests.scim.conftest import Directory

pytestmark = pytest.mark.django_db


def refused(directory: Directory, **headers: str) -> Any:
    answer = directory.ask("GET", "Users", **headers)
    assert answer.status_code == 401 and answer.headers["WWW-Authenticate"].startswith("Bearer")
    told = answer.json()
    assert told["schemas"] == [ERROR] and told["status"] == "401" and told["detail"]
    return told


def test_only_a_token_opens_the_doors(directory: Directory, boss: User) -> None:
    assert directory.ask("GET", "Users").status_code == 200
    key = create_key(user=boss, name="program")
    for given in ("", "Bearer", "Bearer fn-scim-wrong", f"Bearer {key}", f"Basic {directory.token}", "Bearer \xff"):
        refused(directory, Authorization=given)
    assert signed_in_client(boss).get("/scim/v2/Users").status_code == 401


def test_tokens_end_and_are_revoked_and_clients_turned_off(directory: Directory, boss: User) -> None:
    row = Token.objects.get()
    Token.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    refused(directory)
    Token.objects.update(expires_at=timezone.now() + timedelta(days=1))
    ProvisioningClient.objects.update(is_on=False)
    refused(directory)
    ProvisioningClient.objects.update(is_on=True)
    assert directory.ask("GET", "Users").status_code == 200
    tokens.revoke(row, by=boss)
    tokens.revoke(row, by=boss)
    refused(directory)
    assert AuditEntry.objects.filter(action="scim.token.revoked").count() == 1


def test_a_token_is_stored_hashed_and_its_use_is_noted(directory: Directory) -> None:
    row = Token.objects.get()
    assert row.last_used_at is None and directory.token not in str(Token.objects.values())
    directory.ask("GET", "Users")
    row.refresh_from_db()
    assert row.last_used_at is not None
    directory.ask("GET", "Users")
    assert Token.objects.get().last_used_at == row.last_used_at  # a minute at the least between two notes


def test_tokens_are_bounded_in_number_and_days(directory: Directory, boss: User) -> None:
    for days in (0, 731):
        with pytest.raises(Invalid):
            tokens.make(client=directory.client, days=days, by=boss)
    for _ in range(4):
        tokens.make(client=directory.client, days=1, by=boss)
    with pytest.raises(Invalid):
        tokens.make(client=directory.client, days=1, by=boss)


def test_a_client_may_ask_so_often(directory: Directory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "REQUESTS", 3)
    answers = [directory.ask("GET", "Users") for _ in range(4)]
    assert [one.status_code for one in answers] == [200, 200, 200, 429]
    assert int(answers[-1].headers["Retry-After"]) >= 1 and answers[-1].json()["schemas"] == [ERROR]


def test_guessing_is_slowed_down_and_shuts_nobody_else_out(
    directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "REFUSALS", 3)
    stranger = Client(headers={"Authorization": "Bearer fn-scim-guess"})
    assert [stranger.get("/scim/v2/Users").status_code for _ in range(4)] == [401, 401, 401, 429]
    assert AuditEntry.objects.filter(action="scim.refused").count() == 3
    assert directory.ask("GET", "Users").status_code == 200


def test_what_is_not_offered_is_said_in_scims_form(directory: Directory) -> None:
    for method, place, status in (
        ("GET", "Me", 404),
        ("POST", "Bulk", 404),
        ("POST", "Users/.search", 404),
        ("GET", "Users/7", 404),
        ("GET", "users", 404),
        ("DELETE", "Users", 405),
        ("POST", "Schemas", 405),
    ):
        answer = directory.ask(method, place)
        assert answer.status_code == status and answer.json()["schemas"] == [ERROR], place


def test_a_body_is_bounded(directory: Directory, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    answer = directory.ask("POST", "Users", {"userName": "dana", "title": "x" * 1000})
    assert answer.status_code == 413 and answer.json()["schemas"] == [ERROR]


def test_an_outage_is_told_in_scims_form(directory: Directory, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("nobody expected this")

    monkeypatch.setattr("chatapp.scim.people.groups_of_each", broken)
    client = Client(raise_request_exception=False, headers={"Authorization": f"Bearer {directory.token}"})
    answer = client.get("/scim/v2/Users")
    assert answer.status_code == 500 and answer.json()["schemas"] == [ERROR] and b"expected" not in answer.content
