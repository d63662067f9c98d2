"""Sign-ins, accounts and groups leave their lines, whichever door they came through."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import connection
from django.test import Client

from chatapp.accounts.models import User
from chatapp.governance.models import AuditEntry
from retrieval.tenants import HOUSE
from tests.conftest import Cast, signed_in_client

LOGIN = "/accounts/login/"


def lines(prefix: str) -> list[tuple[str, str]]:
    found = AuditEntry.objects.filter(action__startswith=prefix).order_by("pk")
    return [(entry.action, entry.whole_subject) for entry in found]


def stored() -> str:
    """All that the table holds."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(string_agg(e::text, ''), '') FROM governance_auditentry e")
        return str(cursor.fetchone()[0])


def test_a_wrong_password_is_written_down_under_the_name_of_the_person(cast: Cast) -> None:
    Client().post(LOGIN, {"login": "charlie", "password": "wrong"}, REMOTE_ADDR="203.0.113.7")
    assert lines("sign_in.failed") == [("sign_in.failed", "charlie")]
    entry = AuditEntry.objects.get()
    assert entry.whole_detail == {"address": "203.0.113.7"} and entry.actor is None
    assert "charlie" not in stored() and "203.0.113.7" not in stored()


def test_a_name_that_nobody_has_is_not_kept_for_it_may_be_a_password(cast: Cast) -> None:
    for name in ("hunter2-hunter2", "hunter2-hunter2", "another"):
        Client().post(LOGIN, {"login": name, "password": "wrong"})
    subjects = [subject for _, subject in lines("sign_in.failed")]
    assert len(subjects) == 3 and subjects[0] == subjects[1] != subjects[2]
    assert "hunter2" not in stored() and "another" not in stored()


def test_what_an_administrator_does_to_an_account_is_written_down(cast: Cast) -> None:
    admin = signed_in_client(cast.administrator)
    group = Group.objects.get(name="members")
    add = {"username": "dora", "usable_password": "false", "organisation": HOUSE}
    assert admin.post("/admin/accounts/user/add/", add).status_code == 302
    dora = User.objects.get(username="dora")
    form = {
        "username": "dora",
        "organisation": HOUSE,
        "email": "dora@example.com",
        "is_superuser": "on",
        "is_staff": "on",
        "groups": [group.pk],
        "date_joined_0": "2026-01-01",
        "date_joined_1": "00:00",
    }
    assert admin.post(f"/admin/accounts/user/{dora.pk}/change/", form).status_code == 302
    assert admin.post(f"/admin/accounts/user/{dora.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not User.objects.filter(username="dora").exists()
    assert set(lines("account.")) == {
        (f"account.{done}", "dora")
        # What opened the account before is ended when somebody becomes an administrator.
        for done in ("added", "disabled", "administrator_made", "password_changed", "staff_made", "changed", "removed")
    }
    assert lines("group.") == [("group.member_added", "members")]
    assert AuditEntry.objects.get(action="group.member_added").whole_detail == {"member": "dora"}
    changed = AuditEntry.objects.get(action="account.changed")
    assert changed.detail == {"fields": ["email"]} and changed.actor == cast.administrator
    assert "dora" not in stored()


def test_groups_are_written_down(cast: Cast) -> None:
    admin = signed_in_client(cast.administrator)
    assert admin.post("/admin/auth/group/add/", {"name": "auditors", "organisation": HOUSE}).status_code == 302
    group = Group.objects.get(name="auditors")
    assert admin.post(f"/admin/auth/group/{group.pk}/delete/", {"post": "yes"}).status_code == 302
    assert lines("group.") == [("group.added", "auditors"), ("group.removed", "auditors")]


def test_what_footnote_does_by_itself_leaves_no_line(cast: Cast) -> None:
    cast.bob.is_active = False
    cast.bob.save()
    cast.bob.groups.clear()
    assert not AuditEntry.objects.exists()


def test_a_key_names_whom_it_is_for_under_their_seal(cast: Cast) -> None:
    call_command("apikey", "create", "ci", "--user", "alice", "--json")
    assert AuditEntry.objects.filter(action__startswith="api_key").exists()
    assert "alice" not in stored()


@pytest.mark.parametrize("name", ["nobody", "00000000-0000-4000-8000-000000000000"])
def test_a_sign_in_of_nobody_makes_no_key(cast: Cast, name: str) -> None:
    from chatapp.privacy.models import PersonKey

    Client().post(LOGIN, {"login": name, "password": "wrong"})
    assert not PersonKey.objects.exists()
