"""Load notes: which model files the service died of while it loaded them. After two deaths it leaves the file alone.

A note is written before each load, locked while it lasts, and taken back after it, however it ended: only a death
leaves it. The second death counts, for the first may have been that of the machine.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import structlog

from inference.config import InferenceConfig
from inference.errors import ModelFileRejected
from inference.serving.file_version import FileVersion, version_of

log = structlog.get_logger(__name__)

_MOST_DEATHS = 2
_FIRST_COUNTS_S = 86_400.0  # for so long a single death counts
_KEPT_S = 30 * 86_400.0  # then a file is tried again: llama.cpp may have learnt to read it
_MOST_BYTES = 10_000
_TRIES, _BETWEEN_TRIES_S = 10, 0.005


class BarredModelFile(ModelFileRejected):
    user_message = "The model service died twice while it loaded this file. It does not try it any more."

    def __init__(self, note: Path) -> None:
        super().__init__(
            advice=f"Replace the file. To have this one tried again, delete {note}, and look at the service's log and "
            "at the machine's memory.",
            detail=f"deaths are noted in {note}",
        )


@dataclass(eq=False)
class _Load:
    note: Path
    path: Path
    descriptor: int
    deaths: tuple[float, ...]  # of earlier loads

    def write(self, *begun: float) -> None:
        told = json.dumps({"file": str(self.path), "loads": [*self.deaths, *begun]}).encode()
        os.pwrite(self.descriptor, told, 0)
        os.ftruncate(self.descriptor, len(told))


def why_not_loaded(config: InferenceConfig, path: Path) -> str:
    """For people: '' where the service would try the file."""
    with suppress(OSError):
        note = _note(_folder(config), path, version_of(path))
        with note.open("rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)  # else: it is being loaded at this moment
            if len(_loads(stream.fileno())) >= _MOST_DEATHS:
                error = BarredModelFile(note)
                return f"{error.user_message} {error.advice}"
    return ""


class LoadNotes:
    """Of one service. Several services may have one folder."""

    def __init__(self, config: InferenceConfig) -> None:
        self._folder = _folder(config)
        self._running: set[_Load] = set()
        self._closed = False
        self._changing = threading.RLock()  # a second signal may interrupt `close`

    @contextmanager
    def loading(self, path: Path, version: FileVersion, *, wholly: bool) -> Iterator[None]:
        """Around whatever may end the process. A file that was loaded `wholly` has proved that it can be.

        Raises BarredModelFile.
        """
        load = self._begun(path, version)
        proved = False
        try:
            yield
            proved = wholly
        finally:
            if load is not None:
                self._end(load, proved=proved)

    def close(self) -> None:
        """The process is about to end: what it still loads is not to blame. A signal's handler may call it."""
        with self._changing:
            self._closed = True
            for load in list(self._running):
                self._take_back(load)

    def _begun(self, path: Path, version: FileVersion) -> _Load | None:
        """None where the load goes on without: the process ends, another one loads the file, or nothing is written."""
        with self._changing, ExitStack() as undone:
            if self._closed:
                return None
            try:
                self._forget_old()
                note = _note(self._folder, path, version)
                if (descriptor := _locked(note)) is None:
                    return None
                undone.callback(os.close, descriptor)
                now = time.time()
                load = _Load(note, path, descriptor, _deaths(descriptor, note, path, now))
                load.write(now)
            except OSError as error:
                log.warning("model.load_not_noted", folder=str(self._folder), error=str(error))
                return None
            self._running.add(load)
            undone.pop_all()
            return load

    def _end(self, load: _Load, *, proved: bool) -> None:
        with self._changing:
            if proved:
                load.deaths = ()
            self._take_back(load)
        os.close(load.descriptor)

    def _take_back(self, load: _Load) -> None:
        """Deaths before this load stay."""
        if load not in self._running:
            return
        self._running.discard(load)
        with suppress(OSError):  # then it counts as a death
            if load.deaths:
                load.write()
            else:
                load.note.unlink(missing_ok=True)

    def _forget_old(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        for note in self._folder.glob("*.json"):
            with suppress(OSError):
                if time.time() - note.stat().st_mtime > _KEPT_S:
                    note.unlink()


def _folder(config: InferenceConfig) -> Path:
    return config.loads_dir or config.models_dir / ".loads"


def _note(folder: Path, path: Path, version: FileVersion) -> Path:
    """Another file at the same place has another name here."""
    identity = "\0".join(map(str, (path, *version))).encode("utf-8", "surrogateescape")
    return folder / f"{hashlib.sha256(identity).hexdigest()[:32]}.json"


def _locked(note: Path) -> int | None:
    """Somebody may remove it between opening and locking: what is locked then is nobody's note any more."""
    for _ in range(_TRIES):
        descriptor = os.open(note, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(descriptor).st_nlink:
                return descriptor
        except BlockingIOError:  # a service that loads it has it for long, somebody who reads it for a moment
            time.sleep(_BETWEEN_TRIES_S)
        os.close(descriptor)
    return None


def _deaths(descriptor: int, note: Path, path: Path, now: float) -> tuple[float, ...]:
    """Those that still count. Raises BarredModelFile."""
    loads = _loads(descriptor)
    if len(loads) >= _MOST_DEATHS:
        log.error("model.barred", file=str(path), note=str(note))
        raise BarredModelFile(note)
    if loads:
        log.warning("model.died_of_before", file=str(path), note=str(note))
    return tuple(begun for begun in loads if now - begun < _FIRST_COUNTS_S)


def _loads(descriptor: int) -> list[float]:
    """When loads began that did not end."""
    try:
        loads = json.loads(os.pread(descriptor, _MOST_BYTES, 0))["loads"]
    except (ValueError, LookupError, TypeError):  # cut off, by a full disk perhaps
        return []
    return [float(begun) for begun in loads if isinstance(begun, int | float)] if isinstance(loads, list) else []
