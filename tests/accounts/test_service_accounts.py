"""Accounts of programs: keys open things for them, and nothing else does."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from chatapp.access import people_of_sessions
from chatapp.accounts.keys import create_key
from chatapp.accounts.links import make_link
from chatapp.accounts.models import ApiKey, OneTimeLink, User
from chatapp.errors import Invalid
from chatapp.governance.models import AuditEntry
from retrieval.models import Collection
from tests.conftest import Cast, signed_in_client, signed_in_session


@pytest.fixture
def robot(cast: Cast) -> User:
    """As an administrator makes one."""
    group = cast.alice.groups.get()
    Collection.objects.create(name="Reports").readers.add(group)
    form = {"username": "robot", "owner": str(cast.alice.pk), "contact": "it@example.com", "groups": str(group.pk)}
    client = signed_in_client(cast.administrator)
    answer = client.post("/admin/accounts/serviceaccount/add/", form | {"is_active": "on"})
    assert answer.status_code == 302, answer.content.decode()
    return User.objects.get(username="robot")


def test_it_reads_with_a_key_what_its_groups_read(robot: User) -> None:
    client = Client(headers={"Authorization": f"Bearer {create_key(user=robot, name='k')}"})
    assert [one["name"] for one in client.get("/api/collections/").json()["collections"]] == ["Reports"]
    assert (robot.is_service, robot.contact, robot.has_usable_password()) == (True, "it@example.com", False)
    assert AuditEntry.objects.get(action="service_account.added").subject == "robot"


def test_no_password_link_or_session_signs_it_in(robot: User, cast: Cast) -> None:
    robot.set_password("correct horse battery")
    robot.save()
    signs_in = Client().post("/accounts/login/", {"login": "robot", "password": "correct horse battery"})
    assert signs_in.status_code == 200 and not robot.has_usable_password()
    with pytest.raises(Invalid):
        make_link(robot)
    link = make_link(cast.bob)
    OneTimeLink.objects.update(user=robot)
    assert Client().post(link).status_code == 404
    client = signed_in_client(robot)
    assert client.get("/api/collections/").status_code == 401 and client.get("/").status_code == 302
    assert people_of_sessions([signed_in_session(robot), signed_in_session(cast.alice)]) == [None, cast.alice]


def test_it_is_never_an_administrator(robot: User) -> None:
    for flag in ("is_superuser", "is_staff"):
        with pytest.raises(IntegrityError), transaction.atomic():
            User.objects.filter(pk=robot.pk).update(**{flag: True})


def test_its_owner_and_administrators_look_after_its_keys_and_nobody_else(robot: User, cast: Cast) -> None:
    page = f"/accounts/keys/of/{robot.pk}/"
    form = {"name": "nightly", "days": "30", "actions": ["read"]}
    assert signed_in_client(cast.bob).post(page, form).status_code == 404
    assert signed_in_client(cast.alice).post(page, form).status_code == 200
    row = ApiKey.objects.get()
    assert row.user == robot and AuditEntry.objects.get(action="api_key.made").actor_name == "alice"
    assert "robot" in signed_in_client(cast.alice).get("/accounts/keys/").content.decode()
    assert signed_in_client(cast.bob).post(f"/accounts/keys/{row.pk}/revoke/").status_code == 404
    assert signed_in_client(cast.administrator).post(f"/accounts/keys/{row.pk}/revoke/").status_code == 302


def test_people_and_programs_are_listed_apart(robot: User, cast: Cast) -> None:
    client = signed_in_client(cast.administrator)
    people = client.get("/admin/accounts/user/").content.decode()
    programs = client.get("/admin/accounts/serviceaccount/").content.decode()
    assert ">robot<" not in people and ">bob<" in people
    assert ">robot<" in programs and ">bob<" not in programs
    assert client.get(f"/admin/accounts/serviceaccount/{cast.bob.pk}/change/").status_code in (302, 404)
