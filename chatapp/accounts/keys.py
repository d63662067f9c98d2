"""API keys: named, shown once, stored hashed, revocable. A key may do what its person may do."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from django.db.models import Q
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
    if not key.startswith(PREFIX):
        return None
    found = ApiKey.objects.filter(sha256=_hashed(key), revoked_at=None, user__is_active=True).select_related("user")
    row = found.first()
    if row is None:
        return None
    now = timezone.now()
    stale = Q(last_used_at=None) | Q(last_used_at__lt=now - _USE_NOTED_EVERY)
    ApiKey.objects.filter(stale, pk=row.pk).update(last_used_at=now)
    return row.user


def _hashed(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()
