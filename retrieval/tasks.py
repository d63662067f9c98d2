"""The doors that Celery knocks at. A message carries an id; the row in Postgres decides whether there is work."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import kombu.exceptions
import structlog
from billiard.process import current_process
from celery import shared_task
from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone

from retrieval import changes, files, ingestion, leases
from retrieval.errors import AnotherEmbeddingModel, DocumentRejected, IndexUnavailable, RetrievalError
from retrieval.indexed_text import indexed_text
from retrieval.leases import Lease, LeaseLost
from retrieval.models import Document, Passage
from retrieval.outages import outage_behind

log = structlog.get_logger(__name__)

EMBED_BATCH = 64
EMBED_SECONDS = 300.0  # then other documents have their turn; far below CELERY_TASK_TIME_LIMIT
LOST_WHEN_IDLE = timedelta(seconds=10)  # nobody works, so what is queued for longer was lost
LOST_WHEN_BUSY = timedelta(seconds=300)
REPUBLISHED_A_SWEEP = 200
_ENDS = (signal.SIGTERM, signal.SIGQUIT)  # the signals that end a worker's process
GAVE_UP = "Working on this file failed several times. Try again; if it keeps failing, tell your administrator."


class WorkerStops(SystemExit):
    """This worker process was told to end while it held a document."""


@dataclass(frozen=True, slots=True)
class Held:
    """A document in our hands, and the sign that it was taken away."""

    lease: Lease
    lost: threading.Event


# Messages are acknowledged before the work: the row and the sweeper bring back what a dead worker held, on every
# broker alike, while a broker that sends again on its own would only make claims that fail.
@shared_task(acks_late=False)
def parse_document(document_id: str) -> None:
    """received -> parsing -> embedding | failed"""
    with _stage(document_id, Document.Status.PARSING) as held:
        if held is not None:
            _parse(held.lease)


@shared_task(acks_late=False)
def embed_document(document_id: str) -> None:
    """embedding -> ready | failed"""
    with _stage(document_id, Document.Status.EMBEDDING) as held:
        if held is not None:
            _embed(held)


@shared_task(acks_late=False)
def sweep() -> None:
    """Send out again what is owed: messages that were lost, and documents whose worker died. Then tidy up."""
    if gave_up := leases.give_up_on_exhausted(GAVE_UP):
        log.warning("document.gave_up", documents=gave_up)
    for document in _owed():
        task = embed_document if document.status == Document.Status.EMBEDDING else parse_document
        publish(task, str(document.pk))
    files.remove_leftovers()
    changes.forget_old()


@shared_task(acks_late=False)
def tidy_files() -> None:
    """Stored files that no document names."""
    if removed := files.remove_unnamed():
        log.info("files.unnamed_removed", files=removed)


def publish(task: Any, document_id: str) -> None:
    """Send the message; if the broker is away, the sweeper does it later."""
    try:
        task.apply_async([document_id], retry=False)
    except (kombu.exceptions.KombuError, kombu.exceptions.ChannelError, OSError) as error:
        log.warning("broker.unavailable", document=document_id, reason=str(error))


@contextmanager
def _stage(document_id: str, working: Document.Status) -> Iterator[Held | None]:
    """Claim, beat, and give back when the work could not be done. The outermost loop of a document's work."""
    structlog.contextvars.bind_contextvars(document=document_id)
    lease, started = None, time.monotonic()
    try:
        with _stops_once() as may_stop:
            lease = leases.claim(UUID(document_id), working)
            may_stop()
            if lease is None:
                yield None
                return
            with leases.heart_beat(lease) as lost:
                yield Held(lease, lost)
    except WorkerStops:
        _give_back_at_the_end(lease, time.monotonic() - started)
        raise
    except LeaseLost:
        log.info("document.lease_lost", stage=working.value)
    except AnotherEmbeddingModel as error:
        log.error("index.another_model", reason=str(error), advice=error.advice)
        _give_back(lease, leases.INDEX_PAUSE_S, burn_attempt=False)  # waits until the administrator has mended it
    except IndexUnavailable as error:
        log.warning("index.unavailable", reason=str(error))
        # A service that is up and still fails on this document must not keep it for ever: then the attempt counts.
        _give_back(lease, leases.INDEX_PAUSE_S, burn_attempt=_index_is_up())
    except Exception as error:
        outage = outage_behind(error)
        log.exception("document.stage_failed", stage=working.value, outage=outage.code if outage else "")
        _give_back(lease, leases.ERROR_PAUSE_S, burn_attempt=outage is None)
    finally:
        structlog.contextvars.unbind_contextvars("document")


def _give_back(lease: Lease | None, pause_s: float, *, burn_attempt: bool) -> None:
    if lease is None:
        return
    try:
        leases.release(lease, pause_s=pause_s * max(1, lease.attempts), burn_attempt=burn_attempt)
    except DatabaseError as error:  # the lease ends by itself
        log.warning("document.not_given_back", document=str(lease.document_id), reason=str(error))


def _give_back_at_the_end(lease: Lease | None, seconds: float) -> None:
    """A clean stop is nobody's fault; running into the time limit of tasks counts."""
    overdue = seconds > settings.CELERY_TASK_TIME_LIMIT - 1
    try:
        connection.close()  # a statement may have been cut off in it
        if lease is not None:
            leases.release(lease, pause_s=0.0, burn_attempt=overdue)
            log.info("document.given_back", document=str(lease.document_id))
    except DatabaseError as error:
        log.warning("document.not_given_back", document=str(lease and lease.document_id), reason=str(error))


@contextmanager
def _stops_once() -> Iterator[Callable[[], None]]:
    """The signals that end a worker's process raise WorkerStops, once: the document is given back undisturbed.

    Celery sends one to cancel the task and one to end the pool; its own handler dies of the second. Until what is
    yielded is called, a signal is only remembered: a claim that was cut off could not be given back.
    """
    if current_process().name == "MainProcess" or threading.current_thread() is not threading.main_thread():
        yield lambda: None  # no child of Celery's pool: the signals are somebody else's
        return
    stop = _Stop()
    before = {number: signal.getsignal(number) for number in _ENDS}
    for number in before:
        if callable(before[number]):
            signal.signal(number, stop)
    try:
        yield stop.may_raise
    finally:
        for number in before:
            if signal.getsignal(number) is stop:
                signal.signal(number, before[number])
        stop.may_raise()


class _Stop:
    def __init__(self) -> None:
        self._told: int | None = None
        self._waits = True

    def __call__(self, number: int, _: object) -> None:
        for each in _ENDS:
            signal.signal(each, signal.SIG_IGN)
        self._told = number
        if not self._waits:
            self.may_raise()

    def may_raise(self) -> None:
        self._waits = False
        if (number := self._told) is not None:
            self._told = None
            raise WorkerStops(128 + number)


def _index_is_up() -> bool:
    from retrieval.client import IndexClient

    try:
        return IndexClient(settings.RETRIEVAL).status().ready
    except IndexUnavailable:
        return False


def _parse(lease: Lease) -> None:
    from retrieval.chunking import chunk_document
    from retrieval.parsing import parse_file
    from retrieval.tokenizer import load_tokenizer

    config = settings.RETRIEVAL
    document = leases.held_document(lease)
    started = time.monotonic()
    try:
        try:
            media_type, parsed = parse_file(files.stored_file(document.sha256), document.name, config.limits)
        except FileNotFoundError as error:
            raise DocumentRejected(
                "The stored file is gone.", advice="Delete the document and upload it again."
            ) from error
        chunks = chunk_document(
            parsed,
            count_tokens=load_tokenizer(config.embedding_model),
            max_tokens=config.chunk_tokens,
            overlap_tokens=config.chunk_overlap_tokens,
        )
        if not chunks:
            raise DocumentRejected("No text was found in this file.", advice="Scanned pages need OCR first.")
    except RetrievalError as error:
        if error.retryable:
            raise
        ingestion.store_failure(lease, error.code, _sentence(error), time.monotonic() - started)
        log.info("document.failed", code=error.code, detail=str(error))
        return
    ingestion.store_parsed(lease, media_type, parsed, chunks, time.monotonic() - started)


def _embed(held: Held) -> None:
    """Batch by batch, each kept at once: whatever ends this work, the next goes on after the last batch.

    The index service answers questions between two batches.
    """
    from retrieval.client import IndexClient

    lease = held.lease
    document = leases.held_document(lease)
    model = settings.RETRIEVAL.embedding_model
    client = IndexClient(settings.RETRIEVAL)
    started = since = time.monotonic()
    owed = list(ingestion.passages_without_vectors(document, model).values_list("pk", flat=True))
    for start in range(0, len(owed), EMBED_BATCH):
        if held.lost.is_set():
            raise LeaseLost
        if start and time.monotonic() - started > EMBED_SECONDS:
            leases.release(lease, pause_s=0.0, burn_attempt=False)
            publish(embed_document, str(document.pk))
            return
        passages = list(Passage.objects.filter(pk__in=owed[start : start + EMBED_BATCH]).order_by("ordinal"))
        texts = [indexed_text(document.name, document.title, passage.heading, passage.text) for passage in passages]
        connection.close()  # none waits while the index service computes
        vectors = client.embed(texts, bulk=True, of_model=model)
        now = time.monotonic()
        ingestion.store_vectors(lease, [passage.pk for passage in passages], vectors, model, now - since)
        since = now
    ingestion.store_embedded(lease, model)
    log.info("document.ready", passages=len(owed), seconds=round(time.monotonic() - started, 2))


def _owed() -> list[Document]:
    """Free documents that are due; their queued_at is renewed, so that the next sweep leaves them in peace."""
    in_work = [Document.Status.RECEIVED, Document.Status.PARSING, Document.Status.EMBEDDING]
    now = timezone.now()
    busy = Document.objects.filter(lease_token__isnull=False, lease_until__gte=now).exists()
    free = Document.objects.filter(leases.free_now(), status__in=in_work)
    lost = free.filter(lease_until=None, queued_at__lt=now - (LOST_WHEN_BUSY if busy else LOST_WHEN_IDLE))
    expired = free.exclude(lease_until=None)
    owed = list((lost | expired).order_by("queued_at")[:REPUBLISHED_A_SWEEP])
    Document.objects.filter(leases.free_now(), pk__in=[document.pk for document in owed]).update(
        queued_at=now, lease_token=None, lease_until=None
    )
    return owed


def _sentence(error: RetrievalError) -> str:
    return f"{error.user_message} {error.advice}".strip()
