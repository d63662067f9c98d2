"""Secrets that we make at first use and keep in a file."""

from __future__ import annotations

import fcntl
import os
import secrets
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def kept_secret(path: Path) -> str:
    """What the file holds. One that is missing, or was left empty by a crash or a full disk, is made anew, once.

    Raises ImproperlyConfigured where the file holds no text, and OSError where it cannot be made.
    """
    if value := _read(path):
        return value
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)  # several processes start at once, and all must have the same secret
        value = _read(path) or _make(path)
        os.fsync(folder)
        return value
    finally:
        os.close(folder)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip("\0 \t\r\n")
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError:
        raise ImproperlyConfigured(f"{path} holds no text. Remove it, and a new secret is made.") from None


def _make(path: Path) -> str:
    """Whole or not at all: nobody reads half a secret."""
    value = secrets.token_urlsafe(48)
    beside = path.with_name(f"{path.name}.new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
        stream.write(value)
        stream.flush()
        os.fsync(stream.fileno())
    beside.replace(path)
    return value
