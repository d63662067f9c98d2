"""What changes about a document that stays as it is: who may read it, where it belongs, when it is dated."""

# ruff: noqa: F811 - a fixture is named like its value
from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import Group

from retrieval.changes import record_change
from retrieval.contracts import SearchFilters, SearchRequest
from retrieval.index.follower import Follower
from retrieval.models import Collection, Document, IndexChange
from tests.index.conftest import ids, store
from tests.index.test_follower import DIMENSION, caught_up, follower, texts, vectors  # noqa: F401


def found(
    follower: Follower, *collections: Collection, groups: frozenset[int] | None = frozenset(), **filters: Any
) -> set[int]:
    asked = frozenset(collection.pk for collection in collections)
    request = SearchRequest("leave", asked, 50, groups, SearchFilters(**filters))
    return {hit.passage_id for hit in follower.index.search(request, vectors(1)[0])}


def change(follower: Follower, document: Document, **values: Any) -> None:
    Document.objects.filter(pk=document.pk).update(**values)
    record_change(document, IndexChange.Kind.ACCESS)
    caught_up(follower)


def test_readers_of_its_own_count_at_once_and_nothing_is_taken_in_anew(
    follower: Follower,
    collection: Collection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    board = Group.objects.create(name="board")
    open_one = store(collection, "open.txt", texts(3), vectors(3))
    closed = store(collection, "closed.txt", texts(4), vectors(4))
    caught_up(follower)
    monkeypatch.setattr(follower.index, "replace", None)
    change(follower, closed, restricted=True)
    assert found(follower, collection) == found(follower, collection, groups=frozenset([board.pk])) == ids(open_one)
    assert found(follower, collection, groups=None) == ids(open_one) | ids(closed)
    closed.readers.add(board)
    change(follower, closed)
    assert found(follower, collection) == ids(open_one)
    assert found(follower, collection, groups=frozenset([board.pk, 99])) == ids(open_one) | ids(closed)
    change(follower, closed, restricted=False)
    assert found(follower, collection) == ids(open_one) | ids(closed)
    assert follower.problem == ""


def test_what_filters_know_of_a_document_changes_with_it(
    follower: Follower,
    collection: Collection,
) -> None:
    document = store(collection, "a.txt", texts(3), vectors(3))
    caught_up(follower)
    year = datetime(2024, 1, 1, tzinfo=UTC)
    assert found(follower, collection, path_prefix="a.") == ids(document)
    change(follower, document, dated_at=year, path="reports/a.txt", media_type="text/plain")
    assert found(follower, collection, until=year) == found(follower, collection, path_prefix="a.") == set()
    assert found(follower, collection, since=year, path_prefix="reports/") == ids(document)
    assert found(follower, collection, media_types=frozenset(["text/plain"])) == ids(document)
    assert found(follower, collection, media_types=frozenset(["application/pdf"])) == set()


def test_a_document_that_moves_is_found_where_it_is_now(follower: Follower, collection: Collection) -> None:
    other = Collection.objects.create(name="Other")
    document = store(collection, "a.txt", texts(3), vectors(3))
    store(other, "b.txt", texts(3), vectors(3))
    caught_up(follower)
    change(follower, document, collection=other)
    assert found(follower, collection) == set() and ids(document) < found(follower, other)
    change(follower, document, status=Document.Status.EMBEDDING)
    assert not ids(document) & found(follower, other)


def test_a_change_of_what_was_deleted_meanwhile_changes_nothing(follower: Follower, collection: Collection) -> None:
    document = store(collection, "a.txt", texts(DIMENSION), vectors(DIMENSION))
    kept = Document.objects.get(pk=document.pk)
    document.delete()
    record_change(kept, IndexChange.Kind.ACCESS)
    caught_up(follower)
    assert found(follower, collection, groups=None) == set() and follower.problem == ""
