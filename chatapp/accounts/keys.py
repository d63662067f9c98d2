"""API keys: named, shown once, stored hashed, revocable. A key may do what its person may do."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import timedelta

from django.utils import timezone

from chatapp.accounts.models import ApiKey, User
from chatapp.errors import Invalid, NotFound

PREFIX = "fn-"
KEYS_PER_USER = 50
_NAME_CHARACTERS = 100
_USE_NOTED_EVERY = timedelta(minutes=1)


def create_key(*, user: User, name: str) -> str:
    """-> the key itself, which nothing can show again."""
    name = " ".join(name.split())
    if not 0 < len(name) <= _NAME_CHARACTERS or not name.isprintable():
        raise Invalid(f"A key needs a name of 1 to {_NAME_CHARACTERS} characters.")
    if active_keys(user).filter(name=name).exists():
        raise Invalid(f"There is a key named {name!r} already.", advice="Choose another name, or revoke that one.")
    if active_keys(user).count() >= KEYS_PER_USER:
        raise Invalid(f"A person may have {KEYS_PER_USER} keys.", advice="Revoke one that is no longer used.")
    key = PREFIX + secrets.token_urlsafe(32)
    ApiKey.objects.create(user=user, name=name, sha256=_hashed(key), hint=key[-4:])
    return key


def active_keys(user: User):  # type: ignore[no-untyped-def]
    return ApiKey.objects.filter(user=user, revoked_at=None).order_by("created_at")


def revoke_key(*, user: User, name: str) -> None:
    if not active_keys(user).filter(name=name).update(revoked_at=timezone.now()):
        raise NotFound(f"There is no key named {name!r} in use.", advice="`manage.py apikey list` shows them.")


def person_of_key(key: str) -> User | None:
    """Of a key that is not revoked, and an account that is open; the use is noted."""
    return people_of_keys([key])[0]


def people_of_keys(keys: Sequence[str]) -> list[User | None]:
    """The same for many, with two queries at most."""
    hashed = [_hashed(key) if key.startswith(PREFIX) else "" for key in keys]
    found = ApiKey.objects.filter(sha256__in=hashed, revoked_at=None, user__is_active=True).select_related("user")
    rows = {row.sha256: row for row in found}
    now = timezone.now()
    stale = [row.pk for row in rows.values() if not row.last_used_at or row.last_used_at < now - _USE_NOTED_EVERY]
    if stale:
        ApiKey.objects.filter(pk__in=stale).update(last_used_at=now)
    return [rows[one].user if one in rows else None for one in hashed]


def _hashed(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()
