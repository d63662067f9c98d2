"""A folder of this machine or a mounted share, watched by its schedule."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path, PurePath
from typing import Any, BinaryIO, cast

from django.conf import settings

from retrieval.sources.connector import Item, Kind, Surroundings, known_fields, require
from retrieval.sources.errors import BadSourceSettings, SourceUnreachable

_DEFAULTS: dict[str, Any] = {"path": "", "endings": []}
_DEEPEST = 100  # folders in each other
_SETTLED_S = 3.0  # a file that changed since may still be written


class FolderConnector:
    def __init__(self, given: Mapping[str, Any], around: Surroundings) -> None:
        self._around = around
        self._top = Path(given["path"])
        self._endings = tuple(ending.lower() for ending in given["endings"])

    def items(self) -> Iterator[Item]:
        top = within(self._top, self._around.roots)
        if not top.is_dir():
            raise SourceUnreachable(f"The folder {self._top} is not there.", advice="Check that it is mounted.")
        for path, folder in _files(top):
            self._around.alive()
            if folder is None:
                yield _too_deep(path)
                continue
            if self._endings and not path.name.lower().endswith(self._endings):
                continue
            if item := self._item(path, folder):
                yield item

    def _item(self, path: PurePath, folder: int) -> Item | None:
        key = os.fsencode(path).decode("utf-8", "replace")
        earlier = self._around.earlier(key)
        try:
            seen = os.stat(path.name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return None
        if not stat.S_ISREG(seen.st_mode):
            return None
        version = f"{seen.st_mtime_ns}-{seen.st_size}"
        if time.time() - seen.st_mtime < _SETTLED_S:
            if earlier is None:
                return None  # the next run takes it
            version = earlier.version
        changed = _moment(seen.st_mtime)
        return Item(key, version, path.name, partial(_open, path.name, folder), changed)


def _too_deep(path: PurePath) -> Item:
    key = os.fsencode(path).decode("utf-8", "replace")
    problem = f"Folders are read to a depth of {_DEEPEST}; this one lies deeper."
    return Item(key, "", path.name, partial(_open, path.name, -1), problem=problem)


def _moment(seconds: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _open(name: str, folder: int) -> AbstractContextManager[BinaryIO]:
    """By the folder that was walked, and no symbolic link: what is swapped meanwhile leads nowhere else."""
    number = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    return cast(BinaryIO, os.fdopen(number, "rb"))


def _files(top: Path) -> Iterator[tuple[PurePath, int | None]]:
    """Every visible file in order, as its path below `top` and the open folder that it is in; a folder that lies too
    deep comes without one.

    Raises SourceUnreachable where a folder cannot be listed: none of what is in it vanished.
    """

    def closed(error: OSError) -> None:
        raise SourceUnreachable(f"The folder {error.filename} cannot be read ({error.strerror}).") from error

    for folder, folders, names, number in os.fwalk(top, onerror=closed, follow_symlinks=False):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        below = PurePath(folder).relative_to(top)
        if len(below.parts) >= _DEEPEST:
            yield from ((below / name, None) for name in folders)
            folders.clear()
        for name in sorted(names):
            if not name.startswith("."):
                yield below / name, number


def within(path: Path, roots: tuple[Path, ...]) -> Path:
    real = path.resolve()
    if not any(real.is_relative_to(root.resolve()) for root in roots):
        raise BadSourceSettings(
            f"The folder {path} is none that sources may read.",
            advice="The operator names the folders in RETRIEVAL_SOURCE_FOLDERS.",
        )
    return real


def _check(given: Mapping[str, Any]) -> dict[str, Any]:
    fields = known_fields(given, _DEFAULTS)
    fields["path"] = named = _whole_path(fields["path"])
    sentence = "The setting path must be an absolute path, or the name of a folder in RETRIEVAL_SOURCE_FOLDERS."
    require(Path(named).is_absolute(), sentence)
    return fields


def _whole_path(given: str) -> str:
    """A folder that sources may read goes by its name alone, such as `inbox`."""
    return next((str(root) for root in settings.RETRIEVAL.source_folders if given and root.name == given), given)


KIND = Kind("folder", "Watched folder", _DEFAULTS, _check, FolderConnector)
