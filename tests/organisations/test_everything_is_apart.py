"""Random organisations whose groups, readers, roles and people are mixed up in every way that a row allows: by no door
does anybody come upon anything of another organisation, and of their own they miss nothing."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import Group
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatapp.access import reach_of_each
from chatapp.accounts.keys import create_key
from chatapp.accounts.models import User
from chatapp.conversations.answer_cache import Asking, _scopes_of
from chatapp.documents.search import search_passages
from chatapp.governance.services import record
from chatapp.organisations.models import Organisation
from chatapp.organisations.services import create_organisation, move_person
from chatapp.roles.models import Appointment, Role
from retrieval.models import Collection, Document, Passage
from tests.conftest import signed_in_client
from tests.documents.conftest import configured, index  # noqa: F401
from tests.ingestion.fake_index import FakeIndex
from tests.organisations.houses import document_in, group_of

_numbers = itertools.count(1)  # every name of an organisation bears its own, so that any answer shows whose it is
HOMES, PEOPLE, GROUPS, SHELVES = 2, 2, 2, 2
Step = tuple[str, int, int]


@dataclass
class Part:
    organisation: Organisation
    people: list[User] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    shelves: list[Collection] = field(default_factory=list)

    @property
    def word(self) -> str:
        return str(self.organisation.slug)


class World:
    def __init__(self) -> None:
        self.parts = [self._part(f"org{next(_numbers)}x") for _ in range(HOMES)]
        self.people = [one for part in self.parts for one in part.people]
        self.groups = [one for part in self.parts for one in part.groups]
        self.shelves = [one for part in self.parts for one in part.shelves]

    @staticmethod
    def _part(slug: str) -> Part:
        part = Part(create_organisation(name=f"Firm {slug}", slug=slug, by=None))
        home = {"organisation": part.organisation}
        part.groups = [group_of(part.organisation, f"{slug}/group {n}") for n in range(GROUPS)]
        for number in range(PEOPLE):
            person = User.objects.create_user(f"person{number}@{slug}", **home)
            person.groups.add(part.groups[number % GROUPS])
            part.people.append(person)
        Appointment.objects.create(role=Role.ORGANISER, user=part.people[0])
        for number in range(SHELVES):
            shelf = Collection.objects.create(name=f"Shelf {number} of {slug}", tenant=part.organisation.pk)
            shelf.readers.add(part.groups[0])
            document_in(shelf, f"Paper {number} of {slug}")
            part.shelves.append(shelf)
        record("tried", f"something of {slug}", part.people[0])
        return part

    def take(self, step: Step) -> None:
        """Rows as they are, past every check that a form would make; people alone are moved as people are."""
        what, first, second = step
        person, group = self.people[first % len(self.people)], self.groups[second % len(self.groups)]
        shelf = self.shelves[first % len(self.shelves)]
        match what:
            case "join":
                person.groups.add(group)
            case "share":
                shelf.readers.add(group)
            case "open":
                Collection.objects.filter(pk=shelf.pk).update(everyone=True)
            case "restrict":
                Document.objects.filter(collection=shelf).update(restricted=True)
                shelf.documents.get().readers.add(group)
            case "curate":
                Appointment.objects.get_or_create(role=Role.CURATOR, user=person, group=None, collection=shelf)
            case "curate together":
                Appointment.objects.get_or_create(role=Role.CURATOR, user=None, group=group, collection=shelf)
            case "audit together":
                Appointment.objects.get_or_create(role=Role.AUDITOR, user=None, group=group, collection=None)
            case "organise together":
                Appointment.objects.get_or_create(role=Role.ORGANISER, user=None, group=group, collection=None)
            case "move":
                move_person(person, self.parts[second % HOMES].organisation, by=None)

    def of(self, person: User) -> Part:
        return next(part for part in self.parts if part.organisation.pk == person.organisation_id)

    def words_of_others(self, person: User) -> list[str]:
        """Names of people stay as they were, wherever they are moved: a person's own says nothing about others."""
        return [part.word for part in self.parts if part.organisation.pk != person.organisation_id]

    def readable(self, person: User) -> set[Any]:
        """By the rules as they are written in the documentation, and by nothing of the code."""
        home = self.of(person)
        counting = {*person.groups.all()} & {*home.groups}
        given = Appointment.objects.filter(user=person) | Appointment.objects.filter(group__in=counting)
        if given.filter(role=Role.ORGANISER).exists():
            return {one.pk for one in home.shelves}
        looked_after = {*given.filter(role=Role.CURATOR).values_list("collection", flat=True)}
        shelves = Collection.objects.filter(tenant=home.organisation.pk)
        return {
            one.pk for one in shelves
            if one.everyone or counting & {*one.readers.all()} or one.pk in looked_after
        }  # fmt: skip


def _json(client: Client, path: str) -> Any:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return answer.json()


# -- doors -------------------------------------------------------------------------------------------------------------
def lists(world: World, person: User, client: Client) -> None:
    listed = _json(client, "/api/collections/")["collections"]
    assert {one["id"] for one in listed} == {str(pk) for pk in world.readable(person)}
    scope = _json(client, "/api/scope/")
    assert {one["id"] for one in scope["collections"]} == {str(pk) for pk in world.readable(person)}


def single_things(world: World, person: User, client: Client) -> None:
    """A collection, a document, its file, its passages, a citation: of others not there, and not to be changed."""
    for shelf in (one for one in world.shelves if one.tenant != person.tenant):
        document = shelf.documents.get()
        passage = document.passages.get()
        for path in (
            f"/api/collections/{shelf.pk}/", f"/api/collections/{shelf.pk}/documents/",
            f"/api/documents/{document.pk}/", f"/documents/{document.pk}/file/", f"/documents/{document.pk}/",
            f"/documents/{document.pk}/passages/", f"/documents/{document.pk}/readers/",
            f"/collections/{shelf.pk}/readers/", f"/api/passages/{passage.pk}/",
        ):  # fmt: skip
            assert client.get(path).status_code == 404, path
        body = {"description": "mine"}
        sent = client.patch(f"/api/collections/{shelf.pk}/", body, content_type="application/json")
        assert sent.status_code == 404


def sharing(world: World, person: User, client: Client) -> None:
    """With nobody's group, and no document to anybody's collection."""
    mine, foreign = world.of(person).shelves[0], next(one for one in world.shelves if one.tenant != person.tenant)
    group = next(one for one in world.groups if one not in world.of(person).groups)
    path = f"/api/collections/{mine.pk}/"
    sent = client.patch(path, {"readers": [group.name]}, content_type="application/json").status_code
    assert sent in (400, 404)
    path = f"/api/documents/{mine.documents.get().pk}/"
    sent = client.patch(path, {"collection": str(foreign.pk)}, content_type="application/json").status_code
    assert sent == 404


def pages(world: World, person: User, client: Client) -> None:
    """Whatever is shown names nothing of others: the chat, documents, keys, and the lists of the administration."""
    own = person.get_username()
    for path in ("/", "/documents/", "/accounts/keys/", "/api/conversations/", "/api/sources/", *_ADMIN):
        answer = client.get(path)
        assert answer.status_code in (200, 404), path
        text = answer.content.decode().replace(own, "")
        for moved in world.people:  # who was moved here kept their name
            text = text.replace(moved.get_username(), "") if moved.tenant == person.tenant else text
        for word in world.words_of_others(person):
            assert word not in text, (path, word)


_ADMIN = tuple(
    f"/admin/{one}/"
    for one in (
        "accounts/user", "auth/group", "retrieval/collection", "retrieval/document", "roles/appointment",
        "limits/limit", "accounts/apikey", "organisations/organisation", "limits/limit/add", "roles/appointment/add",
    )
)  # fmt: skip


def cached_answers(world: World, person: User, client: Client) -> None:
    """A scope is of one organisation; of two people who share one, both are of it."""
    scopes = _scopes_of([Asking(one) for one in world.people])
    tenants = dict(Collection.objects.values_list("pk", "tenant"))
    for asker, scope in zip(world.people, scopes, strict=True):
        assert {tenants[one.collection] for one in scope.collections} <= {asker.tenant}
    mine = scopes[world.people.index(person)]
    same = [one for one, scope in zip(world.people, scopes, strict=True) if scope == mine and scope.collections]
    assert {one.tenant for one in same} <= {person.tenant}


def many_at_once(world: World, person: User, client: Client) -> None:
    for one, may in zip(world.people, reach_of_each(world.people), strict=True):
        assert may.collections == world.readable(one)


DOORS: tuple[Callable[[World, User, Client], None], ...] = (
    lists, single_things, sharing, pages, cached_answers, many_at_once
)  # fmt: skip


def searches(world: World, person: User, client: Client, index: FakeIndex) -> None:  # noqa: F811
    """Of an index that answers with everything there is, nothing foreign comes through; and it is never asked for."""
    everything = Passage.objects.filter(document__collection__in=world.shelves)
    index.hits = [{"passage_id": one.pk, "score": 0.9, "dense": 0.8, "lexical": 3.0} for one in everything]
    index.searches.clear()
    found = search_passages(person, "What is said?", k=50)
    key = create_key(user=person, name="program")
    program = Client(headers={"Authorization": f"Bearer {key}"})
    answer = program.post("/api/search/", {"question": "What is said?", "limit": 50}, content_type="application/json")
    assert {one.passage.document.collection.tenant for one in found} <= {person.tenant}
    own = {str(one.pk) for one in world.of(person).shelves}
    assert all({*asked["collections"]} <= own for asked in index.searches)
    assert not any(word in answer.content.decode() for word in world.words_of_others(person))
    foreign = next(one for one in world.shelves if one.tenant != person.tenant)
    for name in (str(foreign.pk), foreign.name):
        narrowed = {"question": "What is said?", "collections": [name]}
        assert program.post("/api/search/", narrowed, content_type="application/json").status_code == 404
        asked = {"messages": [{"role": "user", "content": "What?"}], "footnote": {"collections": [name]}}
        refused = program.post("/v1/chat/completions", asked, content_type="application/json")
        assert refused.status_code == 400 and "can see" in refused.content.decode()
    assert program.get("/v1/models").status_code == 200
    User.objects.get(pk=person.pk).api_keys.all().delete()


_steps = st.lists(
    st.tuples(
        st.sampled_from(
            ["join", "join", "share", "share", "open", "restrict", "curate", "curate together", "audit together",
             "organise together", "move"]
        ),
        st.integers(0, 11),
        st.integers(0, 11),
    ),
    min_size=3, max_size=14,
)  # fmt: skip


@settings(
    max_examples=2,  # some fifty requests for each of two people
    deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,  # each example makes organisations of its own beside those of others
        HealthCheck.too_slow,  # the time goes into the requests, not into what is drawn
    ],
)
@given(steps=_steps, who=st.integers(0, PEOPLE - 1))
def test_by_no_door_does_anybody_come_upon_what_is_of_others(
    configured: Any,  # noqa: F811
    index: FakeIndex,  # noqa: F811
    transactional_db: None,
    steps: list[Step],
    who: int,
) -> None:
    world = World()
    for step in steps:
        world.take(step)
    world.people = [User.objects.get(pk=one.pk) for one in world.people]
    for person in world.people[who::PEOPLE]:  # one who began in each organisation
        client = signed_in_client(person)
        for door in DOORS:
            door(world, person, client)
        searches(world, person, client, index)
