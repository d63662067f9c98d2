"""Writing the audit trail."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from math import isfinite
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser

from chatapp.governance.models import AuditEntry
from retrieval.ingestion import storable

_TEXT = 2000  # characters of one value
_command_of: ContextVar[str] = ContextVar("command_of", default="")


@contextmanager
def command() -> Iterator[None]:
    """What is recorded within, without a person of Footnote's, was done by whoever typed a command."""
    token = _command_of.set(f"command of {_account()}")
    try:
        yield
    finally:
        _command_of.reset(token)


def record(action: str, subject: str, actor: AbstractBaseUser | None = None, **detail: Any) -> AuditEntry:
    """In the caller's transaction: the change and its line are stored together or not at all."""
    return AuditEntry.objects.create(
        actor_id=actor.pk if actor else None,
        actor_name=storable(actor.get_username())[:150] if actor else _command_of.get(),
        action=action,
        subject=storable(subject)[:300],
        detail={name: _storable(value) for name, value in detail.items()},
    )


def _account() -> str:
    """The account of the operating system; its number where it has no name, as in many containers."""
    try:
        return storable(pwd.getpwuid(os.getuid()).pw_name)[:100]
    except KeyError:
        return f"account {os.getuid()}"


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)[:_TEXT]
    if isinstance(value, dict):
        return {storable(str(name)): _storable(inner) for name, inner in value.items()}
    if isinstance(value, float) and not isfinite(value):
        return str(value)  # JSON has no such number
    return [_storable(inner) for inner in value] if isinstance(value, list | tuple | set | frozenset) else value
