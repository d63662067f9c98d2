"""Model files that the service died of while it loaded them: after two deaths it leaves the file alone.

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
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import structlog

from inference.errors import ModelFileRejected

log = structlog.get_logger(__name__)

FileVersion = tuple[int, int]  # when it was changed, and its size

_MOST_DEATHS = 2
_FIRST_COUNTS_S = 86_400.0  # for so long a single death counts
_KEPT_S = 30 * 86_400.0  # then a file is tried again: llama.cpp may have learnt to read it
_MOST_BYTES = 10_000
_TRIES, _BETWEEN_TRIES_S = 10, 0.005


class DeadlyModelFile(ModelFileRejected):
    user_message = "The model service died twice while it loaded this file. It does not try it any more."

    def __init__(self, note: Path) -> None:
        super().__init__(
            advice=f"Replace the file. To have this one tried again, delete {note}, and look at the service's log and "
            "at the machine's memory.",
            detail=f"deaths are noted in {note}",
        )


@dataclass
class _Held:
    descriptor: int
    path: Path
    deaths: tuple[float, ...]  # of earlier loads

    def write(self, load: tuple[float, ...] = ()) -> None:
        told = json.dumps({"file": str(self.path), "loads": [*self.deaths, *load]}).encode()
        os.pwrite(self.descriptor, told, 0)
        os.ftruncate(self.descriptor, len(told))


def why_not_loaded(folder: Path, path: Path) -> str:
    """For people: '' where the service would try the file."""
    with suppress(OSError):
        stat = path.stat()
        note = _note(folder, path, (stat.st_mtime_ns, stat.st_size))
        with note.open("rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)  # else: it is being loaded at this moment
            if len(_loads(stream.fileno())) >= _MOST_DEATHS:
                error = DeadlyModelFile(note)
                return f"{error.user_message} {error.advice}"
    return ""


class LoadNotes:
    """Of one service. Several services may have one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: dict[Path, _Held] = {}
        self._closed = False
        self._changing = threading.Lock()

    @contextmanager
    def loading(self, path: Path, version: FileVersion, *, wholly: bool) -> Iterator[None]:
        """Around whatever may end the process. A file that was loaded `wholly` has proved that it can be.

        Raises DeadlyModelFile.
        """
        note = _note(self._folder, path, version)
        descriptor = self._begun(note, path)
        proved = False
        try:
            yield
            proved = wholly
        finally:
            if descriptor is not None:
                self._end(note, proved=proved)
                os.close(descriptor)

    def close(self) -> None:
        """The process is about to end by itself: what it still loads is not to blame."""
        with self._changing:
            self._closed = True
            for note in list(self._held):
                self._take_back(note)

    def _begun(self, note: Path, path: Path) -> int | None:
        """None where another service is loading the same file, or no note can be written: the load goes on."""
        try:
            self._forget_old()
            descriptor = _locked(note)
            if descriptor is None:
                return None
            try:
                self._write(descriptor, note, path)
            except BaseException:
                self._held.pop(note, None)
                os.close(descriptor)
                raise
        except OSError as error:
            log.warning("model.load_not_noted", folder=str(self._folder), error=str(error))
            return None
        return descriptor

    def _write(self, descriptor: int, note: Path, path: Path) -> None:
        loads, now = _loads(descriptor), time.time()
        if len(loads) >= _MOST_DEATHS:
            log.error("model.deadly", file=str(path), note=str(note))
            raise DeadlyModelFile(note)
        if loads:
            log.warning("model.died_of_before", file=str(path), note=str(note))
        deaths = tuple(begun for begun in loads if now - begun < _FIRST_COUNTS_S)
        with self._changing:
            held = self._held[note] = _Held(descriptor, path, deaths)
            held.write(() if self._closed else (now,))

    def _end(self, note: Path, *, proved: bool) -> None:
        with self._changing:
            if (held := self._held.get(note)) is not None and proved:
                held.deaths = ()
            self._take_back(note)

    def _take_back(self, note: Path) -> None:
        """Deaths before this load stay."""
        held = self._held.pop(note, None)
        with suppress(OSError):  # then it counts as a death
            if held is not None and held.deaths:
                held.write()
            elif held is not None:
                note.unlink(missing_ok=True)

    def _forget_old(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        for note in self._folder.glob("*.json"):
            with suppress(OSError):
                if time.time() - note.stat().st_mtime > _KEPT_S:
                    note.unlink()


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


def _loads(descriptor: int) -> list[float]:
    """When loads began that did not end."""
    try:
        loads = json.loads(os.pread(descriptor, _MOST_BYTES, 0))["loads"]
    except (ValueError, LookupError, TypeError):  # cut off, by a full disk perhaps
        return []
    return [float(begun) for begun in loads if isinstance(begun, int | float)] if isinstance(loads, list) else []
