"""The vector index of a running service: it builds what its size asks for, beside the searches, and keeps it in files.

The database is the truth. What a start finds in the files is found by searches only once the database has named it
again, so a file can be old, and never wrong.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
import time
import weakref
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from retrieval.contracts import Candidate, Vectors
from retrieval.errors import RetrievalError
from retrieval.index.id_set import Ids, IdSet
from retrieval.index.vectors.base import Base, load_base
from retrieval.index.vectors.building import Batches, build_index
from retrieval.index.vectors.composite import Composite
from retrieval.index.vectors.errors import IndexFilesDamaged
from retrieval.index.vectors.kinds import Choice, Kind, resolve
from retrieval.index.vectors.machine import Machine
from retrieval.index.vectors.making import MutableIndex, make_index
from retrieval.index.vectors.manifest import NAME
from retrieval.index.vectors.memory import plan_memory

log = structlog.get_logger(__name__)

_LOOK_S = 2.0
_QUIET_S = 6.0  # nothing was added for so long: a load or a batch of documents is over
_LATEST_S = 300.0  # it is not waited longer for quiet
_FULL = 2.0  # times of what is worth a merge: nor when so much has come
_RETRY_S = 600.0
_ABANDONED_S = 86_400.0
_EXACT = (Kind.FLAT, Kind.MILVUS)  # nothing is built here


@dataclass(frozen=True, slots=True)
class VectorSettings:
    folder: Path  # rebuildable
    kind: str = "auto"
    milvus_url: str = ""
    milvus_token: str = field(default="", repr=False)


class ServedIndex:
    """Exact while it is small; above that, built anew in the background whenever a tenth of it has changed."""

    def __init__(self, index: Composite, wanted: str, folder: Path) -> None:
        self.dimension = index.dimension
        self._index, self._wanted, self._folder = index, wanted, folder
        self.choice: Choice | None = None
        self.stopping = threading.Event()
        self._filled = False
        self._changed_at = self._chosen = time.monotonic()
        self._due_since: float | None = None
        threading.Thread(target=_merge_when_due, args=(weakref.ref(self),), name="index-merger", daemon=True).start()

    def __len__(self) -> int:
        return len(self._index)

    def filled(self) -> None:
        self._filled = True

    def memory(self, count: int) -> int:
        """Bytes that so many vectors take here: without files they are all held, until some are built."""
        base = self._index.base
        return plan_memory("flat" if base is None else base.manifest.kind, count, self.dimension).serve

    def add(self, ids: Ids, vectors: Vectors) -> None:
        self._changed_at = time.monotonic()
        self._index.add(ids, vectors)

    def remove(self, ids: Ids) -> None:
        self._changed_at = time.monotonic()
        self._index.remove(ids)

    def search(self, query: Vectors, k: int, allowed: IdSet | None) -> list[Candidate]:
        return self._index.search(query, k, allowed)

    def exact(self, query: Vectors, k: int, allowed: IdSet | None) -> list[Candidate]:
        return self._index.exact(query, k, allowed)

    def merge_if_due(self, *, quiet_s: float) -> bool:
        """-> whether a new base was built"""
        if not self._filled:  # what the files hold is not named again yet: a merge would throw it away
            return False
        if not self._is_time(quiet_s):
            return False
        self._chosen, self._due_since = self._changed_at, None
        choice = resolve(self._wanted, len(self._index), self.dimension, Machine.here())
        if choice.kind in _EXACT:
            if self.choice != choice:
                log.info("index.kind", kind=str(choice.kind), reason=choice.reason)
            self.choice = choice
            return False
        self.choice = choice
        self._index.merge(lambda batches: self._built(choice, batches))
        return True

    def _is_time(self, quiet_s: float) -> bool:
        """When enough has changed: in the next quiet moment, or without one where none comes."""
        now = time.monotonic()
        if not self._index.wants_merge():
            self._due_since = None
            return False
        if self._due_since is None:
            self._due_since = now
        stays_exact = self.choice is not None and self.choice.kind in _EXACT
        if stays_exact and self._chosen == self._changed_at:
            return False  # weighed already
        if now - self._changed_at >= quiet_s or now - self._due_since >= _LATEST_S:
            return True
        return not stays_exact and self._index.wants_merge(_FULL)

    def _built(self, choice: Choice, batches: Batches) -> Base:
        folder = self._folder / f"{time.time_ns():020}-{os.getpid()}"
        try:
            cores = max(Machine.here().cores // 2, 1)  # the other half answers
            built = build_index(choice.kind, folder, self.dimension, batches, threads=cores, stop=self.stopping)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        log.info(
            "index.built",
            kind=built.kind,
            reason=choice.reason,
            vectors=built.count,
            seconds=built.seconds,
            recall=built.recall,
        )
        base = load_base(folder)
        _remove_older(self._folder, folder)  # whoever has mapped them keeps them until it lets go
        return base


def serve_index(settings: VectorSettings, kind: str, dimension: int, *, version: int, model: str) -> MutableIndex:
    """The index of a version: what its files hold is found again as the database names it. `kind` of the version, or
    `auto`, which leaves the choice to the settings. Raises IndexTooLarge, IndexKindMissing, VectorStoreUnavailable."""
    wanted = settings.kind if kind in ("", "auto") else kind
    if wanted == Kind.MILVUS:
        return make_index(
            wanted,
            dimension,
            milvus_url=settings.milvus_url,
            milvus_token=settings.milvus_token,
            name=_name(version, model),
            confirmed=False,
        )
    resolve(wanted, 0, dimension, Machine(0, 1))  # a kind that does not exist is said at once
    folder = folder_of(settings.folder, version, model)
    return ServedIndex(_newest(folder, wanted, dimension), wanted, folder)


def folder_of(indexes: Path, version: int, model: str) -> Path:
    """Of what is built for a version, each build in a folder of its own. The newest name wins."""
    return indexes / _name(version, model)


def _name(version: int, model: str) -> str:
    return f"{version}-{hashlib.sha256(model.encode()).hexdigest()[:12]}"


def forget_index(settings: VectorSettings, kind: str, *, version: int, model: str) -> None:
    """Takes away what was kept for a version that is gone, on this machine and on a Milvus server."""
    shutil.rmtree(folder_of(settings.folder, version, model), ignore_errors=True)
    wanted = settings.kind if kind in ("", "auto") else kind
    if wanted != Kind.MILVUS or not settings.milvus_url:
        return
    try:
        from retrieval.index.vectors.milvus import MilvusSettings, drop_collection

        drop_collection(MilvusSettings(settings.milvus_url, settings.milvus_token), _name(version, model))
    except (ImportError, RetrievalError) as error:
        log.warning("index.left_on_the_server", version=version, reason=str(error))


def _newest(folder: Path, wanted: str, dimension: int) -> Composite:
    """From the newest files that are whole and of the wanted kind; without any, empty."""
    for built in sorted((path.parent for path in folder.glob(f"*/{NAME}")), reverse=True):
        try:
            index = make_index("flat", dimension, folder=built, confirmed=False)
        except IndexFilesDamaged as error:
            log.warning("index.files_left_aside", reason=str(error))
            continue
        if isinstance(index, Composite) and index.base is not None and wanted in ("auto", index.base.manifest.kind):
            return index
    return Composite(dimension)


def _remove_older(folder: Path, newest: Path) -> None:
    for other in folder.iterdir():
        abandoned = time.time() - other.stat().st_mtime > _ABANDONED_S
        if other.name < newest.name and ((other / NAME).exists() or abandoned):
            shutil.rmtree(other, ignore_errors=True)


def _merge_when_due(reference: weakref.ref[ServedIndex]) -> None:
    """Ends with the index: it is dropped when another version serves."""
    while True:
        time.sleep(_LOOK_S)
        index = reference()
        if index is None or index.stopping.is_set():
            return
        try:
            index.merge_if_due(quiet_s=_QUIET_S)
        except (RetrievalError, OSError, RuntimeError, MemoryError) as error:
            log.error("index.not_built", reason=str(error))
            del index
            time.sleep(_RETRY_S)
