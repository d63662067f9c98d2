"""API keys: named, scoped, ending, shown once, stored hashed, revocable."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from chatapp.accounts.models import ApiKey, User
from chatapp.accounts.resting import KeyRests, rests, write_down
from chatapp.accounts.scopes import Action, Grant
from chatapp.accounts.signing import secret_of
from chatapp.errors import Invalid, NotFound
from chatapp.governance.personal import Personal
from chatapp.governance.services import record

PREFIX = "fn-"
KEYS_PER_USER = 50
MOST_NAMES = 100  # collections, or models, of one key
_NAME_CHARACTERS = 100
_USE_NOTED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a new key is to open; None: all that its person may, or the usual number of days."""

    actions: Sequence[str] | None = None
    collections: Sequence[UUID] | None = None
    models: Sequence[str] | None = None
    days: int | None = None
    signed: bool = False


EVERYTHING = Wanted()


@dataclass(frozen=True, slots=True)
class Made:
    """What nothing can show again; `secret` signs the requests of a key that wants it."""

    key: str
    row: ApiKey
    secret: str = ""


def create_key(*, user: User, name: str, wanted: Wanted = EVERYTHING, by: User | None = None) -> str:
    """-> the key itself, which nothing can show again."""
    return make_key(user=user, name=name, wanted=wanted, by=by).key


@transaction.atomic
def make_key(*, user: User, name: str, wanted: Wanted = EVERYTHING, by: User | None = None) -> Made:
    User.objects.select_for_update().get(pk=user.pk)  # so that two pages cannot pass the bound together
    name = _name(user, name)
    _check(wanted)
    key = PREFIX + secrets.token_urlsafe(32)
    row = ApiKey.objects.create(
        user=user,
        name=name,
        sha256=_hashed(key),
        hint=key[-4:],
        actions=None if wanted.actions is None else sorted(set(wanted.actions)),
        collections=None if wanted.collections is None else sorted(map(str, set(wanted.collections))),
        model_names=None if wanted.models is None else sorted(set(wanted.models)),
        expires_at=_end(wanted.days),
        signed=wanted.signed,
    )
    about = Personal(str(row), user.pk)
    record("api_key.made", about, by or user, organisation=user.tenant, of=user, **describe(row))
    return Made(key, row, secret_of(row.pk) if wanted.signed else "")


def describe(row: ApiKey) -> dict[str, Any]:
    return {
        "actions": row.actions,
        "collections": row.collections,
        "models": row.model_names,
        "expires_at": row.expires_at,
        "signed": row.signed,
    }


def _name(user: User, name: str) -> str:
    name = " ".join(name.split())
    if not 0 < len(name) <= _NAME_CHARACTERS or not name.isprintable():
        raise Invalid(f"A key needs a name of 1 to {_NAME_CHARACTERS} characters.")
    if user.api_keys.filter(name=name, revoked_at=None).exists():
        raise Invalid(f"There is a key named {name!r} already.", advice="Choose another name, or revoke that one.")
    if user.api_keys.filter(revoked_at=None).count() >= KEYS_PER_USER:
        raise Invalid(f"A person may have {KEYS_PER_USER} keys.", advice="Revoke one that is no longer used.")
    return name


def _check(wanted: Wanted) -> None:
    if unknown := sorted(set(wanted.actions or ()) - set(Action.values)):
        raise Invalid(
            f"There is no action named {unknown[0]!r:.50}.", advice=f"Use some of {', '.join(Action.values)}."
        )
    if max(len(wanted.collections or ()), len(wanted.models or ())) > MOST_NAMES:
        raise Invalid(f"A key may name {MOST_NAMES} collections and {MOST_NAMES} models.", advice="Make several keys.")
    if any(not 0 < len(one) <= _NAME_CHARACTERS or not one.isprintable() for one in wanted.models or ()):
        raise Invalid(f"Names of models have 1 to {_NAME_CHARACTERS} characters.")


def _end(days: int | None) -> datetime | None:
    most = settings.API_KEY_DAYS_MOST
    if days is None:
        days = min(settings.API_KEY_DAYS or most, most or settings.API_KEY_DAYS)
    if days < 0 or (most and not 0 < days <= most):
        raise Invalid(f"A key may be used for 1 to {most or 36_500} days.", advice="Make a new one before it ends.")
    return timezone.now() + timedelta(days=min(days, 36_500)) if days else None


def kept_keys(user: User) -> QuerySet[ApiKey]:
    """Those that are not revoked, the ended ones as well."""
    return ApiKey.objects.filter(user=user, revoked_at=None).order_by("created_at")


def _open() -> Q:
    return Q(revoked_at=None) & (Q(expires_at=None) | Q(expires_at__gt=timezone.now()))


def revoke_key(*, user: User, name: str, by: User | None = None) -> None:
    found = kept_keys(user).filter(name=name).first()
    if found is None:
        raise NotFound(f"There is no key named {name!r} in use.", advice="`manage.py apikey list` shows them.")
    revoke(found, by=by or user)


@transaction.atomic
def revoke(row: ApiKey, *, by: User) -> None:
    """At once: each request asks the table, and what still runs for the key is ended within seconds."""
    if ApiKey.objects.filter(pk=row.pk, revoked_at=None).update(revoked_at=timezone.now()):
        about = Personal(str(row), row.user_id)
        record("api_key.revoked", about, by, organisation=row.user.tenant, of=row.user)


def person_of_key(key: str) -> User | None:
    """Of a key that is not revoked, has not ended and does not rest, and an account that is open; the use is noted."""
    return people_of_keys([key])[0]


def people_of_keys(keys: Sequence[str]) -> list[User | None]:
    """The same for many. What the key opens stands in the person's `grant`."""
    return [one if isinstance(one, User) else None for one in opened_by(keys)]


def opened_by(keys: Sequence[str]) -> list[User | KeyRests | None]:
    """For each key its person, or that it rests, which is written down; None where it is simply none. Two queries at
    most, but for keys that rest, and none for what cannot be a key."""
    hashed = [_hashed(key) if key.startswith(PREFIX) else "" for key in keys]
    if not any(hashed):
        return [None] * len(keys)
    rows = list(ApiKey.objects.filter(_open(), sha256__in=hashed, user__is_active=True).select_related("user"))
    opened = {row.sha256: KeyRests() if rests(row.user) else _granted(row) for row in rows}
    for row in rows:
        if isinstance(opened[row.sha256], KeyRests):
            write_down(row)
    _note_use([row for row in rows if isinstance(opened[row.sha256], User)])
    return [opened.get(one) for one in hashed]


def _note_use(rows: Sequence[ApiKey]) -> None:
    now = timezone.now()
    stale = [row.pk for row in rows if not row.last_used_at or row.last_used_at < now - _USE_NOTED_EVERY]
    if stale:
        ApiKey.objects.filter(pk__in=stale).update(last_used_at=now)


def _granted(row: ApiKey) -> User:
    row.user.grant = Grant(
        key=row.pk,
        actions=None if row.actions is None else frozenset(row.actions),
        collections=None if row.collections is None else frozenset(map(UUID, row.collections)),
        models=None if row.model_names is None else frozenset(row.model_names),
        signed=row.signed,
    )
    return row.user


def _hashed(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()
