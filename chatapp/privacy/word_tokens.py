"""Words as numbers that only the holder of a person's key can make: an index over them tells nobody the words.

Who reads the database sees which messages of one person share words, and how many words they have.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from uuid import UUID

from chatapp.privacy import keyring

BEGINNING = 4  # letters; longer words can be found by so many of their first ones as well
_WHOLE, _BEGINS = b"w", b"b"


def tokens_of(person: UUID, words: Iterable[str]) -> list[int]:
    """To be stored: of each word, and of the beginning of longer ones; empty where the key was destroyed.

    Raises KeyIsMissing.
    """
    key = _key(person)
    if key is None:
        return []
    found = {*words}
    whole = {_token(key, _WHOLE, word) for word in found}
    return sorted(whole | {_token(key, _BEGINS, word[:BEGINNING]) for word in found if len(word) > BEGINNING})


def token_of_word(person: UUID, word: str) -> int | None:
    """None: the key was destroyed."""
    key = _key(person)
    return None if key is None else _token(key, _WHOLE, word)


def token_of_beginning(person: UUID, word: str) -> int | None:
    """Of words that begin as this one does, which has BEGINNING letters at least. None: the key was destroyed."""
    key = _key(person)
    return None if key is None else _token(key, _BEGINS, word[:BEGINNING])


def _key(person: UUID) -> bytes | None:
    key = keyring.key_for_writing(person)
    return None if key is None else hmac.digest(key, b"footnote word tokens", hashlib.sha256)


def _token(key: bytes, kind: bytes, word: str) -> int:
    """64 bits, as Postgres' bigint has them. Two words that share one are told apart when the text is opened."""
    return int.from_bytes(hmac.digest(key, kind + word.encode(), hashlib.sha256)[:8], signed=True)
