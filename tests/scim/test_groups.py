"""Groups over SCIM: their members come and go, and nothing that was made here is touched."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group

from chatapp.accounts.models import User
from chatapp.governance.models import AuditEntry
from chatapp.signon.models import Grant
from tests.scim.conftest import Directory, directory_of, user_of

pytestmark = pytest.mark.django_db


def inside(name: str) -> set[str]:
    return set(User.objects.filter(groups__name=name).values_list("username", flat=True))


def test_a_group_is_made_read_and_renamed(directory: Directory) -> None:
    dana = directory.make("dana")
    number = directory.make_group("Legal", dana)
    shown = directory.ask("GET", f"Groups/{number}").json()
    assert shown["displayName"] == "Legal" and [one["value"] for one in shown["members"]] == [dana]
    assert directory.ask("GET", f"Users/{dana}").json()["groups"][0]["display"] == "Legal"
    okta = {"op": "replace", "value": {"id": number, "displayName": "Counsel"}}
    assert directory.patch(f"Groups/{number}", okta).json()["displayName"] == "Counsel"
    assert inside("Counsel") == {"dana"} and not Group.objects.filter(name="Legal").exists()


SHAPES: dict[str, tuple[list[dict[str, Any]], set[str]]] = {
    "okta adds": ([{"op": "add", "path": "members", "value": [{"value": "erin", "display": "e"}]}], {"dana", "erin"}),
    "entra adds": ([{"op": "Add", "path": "members", "value": [{"$ref": None, "value": "erin"}]}], {"dana", "erin"}),
    "one": ([{"op": "add", "path": "members", "value": {"value": "erin"}}], {"dana", "erin"}),
    "no path": ([{"op": "add", "value": {"members": [{"value": "erin"}]}}], {"dana", "erin"}),
    "okta removes": ([{"op": "remove", "path": 'members[value eq "dana"]'}], set()),
    "entra removes": ([{"op": "Remove", "path": "members", "value": [{"value": "dana"}]}], set()),
    "all": ([{"op": "remove", "path": "members"}], set()),
    "replaced": ([{"op": "replace", "path": "members", "value": [{"value": "erin"}]}], {"erin"}),
    "emptied": ([{"op": "replace", "path": "members", "value": []}], set()),
    "exchanged": (
        [
            {"op": "remove", "path": 'members[value eq "dana"]'},
            {"op": "add", "path": "members", "value": [{"value": "erin"}]},
        ],
        {"erin"},
    ),
    "twice": ([{"op": "add", "path": "members", "value": [{"value": "dana"}, {"value": "dana"}]}], {"dana"}),
    "who is not in it": ([{"op": "remove", "path": 'members[value eq "erin"]'}], {"dana"}),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_members_change_as_directories_ask_for_it(directory: Directory, shape: str) -> None:
    people = {name: directory.make(name) for name in ("dana", "erin")}
    number = directory.make_group("Legal", people["dana"])
    operations, expected = SHAPES[shape]

    def numbered(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: numbered(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [numbered(one) for one in value]
        for name, pk in people.items():
            value = value.replace(f'"{name}"', f'"{pk}"') if isinstance(value, str) and value != name else value
        return people.get(value, value) if isinstance(value, str) else value

    answer = directory.patch(f"Groups/{number}", *numbered(operations))
    assert answer.status_code == 200, answer.content
    assert inside("Legal") == expected and directory.members(number) == {people[name] for name in expected}


def test_put_replaces_members_and_names(directory: Directory) -> None:
    dana, erin = directory.make("dana"), directory.make("erin")
    number = directory.make_group("Legal", dana)
    body = {"displayName": "Law", "externalId": "g1", "members": [{"value": erin}]}
    assert directory.ask("PUT", f"Groups/{number}", body).json()["externalId"] == "g1"
    assert inside("Law") == {"erin"}
    directory.ask("PUT", f"Groups/{number}", {"displayName": "Law"})
    assert inside("Law") == set()


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "add", "path": "members", "value": [{"value": str(uuid4())}]},
        {"op": "add", "path": "members", "value": [{"value": "dana"}]},
        {"op": "add", "path": "members", "value": [{"value": str(uuid4()), "type": "Group"}]},
        {"op": "add", "path": "members", "value": 7},
        {"op": "replace", "path": "displayName", "value": ""},
        {"op": "remove", "path": "displayName"},
        {"op": "remove", "path": 'members[display eq "dana"]'},
        {"op": "add", "path": f'members[value eq "{uuid4()}"]', "value": []},
        {"op": "add", "path": "owners", "value": []},
    ],
)
def test_what_is_not_understood_changes_nothing(directory: Directory, operation: dict[str, Any]) -> None:
    number = directory.make_group("Legal", directory.make("dana"))
    good = {"op": "replace", "path": "displayName", "value": "Changed"}
    answer = directory.patch(f"Groups/{number}", good, operation)
    assert answer.status_code == 400 and answer.json()["scimType"] in ("invalidValue", "invalidPath")
    assert inside("Legal") == {"dana"}


def test_only_people_of_the_client_become_members(directory: Directory, boss: User) -> None:
    other = directory_of("Other", boss)
    staff = directory.make("staff")
    User.objects.filter(pk=staff).update(is_staff=True)
    for number in (boss.pk, User.objects.create_user("alice").pk, other.make("theirs"), staff):
        answer = directory.ask("POST", "Groups", {"displayName": "Legal", "members": [{"value": str(number)}]})
        assert answer.status_code == 400 and answer.json()["scimType"] == "invalidValue"
    assert not Group.objects.exists()


def test_groups_that_were_made_here_or_by_another_client_are_not_there(directory: Directory, boss: User) -> None:
    made_here = Group.objects.create(name="Board")
    theirs = directory_of("Other", boss).make_group("Theirs")
    for name in ("Board", "board", "Theirs"):
        answer = directory.ask("POST", "Groups", {"displayName": name})
        assert answer.status_code == 409 and answer.json()["scimType"] == "uniqueness"
    number = directory.make_group("Legal")
    assert directory.patch(f"Groups/{number}", {"op": "replace", "value": {"displayName": "Board"}}).status_code == 409
    for method, body in (("GET", None), ("PUT", {"displayName": "Mine"}), ("DELETE", None)):
        assert directory.ask(method, f"Groups/{theirs}", body).status_code == 404
    assert directory.ask("GET", "Groups").json()["totalResults"] == 1
    assert Group.objects.filter(pk=made_here.pk, name="Board").exists()


def test_what_an_administrator_or_a_provider_gave_is_not_taken(directory: Directory) -> None:
    dana, erin = directory.make("dana"), directory.make("erin")
    number = directory.make_group("Legal", dana)
    group = Group.objects.get(name="Legal")
    group.user_set.add(user_of(erin))  # by hand
    Grant.objects.create(user=user_of(dana), provider="corp", group=group)
    directory.patch(f"Groups/{number}", {"op": "add", "path": "members", "value": [{"value": erin}]})
    directory.patch(f"Groups/{number}", {"op": "replace", "path": "members", "value": []})
    assert inside("Legal") == {"dana", "erin"}


def test_a_deleted_group_takes_what_it_gave_and_stays_where_others_are_left(directory: Directory) -> None:
    dana = directory.make("dana")
    empty, shared = directory.make_group("Empty", dana), directory.make_group("Shared", dana)
    Group.objects.get(name="Shared").user_set.add(User.objects.create_user("alice"))
    for number in (empty, shared):
        assert directory.ask("DELETE", f"Groups/{number}").status_code == 204
        assert directory.ask("GET", f"Groups/{number}").status_code == 404
    assert not Group.objects.filter(name="Empty").exists() and inside("Shared") == {"alice"}
    removed = AuditEntry.objects.filter(action="scim.group.removed").order_by("pk")
    assert [line.detail["group"] for line in removed] == ["deleted", "stays"]


def test_who_is_deleted_leaves_the_groups_that_the_client_gave(directory: Directory) -> None:
    dana = directory.make("dana")
    number = directory.make_group("Legal", dana)
    board = Group.objects.create(name="Board")
    board.user_set.add(user_of(dana))
    directory.ask("DELETE", f"Users/{dana}")
    assert inside("Legal") == set() and inside("Board") == {"dana"}
    assert directory.members(number) == set()


def test_many_members_come_and_go_with_few_queries(directory: Directory, django_assert_max_num_queries: Any) -> None:
    people = [directory.make(f"person{number}") for number in range(30)]
    number = directory.make_group("All")
    values = [{"value": one} for one in people]
    with django_assert_max_num_queries(90):  # most of them the lines of the trail
        directory.patch(f"Groups/{number}", {"op": "add", "path": "members", "value": values})
    assert directory.members(number) == set(people)
    directory.patch(f"Groups/{number}", {"op": "remove", "path": "members", "value": values[:29]})
    assert directory.members(number) == {people[29]}


def test_versions_of_groups_are_held_to(directory: Directory) -> None:
    number = directory.make_group("Legal")
    version = directory.ask("GET", f"Groups/{number}").headers["ETag"]
    body = {"displayName": "Law"}
    assert directory.ask("PUT", f"Groups/{number}", body, **{"If-Match": version}).status_code == 200
    assert directory.ask("PUT", f"Groups/{number}", body, **{"If-Match": version}).status_code == 412
