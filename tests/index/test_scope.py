"""Which passages a search may find, as the index itself decides it."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest

from retrieval.contracts import IndexedPassage, Places, Scope, SearchFilters, SearchRequest
from retrieval.index import documents as columns
from retrieval.index import paths, tantivy_index
from retrieval.index.documents import DocumentTable, Facts
from retrieval.index.id_set import IdSet
from retrieval.index.scope import Scopes
from retrieval.index.tantivy_index import TantivyIndex

NEW_YEAR = datetime(2025, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("deepest", [0, 20_000])
def test_words_match_by_stem_within_what_may_be_found(deepest: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether documents are named to the engine or left out of what it found."""
    monkeypatch.setattr(tantivy_index, "_DEEPEST", deepest)
    index = TantivyIndex()
    here, there, document, other = uuid4(), uuid4(), uuid4(), uuid4()
    index.add(
        [
            IndexedPassage(1, document, here, "The invoices were approved."),
            IndexedPassage(2, other, there, "An invoice is an invoice."),
        ]
    )

    def found(*passages: int, **places: tuple[UUID, ...]) -> list[int]:
        scope = Scope(IdSet(passages), lambda: Places(**places))
        return [c.passage_id for c in index.search("approve invoice", 5, scope)]

    assert found(1, collections=(here,)) == found(1, documents=(document,)) == [1]
    assert found(1, 2, collections=(there,), documents=(document,)) == found(1, 2, collections=(here, there)) == [1, 2]
    assert found(2, collections=(here, there), without=(document,)) == [2]
    assert found() == []
    index.remove_documents([document])
    assert found(1, collections=(here,)) == [] and found(1, 2, collections=(here, there)) == [2]


def test_a_reader_of_one_document_in_a_thousand_misses_none_that_matches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Others match better, however deep one looks."""
    monkeypatch.setattr(tantivy_index, "_DEEPEST", 1000)
    index, mine, others = TantivyIndex(), [uuid4() for _ in range(5)], [uuid4() for _ in range(500)]
    texts = dict.fromkeys(others, "leave leave") | dict.fromkeys(mine, "leave, among many other words that say little")
    passages = [
        IndexedPassage(number, document, mine[0], text) for number, (document, text) in enumerate(texts.items())
    ]
    index.add(passages)
    own = [passage.passage_id for passage in passages if passage.document_id in mine]
    for k in (1, 3, 5, 100):
        scope = Scope(IdSet(own), lambda: Places(documents=tuple(mine)))
        found = [c.passage_id for c in index.search("leave", k, scope)]
        assert len(found) == min(k, 5) and set(found) <= set(own)


@pytest.mark.parametrize("few", [0, 5_000])
def test_scores_say_nothing_of_what_may_not_be_found(few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether those that have a word are counted, or a sample is asked."""
    monkeypatch.setattr(tantivy_index, "_FEW_HITS", few)
    here, there = uuid4(), uuid4()
    mine = [IndexedPassage(n, uuid4(), here, f"Rule {n}: the canteen opens at noon.") for n in range(3)]
    others = [IndexedPassage(n, uuid4(), there, "Operation Falkenhorst: the canteen burns.") for n in range(3, 3000)]
    alone, among = TantivyIndex(), TantivyIndex()
    alone.add(mine)
    among.add([*mine, *others])
    scope = Scope(IdSet([0, 1, 2]), lambda: Places(collections=(here,)))
    seen = [index.look_up("canteen falkenhorst rule 2", [0, 1, 2], scope) for index in (alone, among)]
    assert seen[0].rarity == seen[1].rarity
    scores = [[one.lexical for one in found.evidence] for found in seen]
    assert scores[0] == scores[1] and scores[0][2] > scores[0][0] > 0


def test_scores_within_a_scope_of_everything_are_those_of_the_engine() -> None:
    index, here = TantivyIndex(), uuid4()
    texts = [" ".join(["invoice"] * (1 + n % 3) + ["of", f"customer{n % 7}"] + ["paper"] * n) for n in range(40)]
    index.add([IndexedPassage(n, uuid4(), here, text) for n, text in enumerate(texts)])
    everything = Scope(IdSet(range(40)), lambda: Places(collections=(here,)))
    engine, own = (index.look_up("invoice customer3", range(40), scope) for scope in (None, everything))
    assert own.rarity == engine.rarity
    assert [one.lexical for one in own.evidence] == pytest.approx([one.lexical for one in engine.evidence], rel=0.05)


class Model:
    """The rules once more, one document at a time."""

    def __init__(self) -> None:
        self.documents: dict[UUID, tuple[Facts, frozenset[int]]] = {}

    def found(self, request: SearchRequest) -> set[int]:
        return {one for facts, ids in self.documents.values() if _may(facts, request) for one in ids}


def _may(facts: Facts, request: SearchRequest) -> bool:
    filters = request.filters
    return (
        facts.collection in request.collections
        and (facts.readers is None or request.groups is None or bool(facts.readers & request.groups))
        and (not filters.media_types or facts.media_type in filters.media_types)
        and (filters.since is None or facts.dated_at >= filters.since)
        and (filters.until is None or facts.dated_at < filters.until)
        and facts.path.startswith(filters.path_prefix)
    )


COLLECTIONS = [uuid4() for _ in range(5)]
FILTERS = [
    SearchFilters(),
    SearchFilters(media_types=frozenset(["text/plain", "text/html"])),
    SearchFilters(since=NEW_YEAR + timedelta(days=2)),
    SearchFilters(until=NEW_YEAR + timedelta(days=2)),
    SearchFilters(path_prefix="reports/", media_types=frozenset(["application/pdf"])),
]


def _facts(chance: random.Random) -> Facts:
    return Facts(
        collection=chance.choice(COLLECTIONS),
        readers=chance.choice([None, None, frozenset(chance.sample(range(6), chance.randrange(3)))]),
        media_type=chance.choice(["text/plain", "text/html", "application/pdf"]),
        path=chance.choice(["reports/", "report", ""]) + str(chance.random()),
        dated_at=NEW_YEAR + timedelta(hours=chance.randrange(100)),
    )


def _request(chance: random.Random) -> SearchRequest:
    groups = chance.choice([None, frozenset(chance.sample(range(8), chance.randrange(4)))])
    asked = frozenset(chance.sample([*COLLECTIONS, uuid4()], chance.randrange(1, 7)))
    return SearchRequest("?", asked, 10, groups, chance.choice(FILTERS))


def _change(chance: random.Random, table: DocumentTable, model: Model, new: int) -> None:
    known = list(model.documents)
    action = chance.choice(["put", "put", "again", "describe", "remove"]) if known else "put"
    document = uuid4() if action == "put" else chance.choice(known)
    if action == "remove":
        assert set(table.remove([document]).tolist()) == model.documents.pop(document)[1]
        return
    facts = _facts(chance)
    if action == "describe":
        table.describe(document, facts)
        model.documents[document] = (facts, model.documents[document][1])
        return
    ids = chance.sample(range(10 * new, 10 * new + 10), chance.randrange(1, 4))
    table.put(document, facts, np.array(ids, dtype=np.int64))
    model.documents[document] = (facts, frozenset(ids))


@pytest.mark.parametrize("seed", range(5))
def test_a_scope_is_what_the_rules_say_however_documents_change(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "_HOLES", 20)
    monkeypatch.setattr(columns, "_REMEMBERED", 15)
    monkeypatch.setattr(paths, "_CHANGES", 5)
    chance, table, model = random.Random(seed), DocumentTable(), Model()
    scopes = Scopes(table, entries=20)
    requests = [_request(chance) for _ in range(30)]
    for step in range(400):
        _change(chance, table, model, step)
        for request in chance.sample(requests, 2):
            scope = scopes.scope(request)
            found = (
                {one for _, ids in model.documents.values() for one in ids} if scope is None else set(scope.passages)
            )
            assert found == model.found(request)
            assert scope is None or _in_terms_of_documents(scope, model) == found
    assert len(scopes) <= 20


def _in_terms_of_documents(scope: Scope, model: Model) -> set[int]:
    places = scope.places
    return {
        one
        for document, (facts, ids) in model.documents.items()
        for one in ids
        if document in places.documents or (facts.collection in places.collections and document not in places.without)
    }


def test_kept_scopes_stay_within_their_bytes() -> None:
    table = DocumentTable()
    for collection in COLLECTIONS:
        table.put(uuid4(), Facts(collection, None, "", "", NEW_YEAR), np.arange(1000) + 1000 * len(table))
    scopes = Scopes(table, most_bytes=25_000)
    for collection in COLLECTIONS * 2:
        scope = scopes.scope(SearchRequest("?", frozenset([collection])))
        assert scope is not None and len(scope.passages) == 1000
    assert len(scopes) == 2


def test_many_paths_asked_for_push_out_no_scope_of_people_who_ask_without() -> None:
    table = DocumentTable()
    for number, collection in enumerate(COLLECTIONS):
        table.put(uuid4(), Facts(collection, None, "", f"{number}/a", NEW_YEAR), np.array([number]))
    scopes, request = Scopes(table, entries=20), SearchRequest("?", frozenset([COLLECTIONS[0]]))
    first = scopes.scope(request)
    for number in range(100):
        scopes.scope(replace(request, filters=SearchFilters(path_prefix=f"{number}/")))
    assert scopes.scope(request) is first and len(scopes) <= 20


class _Walked(str):
    """A path that counts how often it is looked at."""

    looks = 0

    def startswith(self, *given: Any) -> bool:
        _Walked.looks += 1
        return super().startswith(*given)


def test_another_path_is_found_without_a_look_at_every_document() -> None:
    table, scopes_of = DocumentTable(), frozenset(COLLECTIONS)
    for number in range(3000):
        path = _Walked(f"folder {number % 50}/{number}")
        table.put(uuid4(), Facts(COLLECTIONS[0], None, "", path, NEW_YEAR), np.array([number]))
    for prefix, found in [("folder 7/", 60), ("folder 7", 60), ("folder 1", 660), ("z", 0), ("folder 49/2999", 1)]:
        assert table.readable(scopes_of, None, SearchFilters(path_prefix=prefix)).sum() == found
    assert _Walked.looks == 0


@pytest.mark.parametrize("seed", range(20))
def test_a_set_of_ids_is_what_pythons_own_is_also_after_changes(seed: int) -> None:
    chance = np.random.default_rng(seed)
    given, gone, come = (chance.integers(0, 40, size) for size in (chance.integers(0, 30), 5, 5))
    made = IdSet(given)
    assert made.ids.tolist() == sorted(set(given.tolist()))
    assert made.changed(gone, come).ids.tolist() == sorted(
        set(given.tolist()) - set(gone.tolist()) | set(come.tolist())
    )
