"""Values that can be read as long as the key of the person they are about exists."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Iterable
from uuid import UUID

import structlog

from chatapp.privacy import keyring
from chatapp.privacy.ciphers import KEY_BYTES, NotOurs, decrypt, encrypt

log = structlog.get_logger(__name__)

_FORM = "s1."  # the form of what follows, so that a later one can be told from it


def seal(person: UUID, value: str, about: str) -> str:
    """`about` says where the value stands (table, field, row): moved elsewhere, it cannot be read.

    What is sealed for somebody whose key was destroyed can be read by nobody. Raises KeyIsMissing.
    """
    key = keyring.key_for_writing(person) or os.urandom(KEY_BYTES)
    sealed = encrypt(key, value.encode(), _bound(person, about))
    return _FORM + base64.urlsafe_b64encode(sealed).decode()


def unseal(person: UUID, sealed: str, about: str) -> str | None:
    """None: the person's key was destroyed. Raises KeyIsMissing, and NotOurs where the value was tampered with."""
    key = keyring.keys_of([person]).get(person)
    if key is None:
        return None
    try:
        raw = base64.b64decode(sealed.removeprefix(_FORM), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise NotOurs from None
    return decrypt(key, raw, _bound(person, about)).decode()


def prepare(people: Iterable[UUID]) -> None:
    """Before many values are unsealed: their keys are read in one query. A hint, no promise."""
    keyring.keys_of(list({*people}))


def destroy(person: UUID) -> None:
    """In the caller's transaction. After its end, and within seconds in every process, `unseal` gives None."""
    keyring.destroy(person)
    log.info("privacy.key_destroyed", person=str(person))


def _bound(person: UUID, about: str) -> bytes:
    return person.bytes + about.encode()
