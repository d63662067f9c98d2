"""Search for a person: what they may not read is left out of the request, and each hit is checked again in Postgres."""

from __future__ import annotations

from collections.abc import Collection as Container
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from chatapp.access import reach, reach_of_each
from chatapp.accounts.models import User
from chatapp.database import Together
from chatapp.documents.filters import EVERYTHING
from chatapp.errors import Invalid
from retrieval.contracts import PassageHit, SearchFilters, SearchRequest
from retrieval.models import Collection, Document, Passage, Reach
from retrieval.service.client import IndexClient, shared_client
from retrieval.stored_text import storable

MOST_RESULTS = 200
BATCH = 64


@dataclass(frozen=True, slots=True)
class FoundPassage:
    """A passage with its document and collection loaded, and how well it matches."""

    passage: Passage
    score: float
    dense: float
    lexical: float
    confidence: float | None = None  # that the documents answer the question at all; None: not known
    version: int = 0  # of the index that found it; 0: before the first one


def search_passages(
    user: User,
    question: str,
    *,
    k: int,
    collections: frozenset[UUID] | None = None,
    filters: SearchFilters = EVERYTHING,
) -> list[FoundPassage]:
    """Best first. `collections` and `filters` narrow what the person may read; None means all of it."""
    return next(search_batch(user, [question], k=k, collections=collections, filters=filters))


def search_batch(
    user: User,
    questions: Sequence[str],
    *,
    k: int,
    collections: frozenset[UUID] | None = None,
    filters: SearchFilters = EVERYTHING,
) -> Iterator[list[FoundPassage]]:
    """Results for each question in order, asked in chunks."""
    client = IndexClient(settings.RETRIEVAL)
    try:
        for start in range(0, len(questions), BATCH):
            within = _within(reach(user), collections)
            requests = [search_request(question, k, within, filters) for question in questions[start : start + BATCH]]
            answers = client.search_batch(requests) if within.collections else [[] for _ in requests]
            yield from _check_again([(user, hits) for hits in answers])
    finally:
        client.close()


async def asearch_passages(
    user: User,
    question: str,
    *,
    k: int,
    collections: frozenset[UUID] | None = None,
    filters: SearchFilters = EVERYTHING,
) -> list[FoundPassage]:
    """The same for the web process, which must not block."""
    within = Reach() if collections == frozenset() else _within(await _reach(user), collections)
    request = search_request(question, k, within, filters)
    if not within.collections:
        return []
    hits = await shared_client(settings.RETRIEVAL).search(request)
    return await _still_readable((user, hits)) if hits else []


def _check_again(found: Sequence[tuple[User, Sequence[PassageHit]]]) -> list[list[FoundPassage]]:
    """An index may be a moment behind: a deleted document or a withdrawn permission must not show."""
    readable = readable_of_each([(user, {hit.passage_id for hit in hits}) for user, hits in found])
    return [
        [
            FoundPassage(passage, hit.score, hit.dense, hit.lexical, hit.confidence, hit.version)
            for hit in hits
            if (passage := passages.get(hit.passage_id))
        ]
        for (_, hits), passages in zip(found, readable, strict=True)
    ]


def readable_of_each(asked: Sequence[tuple[User, Container[int]]]) -> list[dict[int, Passage]]:
    """`readable_passages` for many people with three queries, or four where documents have readers of their own."""
    reaches = reach_of_each([user for user, _ in asked])
    return within_reach([(may, ids) for may, (_, ids) in zip(reaches, asked, strict=True)])


def within_reach(asked: Sequence[tuple[Reach, Container[int]]]) -> list[dict[int, Passage]]:
    """Of each the passages of ready documents that lie within, with document and collection loaded."""
    rows = Passage.objects.filter(pk__in={pk for _, ids in asked for pk in ids}, document__status=Document.Status.READY)
    passages = {row.pk: row for row in rows.select_related("document__collection")}
    restricted = {row.document_id for row in passages.values() if row.document.restricted}
    readers = Document.objects.filter(pk__in=restricted).own_readers() if restricted else {}

    def may_read(may: Reach, passage: Passage) -> bool:
        own = readers.get(passage.document_id, frozenset()) if passage.document.restricted else None
        return may.has(passage.document.collection_id, own)

    return [{pk: passages[pk] for pk in ids if pk in passages and may_read(may, passages[pk])} for may, ids in asked]


_reach = Together[User, Reach](reach_of_each)
areadable_passages = Together[tuple[User, Container[int]], dict[int, Passage]](readable_of_each)
_still_readable = Together[tuple[User, Sequence[PassageHit]], list[FoundPassage]](_check_again)


def _within(may: Reach, collections: frozenset[UUID] | None) -> Reach:
    return may if collections is None else replace(may, collections=may.collections & collections)


def search_request(question: str, k: int, within: Reach, filters: SearchFilters) -> SearchRequest:
    question = storable(question).strip()
    if not question:
        raise Invalid("The question is empty.", advice="Type what you want to know.")
    if len(question) > settings.QUESTION_CHARACTERS:
        most = settings.QUESTION_CHARACTERS
        raise Invalid(f"The question is longer than {most} characters.", advice="Shorten it.")
    if not 1 <= k <= MOST_RESULTS:
        raise Invalid(f"The number of results must lie between 1 and {MOST_RESULTS}.", advice="Correct it.")
    return SearchRequest(question, within.collections, k, within.groups, filters)


def readable_passages(user: User, ids: Container[int]) -> dict[int, Passage]:
    """Those of ready documents that the person may read, with document and collection loaded."""
    return {passage.pk: passage for passage in _readable(user, ids).select_related("document__collection")}


def readable_ids(user: User, ids: Container[int]) -> set[int]:
    return set(_readable(user, ids).values_list("pk", flat=True))


def _readable(user: User, ids: Container[int]) -> QuerySet[Passage]:
    return Passage.objects.readable_by(user).filter(pk__in=ids, document__status=Document.Status.READY)


def reads_what_stays_in_house(user: User) -> bool:
    return Collection.objects.readable_by(user).filter(stays_in_house=True).exists()


def may_leave_the_house(documents: Container[UUID], collections: Container[UUID]) -> tuple[set[UUID], set[UUID]]:
    """Of these, the documents whose passages may be sent to an endpoint outside, and the collections that may be asked
    there. What is gone may not: what it allowed is no longer known.
    """
    texts = Document.objects.filter(pk__in=documents, collection__stays_in_house=False)
    asked = Collection.objects.filter(pk__in=collections, stays_in_house=False)
    return (
        set(texts.values_list("pk", flat=True)) if documents else set(),
        set(asked.values_list("pk", flat=True)) if collections else set(),
    )
