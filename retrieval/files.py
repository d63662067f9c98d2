"""The stored originals: each under the hash of its bytes, shared by all documents that have them."""

from __future__ import annotations

import hashlib
import os
import re
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.db import connection, transaction

from retrieval.errors import RetrievalError
from retrieval.models import Document
from retrieval.outages import outage_behind

READ_BYTES = 1_000_000
LEFTOVER_AFTER_S = 86_400  # of halves of uploads
UNNAMED_AFTER_S = 3_600  # of whole files: no upload and no restored backup takes that long to name them
NAMES_A_QUERY = 500
FORGOTTEN_AT_ONCE = 5_000
_HASH = re.compile(r"[0-9a-f]{64}")


class FileTooLarge(RetrievalError):
    code, http_status = "too_large", 413
    user_message = "This file is larger than what may be uploaded."
    advice = "Split it, or ask your administrator to raise RETRIEVAL_MAX_FILE_MB."


def stored_file(sha256: str) -> Path:
    return settings.RETRIEVAL.files_dir / sha256[:2] / sha256


# -- in ----------------------------------------------------------------------------------------------------------------
@contextmanager
def _storing() -> Iterator[None]:
    """Says it in a sentence when the disk is full."""
    try:
        yield
    except OSError as error:
        raise (outage_behind(error) or error) from error


@_storing()
def spool(content: BinaryIO) -> tuple[Path, str, int]:
    """Write the stream to disk, safely, within the size limit -> file, hash, size."""
    path = _incoming_folder() / uuid.uuid4().hex
    digest, size = hashlib.sha256(), 0
    try:
        with path.open("xb") as target:
            while piece := content.read(READ_BYTES):
                size += len(piece)
                if size > settings.RETRIEVAL.limits.file_bytes:
                    limit = settings.RETRIEVAL.limits.file_bytes // 1_000_000
                    raise FileTooLarge(f"This file is larger than {limit} MB, the most that may be uploaded.")
                digest.update(piece)
                target.write(piece)
            target.flush()
            os.fsync(target.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path, digest.hexdigest(), size


@_storing()
def put_in_place(incoming: Path, target: Path) -> None:
    target.parent.mkdir(mode=0o700, exist_ok=True)
    incoming.replace(target)
    handle = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def lock_file(sha256: str) -> None:
    """Receiving and forgetting the same bytes take turns, so that no document ends without its file."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [int(sha256[:15], 16)])


# -- out ---------------------------------------------------------------------------------------------------------------
def forget_file(sha256: str) -> None:
    """Remove the file unless a document still, or again, has these bytes."""
    with transaction.atomic():
        lock_file(sha256)
        if not Document.objects.filter(sha256=sha256).exists():
            stored_file(sha256).unlink(missing_ok=True)


def remove_leftovers() -> None:
    """Halves of uploads that a crash left behind."""
    incoming = _incoming_folder()
    for path in incoming.iterdir():
        try:
            if time.time() - path.stat().st_mtime > LEFTOVER_AFTER_S:
                path.unlink()
        except FileNotFoundError:
            continue


def remove_unnamed() -> int:
    """Whole files that a crash between the file and its row left behind, some at a time. -> how many"""
    found = _older_files(UNNAMED_AFTER_S)
    removed = 0
    while removed < FORGOTTEN_AT_ONCE and (names := list(islice(found, NAMES_A_QUERY))):
        named = set(Document.objects.filter(sha256__in=names).values_list("sha256", flat=True))
        for sha256 in set(names) - named:
            forget_file(sha256)
            removed += 1
    return removed


def _older_files(seconds: float) -> Iterator[str]:
    """By the time that they came here, which unpacking a backup does not set back."""
    root: Path = settings.RETRIEVAL.files_dir
    before = time.time() - seconds
    for path in root.glob("[0-9a-f][0-9a-f]/*"):
        try:
            if _HASH.fullmatch(path.name) and path == stored_file(path.name) and path.stat().st_ctime < before:
                yield path.name
        except FileNotFoundError:
            continue


def _incoming_folder() -> Path:
    folder: Path = settings.RETRIEVAL.files_dir / "incoming"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
