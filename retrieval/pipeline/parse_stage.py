"""The parsing stage: one document after the other, each under its lease."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import structlog
from django.conf import settings

from retrieval import files
from retrieval.errors import DocumentRejected, RetrievalError
from retrieval.inspection import inspector
from retrieval.leasing import LeaseLost
from retrieval.pipeline import giving_back, leases, results
from retrieval.pipeline.leases import Lease
from retrieval.pipeline.stops import Stop, WorkerStops
from retrieval.versions.current import serving

log = structlog.get_logger(__name__)


def parse_next(claim: Callable[[], Lease | None], stop: Stop) -> bool:
    """-> whether there was a document. The outermost loop of its work: whatever happens, it is given back."""
    lease, started = None, time.monotonic()
    try:
        with stop.deferred():
            lease = claim()
        if lease is None:
            return False
        structlog.contextvars.bind_contextvars(document=str(lease.document_id))
        with leases.heart_beat(lease):
            _parse(lease)
    except WorkerStops:
        giving_back.at_the_end([lease] if lease else [], time.monotonic() - started)
        raise
    except LeaseLost:
        log.info("document.lease_lost", stage="parse")
    except Exception as error:  # noqa: BLE001 - the outermost loop
        giving_back.after(error, [lease] if lease else [], "parse")
    finally:
        structlog.contextvars.unbind_contextvars("document")
    return True


def _parse(lease: Lease) -> None:
    from retrieval.cutting.settings import cut_document, settings_of
    from retrieval.parsing.sandbox import parse_file

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
        how = settings_of(document.collection, serving().embedding_model)
        chunks = cut_document(parsed, how)
        if not chunks:
            raise DocumentRejected("No text was found in this file.", advice="Scanned pages need OCR first.")
        texts = (parsed.title, *(block.text for block in parsed.blocks))
        warnings = inspector().inspect(document.pk, document.collection_id, texts)
        parsed = replace(parsed, warnings=(*parsed.warnings, *warnings))
    except RetrievalError as error:
        if error.retryable:
            raise
        results.store_failure(lease, error.code, error.sentence, time.monotonic() - started)
        log.info("document.failed", code=error.code, detail=str(error))
        return
    results.store_parsed(lease, media_type, parsed, chunks, time.monotonic() - started, cut=how.key)
