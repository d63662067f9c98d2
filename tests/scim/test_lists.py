"""Lists, filters, pages of them, and what the service says of itself."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.scim.conftest import Directory

pytestmark = pytest.mark.django_db


def found(directory: Directory, place: str, wanted: str) -> list[str]:
    answer = directory.ask("GET", f"{place}?filter={quote(wanted)}")
    assert answer.status_code == 200, answer.content
    name = "userName" if place == "Users" else "displayName"
    return [one[name] for one in answer.json()["Resources"]]


def test_people_are_found_by_what_directories_match_with(directory: Directory) -> None:
    dana, erin = directory.make("dana", displayName='The "D"'), directory.make("erin", active=False)
    assert found(directory, "Users", 'userName eq "DANA"') == ["dana"]
    assert found(directory, "Users", 'username EQ "nobody"') == []
    assert found(directory, "Users", 'externalId eq "ext-erin"') == ["erin"]
    assert found(directory, "Users", r'displayName eq "the \"d\""') == ["dana"]
    assert found(directory, "Users", 'urn:ietf:params:scim:schemas:core:2.0:User:userName eq "dana"') == ["dana"]
    assert found(directory, "Users", 'userName eq "dana" and externalId eq "ext-dana"') == ["dana"]
    assert found(directory, "Users", 'userName eq "dana" AND externalId eq "ext-erin"') == []
    assert found(directory, "Users", f'id eq "{erin}" and active eq false') == ["erin"]
    assert found(directory, "Users", 'id eq "no number"') == [] and dana
    directory.make_group("Legal")
    assert found(directory, "Groups", 'displayName eq "Legal"') == ["Legal"]


@pytest.mark.parametrize(
    "wanted",
    [
        "userName",
        'userName eq "a" or userName eq "b"',
        'userName co "a"',
        'not (userName eq "a")',
        '(userName eq "a")',
        'emails[type eq "work"].value eq "a"',
        'password eq "a"',
        "userName eq dana",
        'userName eq "dana',
        'userName eq "dana" and',
        'userName eq "dana"userName eq "dana"',
        "active eq 7",
        'active eq "perhaps"',
        r'userName eq "\x"',
        " and ".join(['userName eq "a"'] * 11),
        'userName eq "' + "a" * 2000 + '"',
    ],
)
def test_other_filters_are_refused(directory: Directory, wanted: str) -> None:
    answer = directory.ask("GET", f"Users?filter={quote(wanted)}")
    assert answer.status_code == 400 and answer.json()["scimType"] == "invalidFilter"


def test_a_list_is_read_page_by_page_within_bounds(directory: Directory) -> None:
    names = [f"person{number}" for number in range(5)]
    for name in names:
        directory.make(name)

    def page(query: str) -> tuple[list[str], int, int]:
        told = directory.ask("GET", f"Users?{query}").json()
        assert told["totalResults"] == 5 and told["itemsPerPage"] == len(told["Resources"])
        return [one["userName"] for one in told["Resources"]], told["startIndex"], told["itemsPerPage"]

    assert page("startIndex=1&count=2") == (names[:2], 1, 2)
    assert page("startIndex=5&count=2") == (names[4:], 5, 1)
    assert page("startIndex=9") == ([], 9, 0)
    assert page("startIndex=-3&count=100000") == (names, 1, 5)
    assert page("count=0")[0] == page("count=-1")[0] == []
    for query in ("count=all", "startIndex=1.5", "count=9999999999", "startIndex=", "count=²"):
        assert directory.ask("GET", f"Users?{query}").json()["scimType"] == "invalidValue"


def test_attributes_are_left_out_as_asked(directory: Directory) -> None:
    number = directory.make_group("Legal", directory.make("dana"))
    assert "members" not in directory.ask("GET", f"Groups/{number}?excludedAttributes=members").json()
    told = directory.ask("GET", "Groups?attributes=displayName").json()["Resources"][0]
    assert set(told) == {"schemas", "id", "meta", "displayName"}
    person = directory.ask("GET", "Users?attributes=name.givenName,userName").json()["Resources"][0]
    assert set(person) == {"schemas", "id", "meta", "userName", "name"}


def test_the_service_says_what_it_offers(directory: Directory) -> None:
    config = directory.ask("GET", "ServiceProviderConfig").json()
    assert config["patch"]["supported"] and config["filter"]["maxResults"] == 200 and not config["bulk"]["supported"]
    kinds = directory.ask("GET", "ResourceTypes").json()
    assert {one["endpoint"] for one in kinds["Resources"]} == {"/Users", "/Groups"}
    assert directory.ask("GET", "ResourceTypes/User").json()["name"] == "User"
    for schema in directory.ask("GET", "Schemas").json()["Resources"]:
        again = directory.ask("GET", f"Schemas/{schema['id']}").json()
        assert again == schema and {one["name"] for one in schema["attributes"]} > {"displayName", "externalId"}
    assert directory.ask("GET", "Schemas/urn:none").status_code == 404
