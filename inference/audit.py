"""Where changes are written down."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser

from inference import seams


def record(action: str, subject: str, actor: AbstractBaseUser | None = None, **detail: Any) -> None:
    """In the caller's transaction. Raises what the database raises: no change without its line."""
    seams.journal.given(action, subject, actor, **detail)
