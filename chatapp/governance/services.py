"""Writing the audit trail."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from math import isfinite
from typing import Any, NoReturn
from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser

from chatapp.governance.models import AuditEntry
from chatapp.governance.personal import Personal, Sealed, in_detail, sealed
from retrieval.stored_text import storable
from retrieval.tenants import HOUSE

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


@contextmanager
def program(name: str) -> Iterator[None]:
    """What is recorded within, without a person of Footnote's, was done by a program that has no account."""
    token = _command_of.set(name)
    try:
        yield
    finally:
        _command_of.reset(token)


def is_a_command() -> bool:
    return bool(_command_of.get())


def record(
    action: str,
    subject: str | Personal | AbstractBaseUser,
    actor: AbstractBaseUser | None = None,
    *,
    organisation: UUID | None = None,
    **detail: Any,
) -> AuditEntry:
    """In the caller's transaction: the change and its line are stored together or not at all.

    Names of people (give the people themselves), and values that are marked Personal, are sealed under their keys.
    `organisation`: whose it is; where it is left out, that of the person whom it is about, else of whoever did it.
    """
    entry = prepared(action, subject, actor, organisation=organisation, **detail)
    entry.save()
    return entry


def prepared(
    action: str,
    subject: str | Personal | AbstractBaseUser,
    actor: AbstractBaseUser | None = None,
    *,
    organisation: UUID | None = None,
    **detail: Any,
) -> AuditEntry:
    """Not stored yet: for those who store many."""
    by: UUID | None = actor.pk if actor else None
    hidden: Sealed = sealed("actor_name", by, storable(actor.get_username())[:150]) if actor and by else {}
    shown: dict[str, Any] = {}
    for name, value in ((name, _marked(value)) for name, value in detail.items()):
        if isinstance(value, Personal):
            hidden |= sealed(in_detail(name), _person(value, by), _storable(value.value))
        else:
            shown[name] = _storable(value)
    about = _marked(actor if actor and subject == actor.get_username() else subject)
    if isinstance(about, Personal):
        of = _person(about, by)
        hidden |= sealed("subject", of, storable(str(about.value))[:300])
        about = f"person {of}"
    return AuditEntry(
        actor_id=by,
        plain_name="" if actor else _command_of.get(),
        action=action,
        subject=storable(about)[:300],
        detail=shown,
        sealed=hidden or None,
        organisation=organisation or _home(subject) or _home(actor) or HOUSE,
    )


def _home(of: Any) -> UUID | None:
    found: UUID | None = getattr(of, "tenant", None)
    return found


def _marked(value: Any) -> Any:
    return Personal(value.get_username(), value.pk) if isinstance(value, AbstractBaseUser) else value


def _person(value: Personal, actor: UUID | None) -> UUID:
    return value.of or actor or _nobody()


def _nobody() -> NoReturn:
    raise TypeError("A personal value of a line without an actor names whom it is about.")


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
