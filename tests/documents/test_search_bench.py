"""The search test bench: what curators find with which scores, as whom, and what another index version would change."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from chatapp import access
from chatapp.documents import search_api
from chatapp.documents.bench import moves
from chatapp.governance.models import AuditEntry
from chatapp.roles.services import appoint
from retrieval.models import Collection, Document, Passage
from retrieval.versions.held import held_versions
from retrieval.versions.models import IndexServiceState, IndexVersion
from tests.documents.conftest import MakeDocument
from tests.ingestion.fake_index import FakeIndex

People = dict[str, Any]


@pytest.fixture
def curator(people: People, private: Collection) -> Client:
    """bob looks after Private."""
    appoint(role="curator", to=people["bob"], collection=private, by=None)
    return signed_in(people["bob"])


@pytest.fixture
def found(configured: Any, index: FakeIndex, make_document: MakeDocument) -> list[Passage]:
    make_document("leave.md", "Everyone has 28 days.", "They lapse in March.", path="handbook/leave.md")
    passages = list(Passage.objects.order_by("ordinal"))
    index.hits = [hit(one, 0.9 - 0.1 * place) for place, one in enumerate(passages)]
    return passages


def hit(passage: Passage, score: float = 0.5) -> dict[str, Any]:
    return {"passage_id": passage.pk, "score": score, "dense": 0.8, "lexical": 3.0, "confidence": 0.75}


def signed_in(person: Any) -> Client:
    client = Client()
    client.force_login(person)
    return client


def ask(client: Client, **body: Any) -> Any:
    return client.post("/api/search/bench/", {"question": "How many days?", **body}, content_type="application/json")


def elsewhere(make_document: MakeDocument) -> Passage:
    document = make_document("board.md", "The board is paid well.", collection=Collection.objects.create(name="Board"))
    return document.passages.get()


def test_a_curator_sees_the_ranking_with_the_scores_of_each_step(curator: Client, found: list[Passage]) -> None:
    (tried,) = ask(curator).json()["tried"]
    assert (tried["version"], tried["confidence"], tried["ranked"]) == (1, 0.75, 40)
    first, second = tried["results"]
    assert (first["score"], first["similarity"], first["words"]) == (0.9, 0.8, 3.0)
    assert (first["by_meaning"], first["by_words"], first["ranked"]) == (1, None, None)
    assert (first["text"], first["number"], second["number"]) == ("Everyone has 28 days.", 1, 2)
    assert first["document"]["collection"] == "Private" and not first["document"]["restricted"]
    assert second["address"] == f"/documents/{found[0].document_id}/passages/?start=0#passage-2"
    steps = {"permissions", "embedding", "finding", "ranking", "transfer", "check"}
    assert set(tried["milliseconds"]) == steps and tried["milliseconds"]["embedding"] == 4.0


def test_what_the_curator_does_not_look_after_is_neither_asked_for_nor_shown(
    curator: Client, found: list[Passage], index: FakeIndex, make_document: MakeDocument
) -> None:
    index.hits = [hit(elsewhere(make_document)), *index.hits]
    (tried,) = ask(curator).json()["tried"]
    assert [one["text"] for one in tried["results"]] == [one.text for one in found]
    asked = index.searches[-1]
    assert asked["collections"] == [str(found[0].document.collection_id)] and asked["groups"] is None
    other = str(Collection.objects.get(name="Board").pk)
    assert ask(curator, collections=[other]).status_code == 404


def test_documents_with_readers_of_their_own_are_found_by_who_looks_after_them(
    curator: Client, found: list[Passage]
) -> None:
    Document.objects.update(restricted=True)
    (tried,) = ask(curator).json()["tried"]
    assert [one["document"]["restricted"] for one in tried["results"]] == [True, True]


def test_what_was_shown_is_in_the_audit_trail_and_the_question_is_not(
    curator: Client, people: People, found: list[Passage], index: FakeIndex, private: Collection, make_document: Any
) -> None:
    other = make_document("open.md", "Bicycles stand in the yard.", collection=private)
    Document.objects.exclude(pk=other.pk).update(restricted=True)
    index.hits = [*index.hits, hit(other.passages.get()), hit(elsewhere(make_document))]
    ask(curator, collections=[str(private.pk)]), ask(curator, person="charlie")
    lines = AuditEntry.objects.filter(action="search.tried").order_by("pk")
    restricted = {"document": str(found[0].document_id), "name": "leave.md", "restricted": True}
    open_one = {"passage": other.passages.get().pk, "document": str(other.pk), "name": "open.md"}
    assert [line.detail["collections"] for line in lines] == [[str(private.pk)], None]
    first, second = (line.detail["passages"] for line in lines)
    assert first == [{"passage": one.pk, **restricted} for one in found] + [open_one] and second == []
    assert {line.actor_id for line in lines} == {people["bob"].pk}
    assert all("days" not in f"{line.subject}{line.detail}{line.sealed}" for line in lines)


def test_no_passage_is_shown_without_its_line(
    curator: Client, found: list[Passage], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise OperationalError("away")

    monkeypatch.setattr("chatapp.documents.bench.record", away)
    curator.raise_request_exception = False
    answer = ask(curator)
    assert answer.status_code >= 500 and b"28 days" not in answer.content


def test_asking_as_a_person_finds_what_they_would_and_is_audited_without_the_question(
    curator: Client, people: People, found: list[Passage]
) -> None:
    assert len(ask(curator, person="Alice").json()["tried"][0]["results"]) == 2
    assert ask(curator, person="charlie").json()["tried"][0]["results"] == []
    lines = AuditEntry.objects.filter(action="search.tried_as").order_by("pk")
    assert [line.subject for line in lines] == [f"person {people['alice'].pk}", f"person {people['charlie'].pk}"]
    assert {line.actor_id for line in lines} == {people["bob"].pk}
    assert all("days" not in f"{line.subject}{line.detail}{line.sealed}" for line in lines)


def test_asking_as_a_person_shows_nothing_beyond_what_the_curator_looks_after(
    curator: Client, people: People, found: list[Passage], index: FakeIndex, make_document: MakeDocument
) -> None:
    passage = elsewhere(make_document)
    passage.document.collection.readers.add(Group.objects.get(name="owners"))  # alice reads it, bob does not
    index.hits = [hit(passage)]
    assert ask(curator, person="alice").json()["tried"][0]["results"] == []
    assert index.searches[-1]["collections"] == [str(found[0].document.collection_id)]


def test_asking_as_a_group_finds_what_somebody_in_it_alone_would(
    curator: Client, people: People, found: list[Passage], private: Collection
) -> None:
    assert len(ask(curator, group="owners").json()["tried"][0]["results"]) == 2
    private.readers.remove(Group.objects.get(name="owners"))
    assert ask(curator, group="owners").json()["tried"][0]["results"] == []
    assert AuditEntry.objects.filter(action="search.tried_as", subject="owners").count() == 2


def test_oneself_and_everything_are_nobody_else(curator: Client, found: list[Passage]) -> None:
    ask(curator), ask(curator, person="bob")
    assert not AuditEntry.objects.filter(action="search.tried_as").exists()


def test_two_versions_stand_side_by_side_with_what_moved(
    curator: Client, found: list[Passage], index: FakeIndex
) -> None:
    index.hits_of[2] = [hit(found[1], 0.9), hit(found[0], 0.2)]
    answer = ask(curator, versions=[1, 2]).json()
    assert [tried["version"] for tried in answer["tried"]] == [1, 2]
    assert answer["moves"] == [{"before": 2, "document_before": 1}, {"before": 1, "document_before": 1}]


def test_moves_go_by_words_so_that_another_cut_is_followed() -> None:
    def one(document: str, text: str) -> dict[str, Any]:
        return {"document": {"id": document}, "text": text}

    before = [one("a", "first words"), one("b", "second"), one("b", "third")]
    after = [one("b", "third"), one("a", "first\n words"), one("b", "second and third"), one("c", "first words")]
    assert moves(before, after) == [
        {"before": 3, "document_before": 2},
        {"before": 1, "document_before": 1},
        {"before": None, "document_before": 2},
        {"before": None, "document_before": None},
    ]


def test_a_version_that_is_not_held_is_said(curator: Client, found: list[Passage], index: FakeIndex) -> None:
    index.not_held = {7}
    answer = ask(curator, versions=[None, 7])
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "version_not_held")
    assert "7" in answer.json()["error"]["message"]


def test_an_index_that_is_away_is_said(curator: Client, found: list[Passage], index: FakeIndex) -> None:
    index.stop()
    answer = ask(curator)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "index_unavailable")


def test_a_person_or_group_that_is_not_there_is_said(curator: Client, found: list[Passage]) -> None:
    for body in ({"person": "nobody"}, {"group": "nobodies"}):
        answer = ask(curator, **body)
        assert answer.status_code == 404 and "nobod" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "body",
    [
        {"question": ""},
        {"question": None},
        {"question": "x" * 100_000},
        {"k": 0},
        {"k": 51},
        {"k": True},
        {"collections": ["no"]},
        {"collections": "no"},
        {"collections": [1]},
        {"filters": {"colour": "red"}},
        {"person": 3},
        {"person": "x" * 151},
        {"person": "a\x00"},
        {"person": "alice", "group": "owners"},
        {"versions": [1, 2, 3]},
        {"versions": ["1"]},
        {"versions": [True]},
        {"versions": [2**63]},
        {"page": 2},
    ],
)
def test_what_cannot_be_asked_is_refused_with_a_sentence(curator: Client, found: list[Passage], body: Any) -> None:
    answer = ask(curator, **body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid")
    assert not AuditEntry.objects.filter(action__startswith="search.tried").exists()


def test_it_is_for_curators_alone(people: People, found: list[Passage], curator: Client) -> None:
    for client, status in ((signed_in(people["alice"]), 404), (Client(), 401)):
        assert ask(client).status_code == status
    assert signed_in(people["alice"]).get("/documents/search/").status_code == 404
    assert ask(signed_in(people["administrator"])).status_code == 200


def test_the_page_offers_what_the_curator_looks_after(
    curator: Client, found: list[Passage], private: Collection
) -> None:
    Collection.objects.create(name="Board")
    page = curator.get(f"/documents/search/?collection={private.pk}").content.decode()
    assert "Private" in page and "Board" not in page and "Somebody in owners" in page
    assert f'value="{private.pk}" selected' in page and "Versions are compared while" in page


def test_one_person_does_not_take_every_search(
    curator: Client, people: People, found: list[Passage], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_api, "_running", Counter({people["bob"].pk: 4}))
    assert ask(curator).json()["error"]["code"] == "busy"


def test_a_group_reaches_what_a_person_in_it_alone_reaches(people: People, private: Collection) -> None:
    """Against the accessor, for groups that read, look after and administer."""
    organisers, curators = Group.objects.create(name="organisers"), Group.objects.create(name="curators")
    Collection.objects.create(name="Open", everyone=True)
    board = Collection.objects.create(name="Board")
    appoint(role="organiser", to=organisers, by=None)
    appoint(role="curator", to=curators, collection=board, by=None)
    expected = {"organisers": 3, "curators": 2, "owners": 2}
    for name, collections in expected.items():
        person, group = people["charlie"], Group.objects.get(name=name)
        person.groups.set([group])
        assert access.reach_of_group(group) == access.reach(person)
        assert len(access.reach_of_group(group).collections) == collections


def test_versions_are_held_that_every_service_holds(no_index_service: None) -> None:
    now = timezone.now() + timedelta(hours=1)  # they count for seconds, and machines are slow
    one, two = (IndexVersion.objects.create(status="ready", promote=False, embedding_model="m") for _ in range(2))
    assert held_versions() == [], "without a service nothing can be asked"
    IndexServiceState.objects.create(name="a", seen_at=now, holds={str(one.pk): 1, str(two.pk): 1})
    assert held_versions() == [two, one]
    IndexServiceState.objects.create(name="b", seen_at=now, holds={str(one.pk): 1, "0": 3})
    assert held_versions() == [one]
    IndexServiceState.objects.update(seen_at=now - timedelta(hours=2))
    assert held_versions() == []
