"""Where changes are written down. chatapp/ fills it at start-up: inference/ knows nobody's journal."""

from __future__ import annotations

from typing import Any, Protocol

from django.contrib.auth.base_user import AbstractBaseUser


class Journal(Protocol):
    def __call__(self, action: str, subject: str, actor: AbstractBaseUser | None = None, **detail: Any) -> object:
        """Writes one line, in the caller's transaction. Raises what the database raises: no change without its line."""


def _nobody(action: str, subject: str, actor: AbstractBaseUser | None = None, **detail: Any) -> None:
    return None


_journal: Journal = _nobody


def write_to(journal: Journal) -> None:
    global _journal
    _journal = journal


def record(action: str, subject: str, actor: AbstractBaseUser | None = None, **detail: Any) -> None:
    _journal(action, subject, actor, **detail)
