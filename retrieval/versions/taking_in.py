"""Documents into a version: cut anew where its cut differs, embedded, and given their place. Any end is a good one:
passages and vectors are kept as they come, and a document belongs to the version from one transaction on.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import IntegrityError, connection, transaction

from retrieval import files
from retrieval.changes import record_changes
from retrieval.contracts import Chunk, Vectors
from retrieval.cutting.settings import cut_document, settings_of
from retrieval.errors import AnotherEmbeddingModel, DocumentRejected, RetrievalError
from retrieval.indexed_text import indexed_text
from retrieval.leasing import LeaseLost
from retrieval.models import Document, IndexChange, Passage
from retrieval.outages import outage_behind
from retrieval.parsing.sandbox import parse_file
from retrieval.pipeline import results
from retrieval.service.client import IndexClient, IndexRefused
from retrieval.stored_text import storable
from retrieval.versions import leases
from retrieval.versions.leases import BuildLease
from retrieval.versions.members import MOST_ATTEMPTS, START, owed
from retrieval.versions.models import IndexedDocument, IndexVersion

log = structlog.get_logger(__name__)

BATCH = 64  # passages in one request to the embedder
_READ = 2048  # passages read together
_PAUSE_S = 1.0
_ANSWER_S = 200.0  # longer than the client waits

_WITHOUT_VECTORS = """
SELECT p.id, p.document_id, d.name, d.title, p.heading, p.text
  FROM unnest(%(documents)s::uuid[], %(cuts)s::text[]) AS wanted(id, cut)
  JOIN retrieval_document d ON d.id = wanted.id AND d.status = 'ready'
  JOIN retrieval_passage p ON p.document_id = d.id AND p.cut = wanted.cut
 WHERE NOT EXISTS (SELECT 1 FROM retrieval_passagevector v WHERE v.passage_id = p.id AND v.model = %(model)s)
 ORDER BY p.document_id, p.ordinal LIMIT %(limit)s
"""
# Only what is complete as it is stored, whatever happened to it while its vectors were made.
_PLACES = """
INSERT INTO versions_indexeddocument (version_id, document_id, cut, passages, error, attempts)
SELECT %(version)s, d.id, wanted.cut, count(p.id), '', 0
  FROM unnest(%(documents)s::uuid[], %(cuts)s::text[]) AS wanted(id, cut)
  JOIN retrieval_document d ON d.id = wanted.id AND d.status = 'ready'
  JOIN retrieval_passage p ON p.document_id = d.id AND p.cut = wanted.cut
  LEFT JOIN retrieval_passagevector v ON v.passage_id = p.id AND v.model = %(model)s
 GROUP BY d.id, wanted.cut HAVING count(v.id) = count(p.id)
    ON CONFLICT (version_id, document_id)
    DO UPDATE SET cut = excluded.cut, passages = excluded.passages, error = '', attempts = 0
RETURNING document_id
"""


@dataclass(slots=True)
class TakingIn:
    """One builder's work on one version. Raises LeaseLost, and IndexUnavailable when the embedder is away."""

    version: IndexVersion
    lease: BuildLease
    client: IndexClient
    until: float  # monotonic
    cuts: dict[UUID, str] = field(default_factory=dict)  # of the documents in hand
    taken: int = 0

    def all(self) -> bool:
        """-> whether nothing is owed any more; otherwise time is up"""
        while True:
            after, before = START, self.taken
            while found := owed(self.version, after):
                if time.monotonic() > self.until:
                    return False
                self.some(found)
                after = found[-1]
            if after == START:
                return True
            if self.taken == before:
                time.sleep(_PAUSE_S)  # all of them failed; they have some more attempts

    def some(self, documents: Sequence[UUID]) -> None:
        """These few. What fails is noted at its document."""
        leases.held(self.lease)
        self.cuts = {}
        for document in Document.objects.filter(pk__in=documents, status="ready").select_related("collection"):
            self._cut(document)
        if self._embed():
            self._place()

    # -- passages --------------------------------------------------------------------------------------------------
    def _cut(self, document: Document) -> None:
        try:
            how = settings_of(document.collection, self.version.embedding_model)
            if not Passage.objects.filter(document=document, cut=how.key).exists():
                stored = files.stored_file(document.sha256)
                with leases.working(self.lease):
                    _, parsed = parse_file(stored, document.name, settings.RETRIEVAL.limits)
                    chunks = cut_document(parsed, how)
                if not chunks:
                    raise DocumentRejected("No text was found in this file.")
                self._store_passages(document, chunks, how.key)
            self.cuts[document.pk] = how.key
        except FileNotFoundError:
            self._failed(document.pk, "The stored file is gone.", for_good=True)
        except (AnotherEmbeddingModel, LeaseLost):
            raise
        except RetrievalError as error:
            self._failed(document.pk, error.user_message, for_good=not error.retryable)
        except Exception as error:  # a bug in reading or cutting it is the fate of this one document
            if outage_behind(error):  # not the document's: the build waits
                raise
            log.exception("build.document_broke", document=str(document.pk))
            self._failed(document.pk, f"{type(error).__name__}: {error}")

    def _store_passages(self, document: Document, chunks: Sequence[Chunk], cut: str) -> None:
        with transaction.atomic():
            leases.held(self.lease)
            still = Document.objects.select_for_update().filter(
                pk=document.pk, sha256=document.sha256, status=Document.Status.READY
            )
            if still.exists() and not Passage.objects.filter(document=document, cut=cut).exists():
                results.copy_passages(document, chunks, cut)

    # -- vectors ---------------------------------------------------------------------------------------------------
    def _embed(self) -> bool:
        """Every passage that lacks its vector; the next batch is under way while one is stored.
        -> whether all of them have one now; otherwise time is up
        """
        while passages := self._without_vectors(_READ):
            with ThreadPoolExecutor(1) as line:
                waiting: _Sent | None = None
                for batch in _batches(passages):
                    sent = batch, line.submit(self._asked, batch)
                    if waiting is not None:
                        self._store(*waiting)
                    waiting = sent
                    if time.monotonic() > self.until:
                        break
                if waiting is not None:
                    self._store(*waiting)
            if time.monotonic() > self.until and self._without_vectors(1):
                return False
        return True

    def _asked(self, batch: list[_Passage]) -> Vectors:
        texts = [indexed_text(one.name, one.title, one.heading, one.text) for one in batch]
        return self.client.embed(texts, bulk=True, of_model=self.version.embedding_model)

    def _without_vectors(self, limit: int) -> list[_Passage]:
        values: dict[str, Any] = {"documents": list(self.cuts), "cuts": list(self.cuts.values()), "limit": limit}
        with connection.cursor() as cursor:
            cursor.execute(_WITHOUT_VECTORS, {**values, "model": self.version.embedding_model})
            return [_Passage(*row) for row in cursor.fetchall()]

    def _store(self, batch: list[_Passage], answer: Future[Vectors]) -> None:
        try:
            vectors = answer.result(_ANSWER_S).astype("<f2")
        except IndexRefused as error:
            self._find_the_refused(batch, error)
            return
        with transaction.atomic():
            leases.held(self.lease)
            kept = self._still_there(batch)
            rows = [(one.id, row.tobytes()) for one, row in zip(batch, vectors, strict=True) if one.id in kept]
            results.insert_vectors(rows, self.version.embedding_model)
        leases.progressed(self.lease)

    def _find_the_refused(self, batch: list[_Passage], error: IndexRefused) -> None:
        """One text spoils its batch: document by document, the others are stored."""
        documents = list(dict.fromkeys(one.document for one in batch))
        if len(documents) == 1:
            self._failed(documents[0], error.user_message)
            return
        for document in documents:
            part = [one for one in batch if one.document == document]
            answer: Future[Vectors] = Future()
            try:
                answer.set_result(self._asked(part))
            except IndexRefused as refused:
                answer.set_exception(refused)
            self._store(part, answer)

    def _still_there(self, batch: list[_Passage]) -> set[int]:
        """Whoever deletes passages locks their document first."""
        locked = self._locked({one.document for one in batch})
        there = Passage.objects.filter(pk__in=[one.id for one in batch], document__in=locked)
        return set(there.values_list("pk", flat=True))

    def _locked(self, documents: Collection[UUID]) -> dict[UUID, Document]:
        rows = Document.objects.select_for_update().filter(pk__in=documents, status=Document.Status.READY)
        return {document.pk: document for document in rows.order_by("pk")}

    # -- places ----------------------------------------------------------------------------------------------------
    def _place(self) -> None:
        with transaction.atomic():
            version = leases.held(self.lease)
            there = self._locked(self.cuts)
            values: dict[str, Any] = {"version": version.pk, "model": version.embedding_model, "documents": list(there)}
            with connection.cursor() as cursor:
                cursor.execute(_PLACES, {**values, "cuts": [self.cuts[pk] for pk in there]})
                placed = [row[0] for row in cursor.fetchall()]
            if placed and version.status in (IndexVersion.Status.READY, IndexVersion.Status.SERVING):
                record_changes([there[pk] for pk in placed], IndexChange.Kind.ADD)
        self.taken += len(placed)
        leases.progressed(self.lease)

    def _failed(self, document: UUID, reason: str, *, for_good: bool = False) -> None:
        self.cuts.pop(document, None)
        log.warning("build.document_failed", version=self.version.pk, document=str(document), reason=reason)
        try:
            with transaction.atomic():
                leases.held(self.lease)
                place, _ = IndexedDocument.objects.get_or_create(version=self.version, document_id=document)
                place.error = storable(reason, 500) or "It could not be taken in."
                place.attempts = MOST_ATTEMPTS if for_good else min(place.attempts + 1, MOST_ATTEMPTS)
                place.save()
        except IntegrityError:
            pass  # it was deleted meanwhile


@dataclass(frozen=True, slots=True)
class _Passage:
    id: int
    document: UUID
    name: str
    title: str
    heading: str
    text: str


_Sent = tuple[list[_Passage], Future[Vectors]]


def _batches(passages: list[_Passage]) -> Iterator[list[_Passage]]:
    found = iter(passages)
    while batch := list(islice(found, BATCH)):
        yield batch
