"""Signed requests: a key that was read along the way, in a log or a proxy, opens nothing without its secret.

HMAC-SHA256 over method, path, query, hash of the body, time and nonce. The secret is derived from CHATAPP_SECRET_KEY
and the id of its key: it is stored nowhere, and never sent.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.http import HttpRequest

from chatapp.errors import ChatAppError

WINDOW_S = 300  # how far the clocks may be apart
SWEPT_AT_ONCE = 20  # old nonces, each time a new one is noted: more than come
TIMESTAMP, NONCE, SIGNATURE = "X-Footnote-Timestamp", "X-Footnote-Nonce", "X-Footnote-Signature"
BODY_HASH = "footnote.body_hash"  # in the scope of a request: what was received so far
_NONCE = re.compile(r"[A-Za-z0-9_-]{16,64}")
_DERIVED = b"footnote request signing 1:"


class SignatureRefused(ChatAppError):
    code, http_status = "bad_signature", 401
    user_message = "The signature of this request is missing or wrong."
    advice = "docs/protocol.md says what is signed. A nonce counts once, and clocks may be 5 minutes apart."


def secret_of(key: UUID) -> str:
    derived = hmac.new(settings.SECRET_KEY.encode(), _DERIVED + key.bytes, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(derived).rstrip(b"=").decode()


def signature(secret: str, *, method: str, path: str, query: str, body_sha256: str, timestamp: str, nonce: str) -> str:
    said = "\n".join(("v1", method, path, query, body_sha256, timestamp, nonce))
    return "v1=" + hmac.new(secret.encode(), said.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def check_signature(key: UUID, request: HttpRequest) -> None:
    """Raises SignatureRefused. The nonce is noted only of a signature that is right."""
    timestamp, nonce, given = (request.headers.get(name, "") for name in (TIMESTAMP, NONCE, SIGNATURE))
    if not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > 12 or not _NONCE.fullmatch(nonce):
        raise SignatureRefused
    if abs(int(timestamp) - time.time()) > WINDOW_S:
        raise SignatureRefused
    path, query = _target(request)
    right = signature(
        secret_of(key),
        method=request.method or "",
        path=path,
        query=query,
        body_sha256=_body_sha256(request),
        timestamp=timestamp,
        nonce=nonce,
    )
    if not hmac.compare_digest(right.encode(), given.encode("utf-8", "replace")) or not _note(key, nonce, timestamp):
        raise SignatureRefused


def _target(request: HttpRequest) -> tuple[str, str]:
    """As they were sent, byte for byte, where the server tells."""
    scope: Mapping[str, Any] = getattr(request, "scope", {})
    path = scope.get("raw_path") or quote(request.path).encode()
    query = scope.get("query_string", request.META.get("QUERY_STRING", "").encode("utf-8", "replace"))
    return path.decode("latin-1"), query.decode("latin-1")


def _body_sha256(request: HttpRequest) -> str:
    """Of what the body's limit has seen pass; a large one lies in a file by now and is not read again."""
    scope: Mapping[str, Any] = getattr(request, "scope", {})
    passed = scope.get(BODY_HASH)
    return passed.hexdigest() if passed is not None else hashlib.sha256(request.body).hexdigest()


# One statement: of two processes that are sent the same request, one writes the row.
_NOTE = """
WITH swept AS (
    DELETE FROM accounts_usednonce WHERE id IN (
        SELECT id FROM accounts_usednonce WHERE until < now() ORDER BY until LIMIT %s FOR UPDATE SKIP LOCKED
    )
)
INSERT INTO accounts_usednonce (key_id, nonce, until) VALUES (%s, %s, %s) ON CONFLICT (key_id, nonce) DO NOTHING
"""


def _note(key: UUID, nonce: str, timestamp: str) -> bool:
    """-> whether it is new. It is kept as long as its time would be believed."""
    until = datetime.fromtimestamp(int(timestamp) + WINDOW_S + 1, UTC)
    with connection.cursor() as cursor:
        cursor.execute(_NOTE, [SWEPT_AT_ONCE, key, nonce, until])
        return bool(cursor.rowcount)
