"""Hands files to a running Footnote and waits until a search finds them; run in its environment by `__main__`.

    python -m benchmarks.ingestion.inside LIST PASSAGES

LIST names a collection and a file on each line, with a tab between; what was embedded is written to PASSAGES.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import django

_POLL_S = 0.25
_MOST_S = 3000.0


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatapp.settings")
    django.setup()
    listed, passages = Path(sys.argv[1]), Path(sys.argv[2])
    begun = time.monotonic()
    collections = _receive(listed)
    received = time.monotonic() - begun
    _wait(collections)
    ready = time.monotonic() - begun
    _wait_for_searches()
    searchable = time.monotonic() - begun
    counts = _counts(collections)
    with passages.open("w") as target:
        for text in _texts(collections):
            target.write(json.dumps(text) + "\n")
    times = {"received_s": received, "ready_s": ready, "searchable_s": searchable}
    print(json.dumps({**times, **counts}))


def _receive(listed: Path) -> list[Any]:
    from retrieval.models import Collection
    from retrieval.pipeline.ingestion import receive_document

    collections: dict[str, Collection] = {}
    for line in listed.read_text().splitlines():
        name, _, path = line.partition("\t")
        if name not in collections:
            collections[name] = Collection.objects.get_or_create(name=name, everyone=True)[0]
        with Path(path).open("rb") as content:
            receive_document(collection=collections[name], name=Path(path).name, path=path, content=content, by=None)
    return list(collections.values())


def _wait(collections: list[Any]) -> None:
    from retrieval.models import Document

    owed = Document.objects.filter(collection__in=collections).exclude(status__in=["ready", "failed"])
    begun = time.monotonic()
    while owed.exists() and time.monotonic() - begun < _MOST_S:
        time.sleep(_POLL_S)


def _wait_for_searches() -> None:
    from django.conf import settings

    from retrieval.models import IndexChange
    from retrieval.service.client import IndexClient

    newest = IndexChange.objects.order_by("-seq").values_list("seq", flat=True)[0]
    client, begun = IndexClient(settings.RETRIEVAL), time.monotonic()
    while client.status().applied < newest and time.monotonic() - begun < _MOST_S:
        time.sleep(_POLL_S)


def _counts(collections: list[Any]) -> dict[str, Any]:
    from django.db.models import Count

    from retrieval.models import Document, Passage

    rows = Document.objects.filter(collection__in=collections).order_by().values_list("status")
    passages = Passage.objects.filter(document__collection__in=collections, document__status="ready")
    counts = {"passages": passages.count(), "without_vector": passages.filter(vectors=None).count()}
    return {"documents": dict(rows.annotate(number=Count("pk"))), **counts}


def _texts(collections: list[Any]) -> Any:
    from retrieval.indexed_text import indexed_text
    from retrieval.models import Passage

    rows = Passage.objects.filter(document__collection__in=collections, document__status="ready").order_by("pk")
    for row in rows.values_list("document__name", "document__title", "heading", "text").iterator():
        yield indexed_text(*row)


if __name__ == "__main__":
    main()
