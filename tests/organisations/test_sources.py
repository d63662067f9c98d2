"""Sources have names of their own in each organisation: nobody learns from a name, or is kept from it, by others."""

from __future__ import annotations

import json
from contextlib import redirect_stdout
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from retrieval.sources.models import Source
from tests.conftest import Cast, signed_in_client
from tests.organisations.houses import Home, home


@pytest.fixture
def acme(cast: Cast) -> Home:
    return home("acme")


@pytest.fixture
def globex(cast: Cast) -> Home:
    return home("globex")


def add(one: Home, name: str = "Wiki") -> int:
    body = {
        "name": name,
        "collection": str(one.collection.pk),
        "kind": "web",
        "settings": {"start": ["https://example.com/"]},
    }
    answer = signed_in_client(one.organiser).post("/api/sources/", body, content_type="application/json")
    return answer.status_code


def test_each_organisation_has_each_name_once(acme: Home, globex: Home) -> None:
    assert (add(acme), add(globex), add(acme), add(acme, "  Wiki ")) == (201, 201, 409, 409)
    found = Source.objects.values_list("name", "tenant")
    assert set(found) == {("Wiki", acme.organisation.pk), ("Wiki", globex.organisation.pk)}


def test_each_organiser_sees_their_own_of_that_name(acme: Home, globex: Home) -> None:
    assert (add(acme), add(globex)) == (201, 201)
    for one in (acme, globex):
        (listed,) = signed_in_client(one.organiser).get("/api/sources/").json()["sources"]
        assert Source.objects.get(pk=listed["id"]).collection == one.collection


def manage(*arguments: str) -> Any:
    with redirect_stdout(StringIO()) as out:
        call_command("sources", *arguments, "--json", stdout=out)
    return json.loads(out.getvalue())


def test_commands_look_names_up_within_one_organisation(acme: Home, globex: Home) -> None:
    assert (add(acme), add(globex)) == (201, 201)
    assert manage("list")["sources"] == []
    assert [one["name"] for one in manage("list", "--organisation", "acme")["sources"]] == ["Wiki"]
    with pytest.raises(CommandError, match="There is no source named 'Wiki'"):
        manage("show", "Wiki")
    assert manage("remove", "Wiki", "--organisation", "acme") == {"removed": "Wiki"}
    assert Source.objects.get().collection == globex.collection


def test_a_command_adds_to_collections_of_others_but_makes_none(acme: Home) -> None:
    settings = ("start=https://example.com/", "--kind", "web", "--organisation", "acme", "--collection")
    with pytest.raises(CommandError, match="no collection named 'Wiki'"):
        manage("add", "Wiki", *settings, "Wiki")
    manage("add", "Wiki", *settings, "Handbook")
    assert Source.objects.get().tenant == acme.organisation.pk
    with pytest.raises(CommandError, match="no organisation with the short name 'umbrella'"):
        manage("list", "--organisation", "umbrella")
