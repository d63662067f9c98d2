"""Users over SCIM: made, read, changed, closed and let go."""

from __future__ import annotations

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.sessions.models import Session
from django.test import Client

from chatapp.accounts.keys import create_key, person_of_key
from chatapp.accounts.models import User
from chatapp.governance.models import AuditEntry
from tests.conftest import signed_in_client
from tests.scim.conftest import Directory, directory_of, user_of

pytestmark = pytest.mark.django_db
DANA = {
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
    "userName": "dana@example.com",
    "externalId": "00u1",
    "name": {"givenName": "Dana", "familyName": "Doe"},
    "emails": [{"value": "other@example.com", "type": "home"}, {"value": "dana@example.com", "primary": True}],
    "displayName": "Dana D.",
    "locale": "en-US",
    "groups": [],
    "active": True,
    "password": "never kept",
}


def test_a_person_is_made_and_read(directory: Directory) -> None:
    made = directory.ask("POST", "Users", DANA)
    shown = made.json()
    assert made.status_code == 201 and made.headers["Location"] == shown["meta"]["location"]
    assert made.headers["Content-Type"] == "application/scim+json"
    assert (shown["userName"], shown["externalId"], shown["displayName"]) == ("dana@example.com", "00u1", "Dana D.")
    assert shown["emails"] == [{"value": "dana@example.com", "type": "work", "primary": True}]
    assert shown["name"] == {"formatted": "Dana Doe", "givenName": "Dana", "familyName": "Doe"}
    user = user_of(shown["id"])
    assert user.is_active and not user.has_usable_password() and not user.is_staff
    assert directory.ask("GET", f"Users/{shown['id']}").json() == shown


def test_a_second_person_of_a_name_a_number_or_an_address_is_refused(directory: Directory) -> None:
    User.objects.create_user("ada", "ada@example.com")
    directory.ask("POST", "Users", DANA)
    for changed in (
        {"externalId": "2", "userName": "DANA@example.com", "emails": []},
        {"userName": "dana2", "emails": []},
        {"externalId": "2", "userName": "dana2"},
        {"externalId": "2", "userName": "dana2", "emails": [{"value": "ADA@example.com"}]},
        {"externalId": "2", "userName": "Ada", "emails": []},
    ):
        answer = directory.ask("POST", "Users", {**DANA, **changed})
        assert answer.status_code == 409 and answer.json()["scimType"] == "uniqueness", changed
    assert User.objects.count() == 3


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"userName": ""},
        {"userName": 7},
        {"userName": "with space"},
        {"userName": "x" * 151},
        {"userName": "dana", "active": "perhaps"},
        {"userName": "dana", "emails": [{"value": "no address"}]},
        {"userName": "dana", "emails": [7]},
        {"userName": "dana", "name": "Dana"},
        {"userName": "dana", "externalId": "x" * 256},
    ],
)
def test_what_cannot_be_is_refused(directory: Directory, body: dict[str, object]) -> None:
    answer = directory.ask("POST", "Users", body)
    assert answer.status_code == 400 and answer.json()["scimType"] == "invalidValue"
    assert User.objects.count() == 1


def test_bodies_that_are_no_objects_are_refused(directory: Directory) -> None:
    for body in ("", "[]", "{", '{"userName": NaN}', "[" * 5000):
        answer = directory.ask("POST", "Users", body)
        assert answer.status_code == 400 and answer.json()["scimType"] == "invalidSyntax"


def test_put_replaces_what_is_there(directory: Directory) -> None:
    number = directory.ask("POST", "Users", DANA).json()["id"]
    shown = directory.ask("PUT", f"Users/{number}", {"userName": "dana.roe", "name": {"familyName": "Roe"}}).json()
    assert shown["userName"] == "dana.roe" and shown["name"]["formatted"] == "Roe"
    assert "emails" not in shown and "externalId" not in shown and shown["active"] is True
    assert directory.ask("PUT", f"Users/{number}", {**DANA, "active": False}).json()["active"] is False
    assert directory.ask("PUT", f"Users/{number}", DANA).json()["active"] is True


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "value": {"active": False}},  # Okta
        {"op": "Replace", "path": "active", "value": "False"},  # Entra ID
        {"op": "replace", "path": "active", "value": False},
        {"op": "Add", "path": "urn:ietf:params:scim:schemas:core:2.0:User:active", "value": "false"},
    ],
)
def test_closing_as_directories_ask_for_it(directory: Directory, operation: dict[str, object]) -> None:
    number = directory.make()
    assert directory.patch(f"Users/{number}", operation).json()["active"] is False
    assert not user_of(number).is_active
    opened = directory.patch(f"Users/{number}", {"op": "replace", "path": "active", "value": "True"})
    assert opened.json()["active"] is True and user_of(number).is_active


@pytest.mark.parametrize(
    ("operation", "attribute", "value"),
    [
        ({"op": "Replace", "path": "userName", "value": "d.doe"}, "username", "d.doe"),
        ({"op": "Add", "path": "name.givenName", "value": "Dora"}, "first_name", "Dora"),
        ({"op": "replace", "value": {"name.familyName": "Roe", "id": "ignored"}}, "last_name", "Roe"),
        ({"op": "replace", "value": {"name": {"familyName": "Roe"}}}, "last_name", "Roe"),
        ({"op": "replace", "value": {"name": {"familyName": "Roe"}}}, "first_name", "Dana"),
        ({"op": "remove", "path": "name.familyName"}, "last_name", ""),
        ({"op": "Replace", "path": 'emails[type eq "work"].value', "value": "d@example.com"}, "email", "d@example.com"),
        ({"op": "Add", "path": "emails", "value": [{"value": "e@example.com"}]}, "email", "e@example.com"),
        ({"op": "add", "path": 'emails[type eq "home"].value', "value": "h@example.com"}, "email", "dana@example.com"),
        ({"op": "remove", "path": "emails"}, "email", ""),
        ({"op": "replace", "path": "title", "value": "Director"}, "last_name", "Doe"),
    ],
)
def test_patches_change_what_they_name(
    directory: Directory, operation: dict[str, object], attribute: str, value: str
) -> None:
    number = directory.ask("POST", "Users", DANA).json()["id"]
    answer = directory.patch(f"Users/{number}", operation)
    assert answer.status_code == 200 and getattr(user_of(number), attribute) == value


def test_the_enterprise_extension_is_taken_and_forgotten(directory: Directory) -> None:
    extension = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
    number = directory.make(**{extension: {"department": "Legal"}})
    answer = directory.patch(f"Users/{number}", {"op": "Add", "path": f"{extension}:department", "value": "Sales"})
    assert answer.status_code == 200 and extension not in answer.json()


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        ({"op": "replace", "path": "shoeSize", "value": 7}, "invalidPath"),
        ({"op": "replace", "path": "emails[type eq", "value": "x"}, "invalidPath"),
        ({"op": "replace", "path": 7, "value": "x"}, "invalidPath"),
        ({"op": "replace", "path": "id", "value": "x"}, "mutability"),
        ({"op": "remove", "path": "userName"}, "mutability"),
        ({"op": "remove", "path": "active"}, "mutability"),
        ({"op": "remove"}, "noTarget"),
        ({"op": "replace", "value": "active"}, "invalidValue"),
        ({"op": "replace", "path": "active", "value": "maybe"}, "invalidValue"),
        ({"op": "replace", "path": "userName", "value": None}, "invalidValue"),
        ({"op": "move", "path": "active", "value": True}, "invalidSyntax"),
        ("active", "invalidSyntax"),
    ],
)
def test_patches_that_are_not_understood(directory: Directory, operation: object, kind: str) -> None:
    number = directory.make()
    before = directory.ask("GET", f"Users/{number}").json()
    good = {"op": "replace", "path": "displayName", "value": "Changed"}
    answer = directory.patch(f"Users/{number}", good, operation)  # type: ignore[arg-type]
    assert answer.status_code == 400 and answer.json()["scimType"] == kind
    assert directory.ask("GET", f"Users/{number}").json() == before  # all of it, or nothing


def test_too_many_operations_and_none_are_refused(directory: Directory) -> None:
    number = directory.make()
    many = [{"op": "replace", "path": "active", "value": True}] * 1001
    for operations in ([], many):
        assert directory.patch(f"Users/{number}", *operations).json()["scimType"] == "invalidSyntax"


def test_who_is_closed_loses_sessions_and_keys_and_sessions_do_not_come_back(directory: Directory) -> None:
    number = directory.make()
    user = user_of(number)
    page, key = signed_in_client(user), create_key(user=user, name="program")
    assert page.get("/").status_code == 200 and person_of_key(key)
    directory.patch(f"Users/{number}", {"op": "replace", "value": {"active": False}})
    assert page.get("/").status_code == 302 and person_of_key(key) is None
    directory.patch(f"Users/{number}", {"op": "replace", "value": {"active": True}})
    assert page.get("/").status_code == 302 and person_of_key(key) is not None


def test_what_an_administrator_has_closed_stays_closed(directory: Directory) -> None:
    number = directory.make()
    User.objects.filter(pk=number).update(is_active=False)
    for operation in ({"op": "replace", "value": {"active": True}}, {"op": "add", "path": "displayName", "value": "D"}):
        assert directory.patch(f"Users/{number}", operation).json()["active"] is False
    directory.patch(f"Users/{number}", {"op": "replace", "value": {"active": False}})
    assert directory.patch(f"Users/{number}", {"op": "replace", "value": {"active": True}}).json()["active"] is False


def test_who_is_deleted_is_closed_and_gone_and_comes_back_by_the_external_id_alone(directory: Directory) -> None:
    number = directory.make("dana", externalId="00u1")
    assert directory.ask("DELETE", f"Users/{number}").status_code == 204
    assert directory.ask("GET", f"Users/{number}").status_code == 404
    assert directory.ask("GET", 'Users?filter=userName eq "dana"').json()["totalResults"] == 0
    assert not user_of(number).is_active
    assert directory.ask("POST", "Users", {"userName": "dana", "externalId": "another"}).status_code == 409
    assert directory.ask("POST", "Users", {"userName": "dana"}).status_code == 409
    assert directory.make("dana.d", externalId="00u1") == number
    assert user_of(number).is_active and user_of(number).get_username() == "dana.d"


def test_nobody_elses_people_are_there(directory: Directory, boss: User) -> None:
    """Those made here, administrators, staff, service accounts, and another client's."""
    theirs = directory_of("Other", boss).make("theirs")
    staff = directory.make("staff")
    User.objects.filter(pk=staff).update(is_staff=True)
    risen = directory.make("risen")
    User.objects.filter(pk=risen).update(is_superuser=True)
    service = User.objects.create_user("importer", is_service=True)
    alice = User.objects.create_user("alice")
    for number in (theirs, staff, risen, service.pk, alice.pk, boss.pk):
        for method, body in (("GET", None), ("PUT", DANA), ("DELETE", None)):
            assert directory.ask(method, f"Users/{number}", body).status_code == 404
        closing = directory.patch(f"Users/{number}", {"op": "replace", "value": {"active": False}})
        assert closing.status_code == 404
    assert directory.ask("GET", "Users").json()["totalResults"] == 0
    assert not User.objects.filter(is_active=False).exists()


def test_versions_are_told_and_held_to(directory: Directory) -> None:
    number = directory.make()
    first = directory.ask("GET", f"Users/{number}")
    version = first.headers["ETag"]
    assert version == first.json()["meta"]["version"]
    assert directory.ask("GET", f"Users/{number}", **{"If-None-Match": version}).status_code == 304
    body = {"userName": "dana2"}
    assert directory.ask("PUT", f"Users/{number}", body, **{"If-Match": version}).status_code == 200
    late = directory.ask("PUT", f"Users/{number}", {"userName": "dana3"}, **{"If-Match": version})
    assert late.status_code == 412 and user_of(number).get_username() == "dana2"
    assert directory.ask("PUT", f"Users/{number}", body, **{"If-Match": "*"}).status_code == 200


def test_each_change_is_in_the_trail_with_the_client_that_made_it(directory: Directory) -> None:
    number = directory.make()
    directory.patch(f"Users/{number}", {"op": "replace", "value": {"active": False}})
    directory.ask("DELETE", f"Users/{number}")
    lines = AuditEntry.objects.filter(action__startswith="scim.person").order_by("pk")
    assert [line.action.rpartition(".")[2] for line in lines] == ["added", "changed", "removed"]
    assert {line.plain_name for line in lines} == {"provisioning client Directory"}
    assert {line.whole_subject for line in lines} == {"dana@example.com"}
    assert AuditEntry.objects.filter(action="account.disabled", plain_name="provisioning client Directory").exists()


@pytest.mark.parametrize("closing", ["inactive", "deleted"])
def test_passkeys_and_codes_do_not_come_back_with_the_account(directory: Directory, closing: str) -> None:
    number, other = directory.make(externalId="1"), User.objects.create_user("other")
    for kind in ("webauthn", "totp", "recovery_codes"):
        Authenticator.objects.create(user=user_of(number), type=kind, data={})
    kept = Authenticator.objects.create(user=other, type="totp", data={})
    if closing == "inactive":
        directory.patch(f"Users/{number}", {"op": "replace", "value": {"active": False}})
        directory.patch(f"Users/{number}", {"op": "replace", "value": {"active": True}})
    else:
        directory.ask("DELETE", f"Users/{number}")
        directory.ask("POST", "Users", {"userName": "dana@example.com", "externalId": "1"})
    assert user_of(number).is_active and not user_of(number).has_usable_password()
    assert list(Authenticator.objects.all()) == [kept]
    lines = AuditEntry.objects.filter(action="second_factor.removed")
    assert {line.detail["kind"] for line in lines} == {"webauthn", "totp", "recovery_codes"}
    assert {line.actor_name for line in lines} == {"provisioning client Directory"}


def test_a_change_that_changes_nothing_writes_nothing(directory: Directory) -> None:
    number = directory.make()
    before = AuditEntry.objects.count()
    directory.patch(f"Users/{number}", {"op": "replace", "value": {"active": True}})
    assert AuditEntry.objects.count() == before


def test_sessions_that_came_from_a_provider_end(directory: Directory) -> None:
    from datetime import timedelta

    from django.utils import timezone

    from chatapp.signon.models import SignOnSession

    number = directory.make()
    user = user_of(number)
    page = Client()
    page.force_login(user)
    key = page.session.session_key
    ends = timezone.now() + timedelta(hours=1)
    SignOnSession.objects.create(user=user, provider="corp", subject="1", session_key=key, expires_at=ends)
    directory.patch(f"Users/{number}", {"op": "replace", "value": {"active": False}})
    assert not Session.objects.filter(session_key=key).exists() and not SignOnSession.objects.exists()
