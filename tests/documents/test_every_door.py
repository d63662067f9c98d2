"""Nobody reads what they may not, by any door, and everybody finds all that they may: after each random change."""

from __future__ import annotations

import dataclasses
import json
import random
import time
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from chatapp.accounts.keys import create_key
from chatapp.conversations import answer_cache
from chatapp.conversations.answer_cache import Asking
from chatapp.documents.search import search_passages
from retrieval.contracts import SearchFilters
from tests.documents.world import EPOCH, FOLDERS, QUESTION, TYPES, Paper, Person, World
from tests.index.conftest import Service, running_service, service  # noqa: F401

Door = Callable[[World, Person, random.Random], None]


def test_no_door_leaks_and_nothing_is_missed(reach: Service) -> None:
    walk(reach, seed=1, steps=25, most_s=25)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", range(2, 8))
def test_no_door_leaks_and_nothing_is_missed_for_longer(reach: Service, seed: int) -> None:
    walk(reach, seed, steps=80, most_s=900)


@pytest.fixture
def reach(service: Service, settings: Any, tmp_path: Any) -> Service:  # noqa: F811
    """This process asks the real index service; no model is there, so that answers are quotations."""
    files = {"files_dir": tmp_path / "files", "index_service_url": service.config.index_service_url}
    settings.RETRIEVAL = dataclasses.replace(settings.RETRIEVAL, **files)
    return service


def walk(service: Service, seed: int, steps: int, *, most_s: float) -> None:  # noqa: F811
    """As many steps as there is time for, but five at least."""
    world, chance, begun = World(seed), random.Random(seed), time.monotonic()
    service.caught_up()
    for number in range(steps):
        if number >= 5 and time.monotonic() - begun > most_s:
            return
        world.step()
        try:
            person = chance.choice(world.everybody)  # the index may not know of it yet: less is found, never more
            assert found(person) <= world.readable(person)
            service.caught_up()
            for person in world.everybody:
                assert found(person) == world.readable(person)
            filtered(world, chance.choice(world.everybody), chance)
            cached_answers(world)
            for person in chance.sample(world.everybody, 2):
                for door in DOORS if number % 5 == 4 else DOORS[:-2]:
                    door(world, person, chance)
        except AssertionError as error:
            error.add_note(f"seed {seed}, step {number}:\n" + "\n".join(world.said))
            raise


def found(person: Person, filters: SearchFilters | None = None) -> set[int]:
    hits = search_passages(person.row, QUESTION, k=200, filters=filters or SearchFilters())
    return {hit.passage.pk for hit in hits}


def filtered(world: World, person: Person, chance: random.Random) -> None:
    since, until = (EPOCH + timedelta(days=chance.randrange(100)) for _ in range(2))
    filters = SearchFilters(
        media_types=frozenset(chance.sample(TYPES, chance.randrange(2))),
        since=chance.choice([None, since]),
        until=chance.choice([None, until]),
        path_prefix=chance.choice(FOLDERS),
    )
    assert found(person, filters) == world.readable(person, filters)


def cached_answers(world: World) -> None:
    """Whoever would be given another's answer reads the same."""
    scopes = answer_cache._scopes_of([Asking(person.row) for person in world.everybody])
    for one, mine in zip(world.everybody, scopes, strict=True):
        for other, theirs in zip(world.everybody, scopes, strict=True):
            assert mine != theirs or world.readable(one) == world.readable(other)


# -- doors: each is tried as one person ----------------------------------------------------------------------------
def passages(world: World, person: Person, chance: random.Random) -> None:
    for paper in chance.sample(world.papers, 4):
        answer = person.client.get(f"/api/passages/{chance.choice(paper.passages)}/")
        assert (answer.status_code == 200) == person.may_read(paper)
        assert person.may_read(paper) or paper.name not in answer.content.decode()


def searches(world: World, person: Person, chance: random.Random) -> None:
    collection = chance.choice(world.papers).shelf.row.name
    for body in ({}, {"collections": [collection]}):
        asked = {"question": QUESTION, "k": 200, **body}
        answer = person.client.post("/api/search/", asked, content_type="application/json")
        shown = {one["passage"] for one in answer.json().get("results", [])}
        assert shown <= world.readable(person)
        assert body or not person.row.is_active or shown == world.readable(person)
        if person.row.is_active and not body:
            assert answer.status_code == 200


def documents(world: World, person: Person, chance: random.Random) -> None:
    for paper in chance.sample(world.papers, 4):
        for url in (f"/api/documents/{paper.pk}/", f"/documents/{paper.pk}/file/"):
            answer = person.client.get(url, headers={"Accept": "application/json"})
            assert (answer.status_code == 200) == person.may_read(paper), url


def lists(world: World, person: Person, chance: random.Random) -> None:
    if not person.row.is_active:
        return
    for collection in person.client.get("/api/collections/").json()["collections"]:
        there = [one for one in world.papers if one.shelf.row.name == collection["name"] and person.may_read(one)]
        assert collection["documents"] == len(there)
        listed = person.client.get(f"/api/collections/{collection['id']}/documents/").json()
        assert {one["name"] for one in listed["documents"]} == {one.name for one in there}
        assert sum(listed["counts"].values()) == len(there)


def front_page(world: World, person: Person, chance: random.Random) -> None:
    shown = person.client.get("/").content.decode()
    assert not [paper.name for paper in world.papers if f"{paper.name}”" in shown and not person.may_read(paper)]


def old_answers(world: World, person: Person, chance: random.Random) -> None:
    answer = person.client.get(f"/api/conversations/{person.conversation}/")
    if not person.row.is_active:
        assert answer.status_code != 200
        return
    _, message = answer.json()["messages"]
    readable = world.readable(person)
    assert {one["passage"] for one in message["sources"] if one["text"] or one["heading"]} == _still(message, readable)
    assert {one["passage"] for one in message["citations"] if one["quote"]} == _still(message, readable)


def _still(message: dict[str, Any], readable: set[int]) -> set[int]:
    return {one["passage"] for one in message["sources"]} & readable


def programs(world: World, person: Person, chance: random.Random) -> None:
    if not person.row.is_active:
        return
    key = create_key(user=person.row, name=str(chance.random()))
    body = {"messages": [{"role": "user", "content": QUESTION}]}
    headers = {"Authorization": f"Bearer {key}"}
    answer = Client(headers=headers).post("/v1/chat/completions", body, content_type="application/json").json()
    person.row.api_keys.all().delete()
    shown = {source["passage"] for source in answer["sources"]}
    readable = world.readable(person)
    assert shown <= readable and bool(shown) == bool(readable)
    assert not [one.name for one in _closed(world, person) if f"of {one.name}." in json.dumps(answer)]


def command(world: World, person: Person, chance: random.Random) -> None:
    if not person.row.is_active:
        return
    out = StringIO()
    call_command("ask", QUESTION, "--json", "--user", person.row.username, stdout=out)
    assert not [one.name for one in _closed(world, person) if f"of {one.name}." in out.getvalue()]
    out = StringIO()
    call_command("search", QUESTION, "--json", "-k", "200", "--user", person.row.username, stdout=out)
    assert len(json.loads(out.getvalue())["results"]) == len(world.readable(person))


def _closed(world: World, person: Person) -> list[Paper]:
    return [paper for paper in world.papers if not person.may_read(paper)]


DOORS: list[Door] = [passages, searches, documents, lists, front_page, old_answers, programs, command]
