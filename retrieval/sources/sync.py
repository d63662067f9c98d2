"""One run of a source: what is new or has changed is received, what vanished is retired.

A run may be cut off anywhere and goes on later: what the source has is listed again, and what was taken is known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any, Literal
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from retrieval.dates import storable_moment
from retrieval.errors import RetrievalError
from retrieval.leasing import LeaseLost
from retrieval.models import Document
from retrieval.outages import retried
from retrieval.pipeline import ingestion
from retrieval.sources import leases
from retrieval.sources.connector import Earlier, Item, Surroundings, kind_named
from retrieval.sources.errors import SourceError, SourceRefused
from retrieval.sources.leases import Lease
from retrieval.sources.models import Source, SourceItem
from retrieval.sources.places import place_for, tell
from retrieval.sources.retiring import carry, point, remove_with_documents, retire_unless_held, retire_vanished
from retrieval.sources.run import Known, Paused, Run, Stopped, hash_of
from retrieval.stored_text import clean_name, storable, storable_json

log = structlog.get_logger(__name__)

SLICE_S = 240.0  # then other work has its turn; far below CELERY_TASK_TIME_LIMIT
MOST_ITEMS = 200_000
_UNREAD = "unread"  # by its connector, this time
KEY_NAME = r"SOURCE_KEY_[A-Z0-9_]{1,60}"  # a prefix of its own: no source can send another secret somewhere

Ended = Literal["done", "more", "not ours"]


def run_source(source_id: UUID, *, slice_s: float = SLICE_S) -> Ended:
    lease = leases.claim(source_id)
    if lease is None:
        return "not ours"
    try:
        run = Run(lease, leases.extend(lease), slice_s)
        if run.source.state == Source.State.REMOVING:
            run.begin_slice()
            remove_with_documents(lease, run.alive)
        else:
            _read(run)
    except Paused:
        leases.give_back(lease)
        return "more"
    except Stopped:
        _end(lease, Source.Outcome.STOPPED)
    except LeaseLost:
        log.info("source.lost", source=str(source_id))
        return "not ours"
    except RetrievalError as error:
        log.warning("source.failed", source=str(source_id), code=error.code, detail=str(error))
        _end(lease, Source.Outcome.FAILED, error)
    except Exception:  # the outermost loop of a run: a connector's own bug ends it, and is told
        log.exception("source.broke", source=str(source_id))
        _end(lease, Source.Outcome.FAILED, SourceError(advice="The worker's log says more."))
    return "done"


def _read(run: Run) -> None:
    _take_all(run)
    run.flush()
    _require_some(run)
    run.begin_slice()
    _finish(run, retire_vanished(run.lease, run.alive, lambda: run.count("removed")))


def _take_all(run: Run) -> None:
    """What an earlier slice of this run has is passed over without a query: the listing begins again with each."""
    source = run.source
    connector = kind_named(source.kind).make(source.settings, _surroundings(run))
    for number, item in enumerate(connector.items()):
        run.alive()
        if number >= MOST_ITEMS:
            raise SourceError(f"The source has more than {MOST_ITEMS} documents.", advice="Split it into several.")
        known = run.known.get(hash_of(item.key))
        if known is None or known.run != source.run:
            run.begin_slice()
            if not item.absent:
                run.count("seen")
            _take(run, item, known)


def _require_some(run: Run) -> None:
    """A source of which nothing could be read was not read."""
    if run.counts.get("failed", 0) and run.counts["failed"] == run.counts["seen"]:
        raise SourceError(" ".join(("Nothing of it could be read.", run.problem)))


def _surroundings(run: Run) -> Surroundings:
    config = settings.RETRIEVAL
    return Surroundings(
        folder=config.cache_dir / "sources" / str(run.source.pk),
        roots=config.source_folders,
        networks=config.source_networks if run.source.private_networks else (),
        secret=_secret(run.source),
        item_bytes=config.limits.file_bytes,
        most_items=MOST_ITEMS,
        alive=run.alive,
        earlier=_earlier_of(run),
    )


def _secret(source: Source) -> str:
    if not source.key_name:
        return ""
    if not (value := settings.RETRIEVAL.source_keys.get(source.key_name, "")):
        advice = "Set it, and start the worker again."
        raise SourceRefused(f"The worker has no {source.key_name} in its environment.", advice=advice)
    return value


def _earlier_of(run: Run) -> Callable[[str], Earlier | None]:
    def earlier(key: str) -> Earlier | None:
        if (known := run.known.get(hash_of(key))) is None:
            return None
        return Earlier(known.version, known.run == run.source.run, partial(_memo, known))

    return earlier


def _memo(known: Known) -> Mapping[str, Any]:
    return SourceItem.objects.filter(pk=known.pk).values_list("memo", flat=True).first() or {}


def _take(run: Run, item: Item, known: Known | None) -> None:
    if item.absent:
        _note_absent(run, item)
    elif item.problem:
        run.failed(item.problem)
        _store(run, item, error=(_UNREAD, item.problem), keep_version=True)
    elif known is not None and known.version == item.version and known.error_code == _UNREAD:
        run.count("unchanged")
        _store(run, item)  # without the error
    elif known is not None and known.version == item.version:
        run.failed(known.error) if known.error else run.count("unchanged")
        run.still_there(known, item.memo)
    else:
        _receive(run, item, new=known is None)


def _note_absent(run: Run, item: Item) -> None:
    """For the later slices of this run; it goes at the end, and its document with it."""
    with transaction.atomic():
        source = leases.locked(run.lease)
        now = {"run": source.run, "absent": True, "memo": storable_json(item.memo)}
        fresh = {"key": storable(item.key), "name": clean_name(item.key), "version": "", "since": source.run}
        SourceItem.objects.update_or_create(
            source=source, key_hash=hash_of(item.key), defaults=now, create_defaults={**now, **fresh}
        )


def _receive(run: Run, item: Item, *, new: bool) -> None:
    """A document that cannot be taken is in the list with its reason, and the others go on."""
    place = partial(place_for, run.source, hash_of(item.key))
    try:
        with item.open() as content:
            receipt = ingestion.receive_where(place, name=item.name, path=item.key, content=content, by=None)
    except (RetrievalError, OSError) as error:
        if isinstance(error, RetrievalError) and error.http_status == 507:
            raise  # the disk is full: no fault of the document
        code = error.code if isinstance(error, RetrievalError) else "unreadable"
        sentence = error.user_message if isinstance(error, RetrievalError) else "The file could not be read."
        run.failed(sentence)
        _store(run, item, error=(code, sentence), keep_version=not isinstance(error, RetrievalError) or error.retryable)
        return
    run.count("new" if new else "changed")
    _store(run, item, document=receipt.document)


@retried
def _store(
    run: Run,
    item: Item,
    *,
    document: Document | None = None,
    error: tuple[str, str] = ("", ""),
    keep_version: bool = False,
) -> None:
    """One item as it is now. What it replaces stays until it is ready (retrieval.sources.retiring.settle)."""
    with transaction.atomic():
        source = leases.locked(run.lease)
        fresh: dict[str, Any] = {"key": storable(item.key), "name": clean_name(item.name or item.key)}
        found, _ = SourceItem.objects.select_for_update().get_or_create(
            source=source, key_hash=hash_of(item.key), defaults={**fresh, "version": "", "since": source.run}
        )
        found.run, found.absent, found.memo = source.run, False, storable_json(item.memo)
        found.error_code, found.error = error
        found.error_code, found.error = storable(found.error_code, 40), storable(found.error, 500)
        if not keep_version:
            found.version = storable(item.version, 200)
        if document is not None:
            _date(document, item)
        given_up = {point(found, document), document.pk} if document is not None else set()
        changed = carry(found)
        found.save()
        for one in given_up - {found.document_id, found.incoming_id}:
            retire_unless_held(one)
        tell(changed)


def _date(document: Document, item: Item) -> None:
    if moment := storable_moment(item.dated_at):
        Document.objects.filter(pk=document.pk).update(dated_at=moment)


def _finish(run: Run, held_back: int) -> None:
    if held_back:
        gone = f"{held_back} documents are not at the source any more."
        sentence = " ".join((gone, "Nothing was removed yet."))
        advice = "Accept the removals, or mend the source and run it again."
        _end(run.lease, Source.Outcome.HELD, SourceError(sentence, advice=advice), run.counts)
    else:
        _end(run.lease, Source.Outcome.DONE, counts=run.counts)
    log.info("source.ended", source=str(run.source.pk), **run.counts)


def _end(
    lease: Lease, outcome: Source.Outcome, error: RetrievalError | None = None, counts: dict[str, int] | None = None
) -> None:
    with transaction.atomic():
        try:
            source = leases.locked(lease)
        except LeaseLost:
            return
        now = timezone.now()
        source.state, source.outcome, source.finished_at = Source.State.IDLE, outcome, now
        source.error_code = error.code if error else ""
        source.error = storable(f"{error.user_message} {error.advice}", 500) if error else ""
        source.counts = source.counts if counts is None else counts
        source.lease_token = source.lease_until = None
        source.attempts, source.stop_asked, source.removals_accepted = 0, False, False
        source.due_at = now + timedelta(minutes=source.every_minutes) if source.every_minutes else None
        source.save()
