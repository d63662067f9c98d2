"""Search for a person: what they may not read is left out of the request, and each hit is checked again in Postgres."""

from __future__ import annotations

from collections.abc import Collection as Container
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from chatapp.access import readable_collections, readable_collections_of
from chatapp.accounts.models import User
from chatapp.database import Together
from chatapp.errors import Invalid
from retrieval.client import IndexClient, shared_client
from retrieval.contracts import PassageHit, SearchRequest
from retrieval.ingestion import storable
from retrieval.models import Collection, Document, Passage

MOST_RESULTS = 200
BATCH = 64


@dataclass(frozen=True, slots=True)
class FoundPassage:
    """A passage with its document and collection loaded, and how well it matches."""

    passage: Passage
    score: float
    dense: float
    lexical: float


def search_passages(
    user: User, question: str, *, k: int, collections: frozenset[UUID] | None = None
) -> list[FoundPassage]:
    """Best first. `collections` narrows what the person may read; None means all of it."""
    return next(search_batch(user, [question], k=k, collections=collections))


def search_batch(
    user: User, questions: Sequence[str], *, k: int, collections: frozenset[UUID] | None = None
) -> Iterator[list[FoundPassage]]:
    """Results for each question in order, asked in chunks."""
    client = IndexClient(settings.RETRIEVAL)
    try:
        for start in range(0, len(questions), BATCH):
            allowed = _allowed(user, collections)
            requests = [_request(question, k, allowed) for question in questions[start : start + BATCH]]
            answers = client.search_batch(requests) if allowed else [[] for _ in requests]
            yield from _check_again([(user, hits) for hits in answers])
    finally:
        client.close()


async def asearch_passages(
    user: User, question: str, *, k: int, collections: frozenset[UUID] | None = None
) -> list[FoundPassage]:
    """The same for the web process, which must not block."""
    readable = frozenset[UUID]() if collections == frozenset() else await _readable_collections(user)
    allowed = readable if collections is None else readable & collections
    request = _request(question, k, allowed)
    if not allowed:
        return []
    hits = await shared_client(settings.RETRIEVAL).search(request)
    return await _still_readable((user, hits)) if hits else []


def _check_again(found: Sequence[tuple[User, Sequence[PassageHit]]]) -> list[list[FoundPassage]]:
    """An index may be a moment behind: a deleted document or a withdrawn permission must not show.

    For the hits of many people with three queries.
    """
    readable = readable_collections_of([user for user, _ in found])
    ids = {hit.passage_id for _, hits in found for hit in hits}
    rows = Passage.objects.filter(pk__in=ids, document__status=Document.Status.READY)
    passages = {row.pk: row for row in rows.select_related("document__collection")}
    return [
        [
            FoundPassage(passage, hit.score, hit.dense, hit.lexical)
            for hit in hits
            if (passage := passages.get(hit.passage_id)) and passage.document.collection_id in allowed
        ]
        for (_, hits), allowed in zip(found, readable, strict=True)
    ]


_readable_collections = Together[User, frozenset[UUID]](readable_collections_of)
_still_readable = Together[tuple[User, Sequence[PassageHit]], list[FoundPassage]](_check_again)


def _allowed(user: User, collections: frozenset[UUID] | None) -> frozenset[UUID]:
    readable = readable_collections(user)
    return readable if collections is None else readable & collections


def _request(question: str, k: int, allowed: frozenset[UUID]) -> SearchRequest:
    question = storable(question).strip()
    if not question:
        raise Invalid("The question is empty.", advice="Type what you want to know.")
    if len(question) > settings.QUESTION_CHARACTERS:
        most = settings.QUESTION_CHARACTERS
        raise Invalid(f"The question is longer than {most} characters.", advice="Shorten it.")
    if not 1 <= k <= MOST_RESULTS:
        raise Invalid(f"The number of results must lie between 1 and {MOST_RESULTS}.", advice="Correct it.")
    return SearchRequest(question, allowed, k)


def readable_passages(user: User, ids: Container[int]) -> dict[int, Passage]:
    """Those of ready documents that the person may read, with document and collection loaded."""
    return {passage.pk: passage for passage in _readable(user, ids).select_related("document__collection")}


def readable_ids(user: User, ids: Container[int]) -> set[int]:
    return set(_readable(user, ids).values_list("pk", flat=True))


def _readable(user: User, ids: Container[int]) -> QuerySet[Passage]:
    return Passage.objects.filter(
        pk__in=ids,
        document__status=Document.Status.READY,
        document__collection__in=Collection.objects.readable_by(user),
    )


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
