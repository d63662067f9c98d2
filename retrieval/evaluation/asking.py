"""One question asked of the index service, and which of its results answer it."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from retrieval.contracts import PassageHit, SearchRequest
from retrieval.evaluation.errors import RunRefused
from retrieval.evaluation.models import EvaluationRun
from retrieval.evaluation.rows import Row, Target
from retrieval.models import Collection, Document, Passage, Reach
from retrieval.service.client import IndexClient

KEPT = 10  # results of each question, for people to look at


@dataclass(frozen=True, slots=True)
class Answered:
    ranks: list[int | None]  # of each target
    found: list[dict[str, Any]]
    milliseconds: float


@dataclass(slots=True)
class Asker:
    """Asks as the run says; what the person may read is looked up anew with each `Asker`."""

    run: EvaluationRun
    client: IndexClient = field(default_factory=lambda: IndexClient(settings.RETRIEVAL))
    reach: Reach = field(init=False)

    def __post_init__(self) -> None:
        self.reach = reach_of(self.run)
        if not self.reach.collections:
            raise RunRefused("There is no collection that this run may search.", advice="Name others.")

    def ask(self, row: Row) -> Answered:
        """Raises IndexUnavailable."""
        request = SearchRequest(row.question, self.reach.collections, self.run.k, self.reach.groups)
        begun = time.perf_counter()
        (hits,) = self.client.search_batch([request], version=self.run.index_version)
        milliseconds = 1000 * (time.perf_counter() - begun)
        ranks, found = judged(row.targets, self._passages(hits))
        return Answered(ranks, found, round(milliseconds, 2))

    def _passages(self, hits: Sequence[PassageHit]) -> list[tuple[Passage, float]]:
        """As on the page: what the person may not read any more is left out."""
        ready = Document.objects.filter(status=Document.Status.READY)
        if self.run.person is not None:
            ready = ready.readable_by(self.run.person)
        rows = Passage.objects.filter(pk__in=[hit.passage_id for hit in hits], document__in=ready)
        known = {row.pk: row for row in rows.select_related("document__collection")}
        return [(known[hit.passage_id], hit.score) for hit in hits if hit.passage_id in known]


def reach_of(run: EvaluationRun) -> Reach:
    """What the person of the run may find; without one, all of its collections, of the tenant of its questions. A
    person who was moved to another one meanwhile finds nothing."""
    of_tenant = Collection.objects.filter(tenant=run.version.question_set.tenant)
    there = frozenset(of_tenant.values_list("pk", flat=True))
    if chosen := frozenset(run.collections.values_list("pk", flat=True)):
        there &= chosen
    if run.person is None:
        return Reach(there, None)
    may = Collection.objects.reach_of_each([run.person])[run.person.pk]
    return Reach(may.collections & there, may.groups)


def judged(
    targets: Sequence[Target], passages: Sequence[tuple[Passage, float]]
) -> tuple[list[int | None], list[dict[str, Any]]]:
    """Where documents answer, each result is a document, with its best passage; where pages or quotes answer, each is
    a passage.
    """
    by_document = all(target.whole_document for target in targets)
    ranks: list[int | None] = [None] * len(targets)
    found: list[dict[str, Any]] = []
    seen: set[Any] = set()
    for passage, score in passages:
        if by_document and passage.document_id in seen:
            continue
        seen.add(passage.document_id if by_document else passage.pk)
        answers = [place for place, target in enumerate(targets) if answered_by(target, passage)]
        for place in answers:
            ranks[place] = ranks[place] or len(seen)
        if len(found) < KEPT:
            name = passage.document.path or passage.document.name
            found.append({"document": name, "page": passage.page, "score": round(score, 4), "answers": bool(answers)})
    return ranks, found


def answered_by(target: Target, passage: Passage) -> bool:
    document = passage.document
    if target.document and not names(target.document, document.name, document.path):
        return False
    if target.collection and target.collection != document.collection.name:
        return False
    if target.page is not None and target.page != passage.page:
        return False
    return not target.quote or target.quote in " ".join(_plain(passage.text).split())


def names(wanted: str, name: str, path: str) -> bool:
    """Whether that is its path, the end of its path, or its name."""
    name, path = _plain(name), _plain(path)
    return wanted in (name, path) or path.endswith(f"/{wanted.lstrip('/')}")


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", text)
