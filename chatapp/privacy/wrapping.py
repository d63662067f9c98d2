"""Key-encryption keys: the first one is written with, the older ones can still be read with."""

from __future__ import annotations

import hashlib
import hmac
from functools import lru_cache
from uuid import UUID

from django.conf import settings

from chatapp.privacy.ciphers import decrypt, encrypt
from chatapp.privacy.errors import KeyIsMissing


def wrap(person: UUID, key: bytes) -> tuple[bytes, str]:
    """-> the wrapped key, and the fingerprint of what it is wrapped by."""
    fingerprint, outer = next(iter(_keys(settings.KEY_ENCRYPTION_KEYS).items()))
    return encrypt(outer, key, person.bytes), fingerprint


def unwrap(person: UUID, wrapped: bytes, by: str) -> bytes:
    """Raises KeyIsMissing, and NotOurs where the row was tampered with."""
    outer = _keys(settings.KEY_ENCRYPTION_KEYS).get(by)
    if outer is None:
        raise KeyIsMissing(by)
    return decrypt(outer, wrapped, person.bytes)


def current() -> str:
    """The fingerprint of the key that is written with."""
    return next(iter(_keys(settings.KEY_ENCRYPTION_KEYS)))


@lru_cache(maxsize=4)
def _keys(secrets: tuple[str, ...]) -> dict[str, bytes]:
    """By fingerprint; both are derived from the secret, so that the one does not tell the other."""
    return {_derived(secret, "fingerprint").hex()[:16]: _derived(secret, "key") for secret in secrets}


def _derived(secret: str, purpose: str) -> bytes:
    return hmac.new(secret.encode(), f"footnote key-encryption {purpose}".encode(), hashlib.sha256).digest()
