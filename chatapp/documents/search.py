"""Search for a person: what they may not read is left out of the request, and each hit is checked again in Postgres."""

from __future__ import annotations

import asyncio
from collections.abc import Collection as Container
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from django.conf import settings
from django.db.models import Q, QuerySet

from chatapp.access import reach, reach_of_each
from chatapp.accounts.models import User
from chatapp.attachments.reading import theirs
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
            yield from _check_again([(user, hits, None) for hits in answers])
    finally:
        client.close()


async def asearch_passages(
    user: User,
    question: str,
    *,
    k: int,
    collections: frozenset[UUID] | None = None,
    filters: SearchFilters = EVERYTHING,
    attached: UUID | None = None,
) -> list[FoundPassage]:
    """The same for the web process, which must not block. `attached`: what holds the files of the conversation in which
    this is asked; they are searched as well, whatever the search is narrowed to.
    """
    within = Reach() if collections == frozenset() else _within(await _reach(user), collections)
    request = search_request(question, k, within, filters)
    if attached is not None:
        return await _search_with(attached, user, request)
    if not within.collections:
        return []
    hits = await shared_client(settings.RETRIEVAL).search(request)
    return await _still_readable((user, hits, None)) if hits else []


async def _search_with(attached: UUID, user: User, request: SearchRequest) -> list[FoundPassage]:
    """Whoever attaches a file asks about it: half of the places are for its passages, however much else there is."""
    client = shared_client(settings.RETRIEVAL)
    own = SearchRequest(request.question, frozenset({attached}), request.k, frozenset(), EVERYTHING)
    both = replace(request, collections=request.collections | {attached})
    every, of_files = await asyncio.gather(client.search(both), client.search(own))
    hits = with_places_kept(request.k, every, of_files)
    return await _still_readable((user, hits, attached)) if hits else []


def with_places_kept(k: int, every: Sequence[PassageHit], own: Sequence[PassageHit]) -> list[PassageHit]:
    """The best of `every`, in which the best half of `own` has its places. Best first; `every` says how well they match
    where both found them."""
    kept = {hit.passage_id: hit for hit in own[: (k + 1) // 2]}
    among = {hit.passage_id: hit for hit in every}
    others = [hit for hit in every if hit.passage_id not in kept][: k - len(kept)]
    return sorted([*(among.get(pk, hit) for pk, hit in kept.items()), *others], key=lambda hit: -hit.score)


_Found = tuple[User, Sequence[PassageHit], UUID | None]  # and what may be found beside what the person reads


def _check_again(found: Sequence[_Found]) -> list[list[FoundPassage]]:
    """An index may be a moment behind: a deleted document or a withdrawn permission must not show."""
    reaches = reach_of_each([user for user, _, _ in found])
    own = theirs([user for user, _, _ in found], {attached for _, _, attached in found if attached})
    asked = [
        (_with(may, attached if (user.pk, attached) in own else None), {hit.passage_id for hit in hits})
        for may, (user, hits, attached) in zip(reaches, found, strict=True)
    ]
    readable = within_reach(asked)
    return [
        [
            FoundPassage(passage, hit.score, hit.dense, hit.lexical, hit.confidence, hit.version)
            for hit in hits
            if (passage := passages.get(hit.passage_id))
        ]
        for (_, hits, _), passages in zip(found, readable, strict=True)
    ]


def _with(may: Reach, attached: UUID | None) -> Reach:
    return may if attached is None else replace(may, collections=may.collections | {attached})


def readable_of_each(asked: Sequence[tuple[User, Container[int]]]) -> list[dict[int, Passage]]:
    """`readable_passages` for many people with three queries, and one more each where documents have readers of their
    own and where passages are of files that were attached to conversations."""
    passages = _ready({pk for _, ids in asked for pk in ids})
    attached = {row.document.collection_id for row in passages.values() if row.document.collection.attached}
    own = theirs([user for user, _ in asked], attached)
    reaches = reach_of_each([user for user, _ in asked])
    of_each = [
        replace(may, collections=may.collections | {one for pk, one in own if pk == user.pk and user.grant is None})
        for may, (user, _) in zip(reaches, asked, strict=True)
    ]
    return _those_within([(may, ids) for may, (_, ids) in zip(of_each, asked, strict=True)], passages)


def within_reach(asked: Sequence[tuple[Reach, Container[int]]]) -> list[dict[int, Passage]]:
    """Of each the passages of ready documents that lie within, with document and collection loaded."""
    return _those_within(asked, _ready({pk for _, ids in asked for pk in ids}))


def _ready(ids: set[int]) -> dict[int, Passage]:
    rows = Passage.objects.filter(pk__in=ids, document__status=Document.Status.READY)
    return {row.pk: row for row in rows.select_related("document__collection")}


def _those_within(
    asked: Sequence[tuple[Reach, Container[int]]], passages: dict[int, Passage]
) -> list[dict[int, Passage]]:
    restricted = {row.document_id for row in passages.values() if row.document.restricted}
    readers = Document.objects.filter(pk__in=restricted).own_readers() if restricted else {}

    def may_read(may: Reach, passage: Passage) -> bool:
        own = readers.get(passage.document_id, frozenset()) if passage.document.restricted else None
        return may.has(passage.document.collection_id, own)

    return [{pk: passages[pk] for pk in ids if pk in passages and may_read(may, passages[pk])} for may, ids in asked]


_reach = Together[User, Reach](reach_of_each)
areadable_passages = Together[tuple[User, Container[int]], dict[int, Passage]](readable_of_each)
_still_readable = Together[_Found, list[FoundPassage]](_check_again)


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
    ready = Passage.objects.filter(pk__in=ids, document__status=Document.Status.READY)
    attached = set(ready.filter(document__collection__attached=True).values_list("document__collection", flat=True))
    own = {collection for _, collection in theirs([user], attached)}
    readable = Passage.objects.readable_by(user).filter(pk__in=ids, document__status=Document.Status.READY)
    return ready.filter(Q(pk__in=readable.values("pk")) | Q(document__collection__in=own)) if own else readable


def reads_what_stays_in_house(user: User) -> bool:
    return Collection.objects.readable_by(user).filter(stays_in_house=True).exists()


@dataclass(frozen=True, slots=True)
class MayLeave:
    """What may be sent to an endpoint outside, and what may be asked there."""

    documents: frozenset[UUID] = frozenset()
    collections: frozenset[UUID] = frozenset()
    attached: frozenset[UUID] = frozenset()  # of the documents: as far as nothing that their person reads has to stay


def may_leave_the_house(documents: Container[UUID], collections: Container[UUID]) -> MayLeave:
    """Of these. What is gone may not: what it allowed is no longer known."""
    texts = Document.objects.filter(pk__in=documents, collection__stays_in_house=False)
    rows = list(texts.values_list("pk", "collection__attached")) if documents else []
    asked = Collection.objects.filter(pk__in=collections, stays_in_house=False)
    return MayLeave(
        frozenset(pk for pk, _ in rows),
        frozenset(asked.values_list("pk", flat=True)) if collections else frozenset(),
        frozenset(pk for pk, attached in rows if attached),
    )
