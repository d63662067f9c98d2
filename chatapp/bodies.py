"""How much anybody may send. Django's ASGI handler stores a whole body before it asks who sent it; this asks first."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from http.cookies import CookieError, SimpleCookie
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings

from chatapp import access
from chatapp.errors import ChatAppError, as_dict

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[..., Awaitable[None]]

_UPLOAD = re.compile(r"/api/collections/[^/]+/documents/")
FORM_OVERHEAD = 1_000_000


class BodyTooLarge(ChatAppError):
    code, http_status = "too_large", 413
    user_message = "This request is larger than is allowed."
    advice = "Send less at once."


class BodyLimit:
    """An upload of an administrator may be as large as a document; every other body is small."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        headers = {name.lower(): value for name, value in scope["headers"]}
        most = await _most(scope, headers)
        if _announced(headers) > most:
            return await _refuse(send, most)
        came = 0

        async def counted() -> Message:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            if came > most:
                raise BodyTooLarge
            return message

        try:
            await self._application(scope, counted, send)
        except BodyTooLarge:
            await _refuse(send, most)


async def _most(scope: Message, headers: dict[bytes, bytes]) -> int:
    if scope["method"] == "POST" and _UPLOAD.fullmatch(scope["path"]):
        key = _session_key(headers)
        if key and await sync_to_async(access.session_is_administrators)(key):
            return int(settings.RETRIEVAL.limits.file_bytes) + FORM_OVERHEAD
    return int(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)


def _session_key(headers: dict[bytes, bytes]) -> str:
    cookies: SimpleCookie = SimpleCookie()
    try:
        cookies.load(headers.get(b"cookie", b"").decode("latin-1"))
    except CookieError:
        return ""
    found = cookies.get(settings.SESSION_COOKIE_NAME)
    return found.value if found else ""


def _announced(headers: dict[bytes, bytes]) -> int:
    length = headers.get(b"content-length", b"0")
    return int(length) if length.isdigit() else 0


async def _refuse(send: Send, most: int) -> None:
    """The connection ends with it: what is still on its way is not read."""
    error = BodyTooLarge(f"This request is larger than the {most / 1e6:.0f} MB that are allowed.")
    body = json.dumps({"error": as_dict(error)}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": error.http_status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
