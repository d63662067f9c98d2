"""Ingesting folders from the command line: find the files, hand them in, wait until each has ended."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from uuid import UUID

from django.utils import timezone

from chatapp.accounts.models import User
from chatapp.documents.services import collection_for, receive
from retrieval.errors import RetrievalError
from retrieval.models import Collection, Document
from retrieval.pipeline.ingestion import FileUnreadable

POLL_S = 0.3
LOOKED_AT_A_SECOND = 4000  # documents: looking at thousands that wait takes from those who work on them
IDS_A_QUERY = 5000


@dataclass(slots=True)
class Entry:
    """One file of the report."""

    document: str  # the path as given
    status: str = ""
    error: str | None = None
    passages: int = 0
    seconds: float = 0.0
    document_id: UUID | None = None

    @property
    def ended(self) -> bool:
        return self.status in ("ready", "failed", "duplicate")

    @property
    def good(self) -> bool:
        return self.status in ("ready", "duplicate")

    def as_dict(self) -> dict[str, object]:
        keys = ("document", "status", "error", "passages", "seconds")
        return {key: getattr(self, key) for key in keys}


@dataclass(slots=True)
class Ingest:
    """One run of the command."""

    name: str  # of the collection
    by: User
    readers: Sequence[str] | None = None  # groups that each document has as readers of its own
    entries: list[Entry] = field(default_factory=list)
    _ids: set[UUID] = field(default_factory=set)
    _collection: Collection | None = None

    @property
    def collection(self) -> Collection:
        """Made, where it is missing, when the first file is there for it."""
        if self._collection is None:
            self._collection = collection_for(name=self.name, by=self.by)
        return self._collection

    def hand_in(self, given: Path) -> Entry:
        """Store one file and owe its work; a file that cannot be taken is in the report, and the others go on."""
        entry = Entry(os.fsencode(given).decode("utf-8", "replace"))
        self.entries.append(entry)
        try:
            with _Content(given) as content:
                receipt = receive(
                    collection=self.collection,
                    name=given.name,
                    path=entry.document,
                    content=content,  # type: ignore[arg-type]  # reads like one
                    by=self.by,
                    readers=self.readers,
                )
        except RetrievalError as error:
            entry.status, entry.error = "failed", f"{error.user_message} {error.advice}"
            return entry
        document = receipt.document
        again = document.pk in self._ids
        self._ids.add(document.pk)
        entry.document_id = document.pk
        entry.status = "duplicate" if again or receipt.outcome == "duplicate" else str(document.status)
        entry.passages = document.passage_count if entry.status == "duplicate" else 0
        return entry

    def refresh(self) -> bool:
        """Read how far the documents are. -> whether anything moved"""
        open_entries = {entry.document_id: entry for entry in self.entries if entry.document_id and not entry.ended}
        moved, ids = False, list(open_entries)
        found: set[UUID] = set()
        for start in range(0, len(ids), IDS_A_QUERY):
            told = Document.objects.filter(pk__in=ids[start : start + IDS_A_QUERY])
            for document in told.only("status", "error", "passage_count", "seconds"):
                found.add(document.pk)
                moved |= _update(open_entries[document.pk], document)
        for missing in set(ids) - set(found):
            entry = open_entries[missing]
            if entry is not None:
                entry.status, entry.error, moved = "failed", "The document was deleted while it was in work.", True
        return moved

    def wait(self, *, patience_s: float, progress: Callable[[], None]) -> bool:
        """-> False when nothing, of this run or of any other, has moved for `patience_s`."""
        still = time.monotonic()
        while not all(entry.ended for entry in self.entries):
            if self.refresh() or _somebody_works():
                still = time.monotonic()
            progress()
            if time.monotonic() - still > patience_s:
                return False
            time.sleep(max(POLL_S, sum(not entry.ended for entry in self.entries) / LOOKED_AT_A_SECOND))
        progress()
        return True


def files_under(paths: Sequence[str]) -> Iterator[Path]:
    """Each file named, and every file in the folders named, in order, without hidden ones."""
    for given in paths:
        path = Path(given)
        if not os.path.isdir(path):  # noqa: PTH112 - of a name that is too long, Path's own raises
            yield path
            continue
        closed: list[OSError] = []
        for folder, folders, names in os.walk(path, onerror=closed.append):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            yield from (Path(folder) / name for name in sorted(names) if not name.startswith("."))
        yield from (Path(error.filename) for error in closed)  # in the report too: what lies there is not taken in


class _Content:
    """A file that is read once. Raises FileUnreadable, so that what cannot be stored is no fault of the file."""

    def __init__(self, path: Path) -> None:
        try:
            if path.is_dir():
                raise FileUnreadable("This folder could not be read.")
            if path.exists() and not path.is_file():  # a pipe would block for ever
                raise FileUnreadable("This is not a file.", advice="Name files and folders.")
            self._stream = path.open("rb")
            self._stream.peek(1)  # some open and cannot be read
        except FileNotFoundError:
            raise FileUnreadable("There is no such file or folder.", advice="Check the path.") from None
        except (OSError, ValueError) as error:
            raise _unreadable(error) from error

    def read(self, size: int = -1) -> bytes:
        try:
            return self._stream.read(size)
        except OSError as error:
            raise _unreadable(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()


def _unreadable(error: Exception) -> FileUnreadable:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else "its name cannot be"
    return FileUnreadable(f"The file could not be read ({reason}).", detail=str(error))


def _update(entry: Entry, document: Document) -> bool:
    moved = entry.status != document.status
    entry.status = str(document.status)
    if entry.ended:
        entry.error = document.error or None
        entry.passages = document.passage_count
        entry.seconds = round(document.seconds, 3)
    return moved


def _somebody_works() -> bool:
    return Document.objects.filter(lease_token__isnull=False, lease_until__gte=timezone.now()).exists()
