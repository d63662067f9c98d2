"""Values that can be read as long as the key of the person they are about exists."""

from __future__ import annotations

import base64
import binascii
import os
import re
import zlib
from collections.abc import Iterable
from uuid import UUID

import structlog

from chatapp.privacy import keyring
from chatapp.privacy.ciphers import KEY_BYTES, NotOurs, decrypt, encrypt

log = structlog.get_logger(__name__)

_FORM = "s1."  # the form of what follows, so that a later one can be told from it
_NAMED_FORM = "s2."  # names the person as well: what is read by itself, without the row that says whose it is
_NAMED = re.compile(r"s2\.[A-Za-z0-9_-]{60,}={0,2}")  # a person, a nonce, a mark and a tag, at least
_PACKED_FROM = 400  # bytes; what is shorter gains nothing
_PLAIN, _PACKED = b"\0", b"\1"


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
    return decrypt(key, _decoded(sealed.removeprefix(_FORM)), _bound(person, about)).decode()


def seal_named(person: UUID, value: str, about: str) -> str:
    """As `seal`, packed, and with the number of the person in it. Raises KeyIsMissing, and NotOurs as `unseal`."""
    key = keyring.key_for_writing(person) or os.urandom(KEY_BYTES)
    raw = value.encode()
    content = _PACKED + zlib.compress(raw, 1) if len(raw) >= _PACKED_FROM else _PLAIN + raw
    return _NAMED_FORM + base64.urlsafe_b64encode(person.bytes + encrypt(key, content, _bound(person, about))).decode()


def unseal_named(sealed: str, about: str) -> str | None:
    """None: the person's key was destroyed. Raises KeyIsMissing, and NotOurs where the value was tampered with."""
    raw = _decoded(sealed.removeprefix(_NAMED_FORM))
    person = UUID(bytes=raw[:16])
    key = keyring.keys_of([person]).get(person)
    if key is None:
        return None
    content = decrypt(key, raw[16:], _bound(person, about))
    return (zlib.decompress(content[1:]) if content[:1] == _PACKED else content[1:]).decode()


def is_named(value: str) -> bool:
    """Whether `seal_named` may have made it: nothing that people write has this form."""
    return _NAMED.fullmatch(value) is not None


def prepare(people: Iterable[UUID]) -> None:
    """Before many values are sealed or unsealed: their keys are read in one query. A hint, no promise."""
    keyring.warm({*people})


def destroy(person: UUID) -> None:
    """In the caller's transaction. After its end, and within seconds in every process, `unseal` gives None."""
    keyring.destroy(person)
    log.info("privacy.key_destroyed", person=str(person))


def _decoded(value: str) -> bytes:
    try:
        return base64.b64decode(value, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise NotOurs from None


def _bound(person: UUID, about: str) -> bytes:
    return person.bytes + about.encode()
