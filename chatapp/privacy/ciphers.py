"""AES-256-GCM: the one module that knows the library, which is loaded (6 MB) by processes that use it."""

from __future__ import annotations

import os

KEY_BYTES = 32
_NONCE = 12  # bytes; random, which is sound for 2^32 values under one key


class NotOurs(ValueError):
    """Changed, moved to another place, or encrypted under another key."""


def encrypt(key: bytes, value: bytes, about: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, value, about)


def decrypt(key: bytes, sealed: bytes, about: bytes) -> bytes:
    """Raises NotOurs."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], about)
    except (InvalidTag, ValueError):
        raise NotOurs from None
