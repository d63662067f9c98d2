"""Scripts, styles and pictures: one address for each state of all of them, compressed once, kept by browsers for good.

The files lie under `/static/<version>/`, where the version is a digest of all of them. Modules name one another by
relative paths, so that they stay together whatever changes, and no build step has to rewrite them. Under `/static/`
and under another version's address (a page that was opened before an upgrade) the same files are served, to be asked
for again.
"""

from __future__ import annotations

import gzip
import hashlib
import logging
import os
import posixpath
import re
import tempfile
import time
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any
from wsgiref.headers import Headers

import django
from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.finders import BaseFinder
from django.contrib.staticfiles.storage import StaticFilesStorage
from django.core.files.storage import Storage
from django.http import HttpRequest, HttpResponse
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.responders import StaticFile

LOG = logging.getLogger(__name__)
_VERSION = re.compile(r"^v-[0-9a-f]{12}/")
_WORTH_IT = {".js", ".css", ".svg", ".json", ".txt", ".html", ".ttf"}
_LEAST_BYTES = 500
_KEPT_S = 30 * 24 * 3600  # what no file of this version has become; another process may still serve it
_IMPORT = re.compile(r"""^\s*(?:import|export)\b[^"'()]*?["'](\.{1,2}/[^"']+)["']""", re.MULTILINE)


@cache
def version() -> str:
    """Of all static files. What is vendored speaks through its list of hashes, which a test compares with the files."""
    digest = hashlib.sha256(django.__version__.encode())  # the admin's files are Django's
    for folder in map(Path, settings.STATICFILES_DIRS):
        vendor = folder / "vendor"
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            if vendor not in path.parents or path.name == "SHA256SUMS":
                digest.update(f"{path.relative_to(folder)}\0".encode() + path.read_bytes())
    return f"v-{digest.hexdigest()[:12]}"


class VersionedStorage(StaticFilesStorage):
    def url(self, name: str | None) -> str:
        if settings.DEBUG or not name:
            return str(super().url(name))
        return str(super().url(f"{version()}/{name}"))


class VersionFinder(BaseFinder):
    """Finds a file by an address with a version, whichever it is."""

    def find(self, path: str, find_all: bool = False, **unused: Any) -> Any:
        plain = _VERSION.sub("", path)
        found = finders.find(plain) if plain != path else None
        return [found] if found and find_all else found or []

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterable[tuple[str, Storage]]:
        return ()

    def check(self, **unused: Any) -> Any:
        return []


@cache
def modules_of(entry: str) -> tuple[str, ...]:
    """-> the names of all modules that this one needs before it runs, those that it imports later left out"""
    found: dict[str, None] = {}
    waiting = [entry]
    while waiting:
        name = waiting.pop()
        path = None if name in found else finders.find(name)
        if path is None:
            continue
        found[name] = None
        for imported in _IMPORT.findall(Path(path).read_text()):
            waiting.append(posixpath.normpath(posixpath.join(posixpath.dirname(name), imported)))
    return tuple(name for name in found if name != entry)


class StaticFilesMiddleware(WhiteNoiseMiddleware):
    """WhiteNoise, with files that are compressed at start into the folder `static-packed` of `CHATAPP_VAR_DIR`."""

    def __init__(self, get_response: Any = None, settings: Any = settings) -> None:
        self._folder = Path(settings.VAR_DIR) / "static-packed"
        self._packed: dict[str, Path | None] = {}
        super().__init__(get_response, settings)
        forget_others(self._folder, set(self._packed.values()))

    def __call__(self, request: Any) -> Any:
        if request.path_info not in self.files and request.path_info.startswith(self.static_prefix):
            request.path_info = self.static_prefix + _VERSION.sub("", request.path_info[len(self.static_prefix) :])
        return super().__call__(request)

    @staticmethod
    def serve(static_file: StaticFile, request: HttpRequest) -> HttpResponse:
        """Whole: Django would read it whole as well before it is sent asynchronously, and warn of it."""
        read = WhiteNoiseMiddleware.serve(static_file, request)
        whole = HttpResponse(b"".join(read), status=read.status_code, headers=dict(read.items()))
        read.close()
        return whole

    def add_file_to_dictionary(self, url: str, path: str, stat_cache: Any = None) -> None:
        super().add_file_to_dictionary(url, path, stat_cache)
        if url.startswith(self.static_prefix):
            versioned = f"{self.static_prefix}{version()}/{url[len(self.static_prefix) :]}"
            super().add_file_to_dictionary(versioned, path, stat_cache)

    def immutable_file_test(self, path: str, url: str) -> bool:
        return url.startswith(f"{self.static_prefix}{version()}/")

    def get_static_file(self, path: str, url: str, stat_cache: Any = None) -> StaticFile:
        if self.autorefresh:
            return super().get_static_file(path, url, stat_cache)
        if path not in self._packed:
            self._packed[path] = pack(Path(path), self._folder)
        headers = Headers([])
        self.add_mime_headers(headers, path, url)
        self.add_cache_headers(headers, path, url)
        headers["Access-Control-Allow-Origin"] = "*"  # they are the same for everybody
        packed = self._packed[path]
        return StaticFile(path, headers.items(), encodings={"gzip": str(packed)} if packed else {})


def pack(path: Path, folder: Path) -> Path | None:
    """-> the file, compressed; None where that is not worth it or cannot be written. Named by its content's digest."""
    if path.suffix not in _WORTH_IT or path.stat().st_size < _LEAST_BYTES:
        return None
    content = path.read_bytes()
    packed = folder / f"{hashlib.sha256(content).hexdigest()[:32]}.gz"
    try:
        if not packed.exists():
            folder.mkdir(parents=True, exist_ok=True)
            _write_whole(packed, gzip.compress(content, 9, mtime=0))
    except OSError as error:
        LOG.warning("Static files are served uncompressed: %s", error)
        return None
    return packed


def _write_whole(path: Path, content: bytes) -> None:
    """At once under its name, so that another process that starts now never reads half of it."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def forget_others(folder: Path, used: set[Path | None]) -> None:
    """Removes what earlier versions compressed, a month after they did."""
    for packed in folder.glob("*.gz"):
        try:
            if packed not in used and time.time() - packed.stat().st_mtime > _KEPT_S:
                packed.unlink()
        except OSError as error:
            LOG.warning("A compressed file of an earlier version stays: %s", error)
