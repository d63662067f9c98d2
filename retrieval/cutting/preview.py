"""How a document was cut, and how other settings would cut it. Nothing here is stored."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import fmean

from django.conf import settings
from django.db import connection

from retrieval import files
from retrieval.contracts import Chunk
from retrieval.cutting.settings import CutSettings, settings_of
from retrieval.embedders.model_folders import model_folder
from retrieval.embedders.tokenizer import load_tokenizer
from retrieval.errors import DocumentRejected, RetrievalError
from retrieval.models import Document, Passage
from retrieval.versions.current import serving
from retrieval.versions.models import IndexedDocument

_LEAST_REPEATED = 12  # characters: fewer are alike by chance
_MOST_REPEATED = 6000
_WAIT_S = 10.0
_one_at_a_time = threading.BoundedSemaphore(1)  # reading a file may take much memory, and a minute


class PreviewBusy(RetrievalError):
    code, http_status, retryable = "preview_busy", 503, True
    user_message = "Another document is being cut for a preview."
    advice = "Try again in a moment."


@dataclass(frozen=True, slots=True)
class Shown:
    """A passage, and how much of its beginning is the end of the one before it."""

    number: int
    heading: str
    page: int | None
    locator: str
    tokens: int
    repeated: str
    text: str


@dataclass(frozen=True, slots=True)
class Preview:
    how: CutSettings  # that the collection asks for, or that were tried
    passages: list[Shown]  # of one page
    total: int
    longest: int  # in tokens, of those shown
    mean: int
    as_settings: bool  # what is stored was cut with what the collection asks for now


def stored_cut(document: Document, begin: int, most: int) -> Preview:
    """The passages that answer questions now."""
    version = serving()
    how = settings_of(document.collection, version.embedding_model)
    cut = _served_cut(document, version.id)
    rows = Passage.objects.filter(document=document, cut=cut).order_by("ordinal")
    held = [
        Chunk(row.ordinal, row.text, row.heading, row.page, row.locator)
        for row in rows[max(begin - 1, 0) : begin + most]
    ]
    return _preview(how, held, begin, rows.count(), as_settings=cut == how.key)


def trial_cut(document: Document, how: CutSettings, begin: int, most: int) -> Preview:
    """Reads and cuts the stored file again, within the limits for files and outside the process that asks."""
    from retrieval.parsing.sandbox import Trial, cut_file  # and libraries that read files, for this page alone

    trial = Trial(str(model_folder(how.model)), how.tokens, how.overlap, max(begin - 1, 0), begin + most)
    with _alone():
        connection.close()  # none waits while the file is read
        try:
            stored = files.stored_file(document.sha256)
            total, chunks = cut_file(stored, document.name, settings.RETRIEVAL.limits, trial)
        except FileNotFoundError as error:
            raise DocumentRejected("The stored file is gone.", advice="Upload it again.") from error
    return _preview(how, chunks, begin, total, as_settings=True)


def _served_cut(document: Document, version: int | None) -> str:
    place = IndexedDocument.objects.filter(document=document, version_id=version).values_list("cut", flat=True).first()
    if place is not None:
        return place
    newest = Passage.objects.filter(document=document).order_by("-pk").values_list("cut", flat=True).first()
    return newest or ""


@contextmanager
def _alone() -> Iterator[None]:
    if not _one_at_a_time.acquire(timeout=_WAIT_S):
        raise PreviewBusy
    try:
        yield
    finally:
        _one_at_a_time.release()


def _preview(how: CutSettings, held: list[Chunk], begin: int, total: int, *, as_settings: bool) -> Preview:
    """`held`: those to be shown, and the one before them where there is one."""
    count = load_tokenizer(how.model)
    before = held[0].text if begin and held else ""
    shown: list[Shown] = []
    for chunk in held[1:] if begin else held:
        repeated = _repeated(before, chunk.text)
        facts = (chunk.ordinal + 1, chunk.heading, chunk.page, chunk.locator, count(chunk.text))
        shown.append(Shown(*facts, chunk.text[:repeated], chunk.text[repeated:]))
        before = chunk.text
    tokens = [one.tokens for one in shown] or [0]
    return Preview(how, shown, total, max(tokens), round(fmean(tokens)), as_settings)


def _repeated(before: str, text: str) -> int:
    """How many characters at its beginning are the end of the text before it."""
    most = min(len(before), len(text), _MOST_REPEATED)
    lengths: Iterable[int] = range(most, _LEAST_REPEATED - 1, -1)
    return next((length for length in lengths if before.endswith(text[:length])), 0)
