"""Ingestion, for a scraper: read anew for each look, so that it is the same whichever web process is asked."""

from __future__ import annotations

from typing import get_args

from django.db import DatabaseError
from prometheus_client import Gauge

from retrieval.throughput.backlog import State, backlogs
from retrieval.versions.current import serving
from retrieval.versions.progress import in_the_works

DOCUMENTS = Gauge("footnote_ingestion_documents", "Documents on their way, and those that failed", ["stage", "state"])
OLDEST = Gauge("footnote_ingestion_oldest_waiting_seconds", "How long a document has waited for a worker, at most")
PASSAGES_LEFT = Gauge("footnote_ingestion_passages_left", "Passages to be embedded, estimated where not parsed yet")
RATE = Gauge("footnote_ingestion_passages_per_second", "Passages embedded a second, over the last minutes")
STATE = Gauge("footnote_ingestion_state", "1 for the state of ingestion as a whole", ["state"])

SERVING = Gauge("footnote_index_version_serving", "The index version that answers; 0: before the first one")
VERSION = Gauge("footnote_index_version_documents", "Of versions in the works", ["version", "of"])


def refresh() -> None:
    try:
        _refresh_versions()
        whole, _ = backlogs()
    except DatabaseError:
        return  # the scraper sees the last numbers, and elsewhere that the database is away
    for stage, waiting, in_work in (
        ("parsing", whole.to_parse, whole.parsing),
        ("embedding", whole.to_embed, whole.embedding),
    ):
        DOCUMENTS.labels(stage, "waiting").set(waiting)
        DOCUMENTS.labels(stage, "in_work").set(in_work)
    DOCUMENTS.labels("any", "paused").set(whole.paused)
    DOCUMENTS.labels("any", "failed").set(whole.failed)
    OLDEST.set(whole.oldest_s)
    PASSAGES_LEFT.set(whole.passages_left)
    RATE.set(whole.passages_per_s)
    for state in get_args(State):
        STATE.labels(state).set(state == whole.state)


def _refresh_versions() -> None:
    SERVING.set(serving().id or 0)
    VERSION.clear()
    for one in in_the_works():
        for of, number in (("taken_in", one.documents), ("failed", one.failed), ("all", one.total)):
            VERSION.labels(str(one.version.pk), of).set(number)
