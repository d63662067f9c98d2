"""How much anybody may send. Django's ASGI handler stores a whole body before it asks who sent it; this asks first."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable
from http.cookies import CookieError, SimpleCookie
from typing import Any

from allauth.core.internal.ratelimit import truncate_ip
from django.conf import settings

from chatapp import access
from chatapp.accounts.keys import person_of_key
from chatapp.accounts.models import User
from chatapp.accounts.signing import BODY_HASH, SIGNATURE
from chatapp.arrivals import Arrival, Arrivals, TooManyBodies
from chatapp.database import in_database
from chatapp.errors import ChatAppError, NotFound, refuse
from chatapp.scim import shapes as scim
from chatapp.scim import tokens
from retrieval.evaluation import formats

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[..., Awaitable[None]]

_UPLOAD = re.compile(r"/api/collections/([^/]+)/documents/")
_ATTACHMENT = re.compile(r"/api/(attachments|conversations/([^/]+)/attachments)/")
_QUESTIONS = "/admin/evaluation/questionsetversion/add/"
FORM_OVERHEAD = 1_000_000
STRANGERS_BYTES = 64_000  # a form to sign in with
# How slowly a body may come; a stranger's has a form in it, which is one packet or two.
GRACE_S, STRANGERS_GRACE_S, LEAST_BYTES_A_SECOND = 20.0, 5.0, 8_000


class BodyTooLarge(ChatAppError):
    code, http_status = "too_large", 413
    user_message = "This request is larger than is allowed."
    advice = "Send less at once."


class BodyTooSlow(ChatAppError):
    code, http_status, retryable = "too_slow", 408, True
    user_message = "This request arrived too slowly."
    advice = "Send it again over a better line."


class BodyLimit:
    """An upload of who may upload there may be as large as a document, or a file of questions; every other body is
    small, a stranger's tiny."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._arrivals = Arrivals()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        headers = {name.lower(): value for name, value in scope["headers"]}
        if not has_body(headers):
            return await self._application(scope, receive, send)
        signed = SIGNATURE.lower().encode() in headers
        grace = GRACE_S if _claims_to_be_known(headers) else min(GRACE_S, STRANGERS_GRACE_S)
        body = _Body(receive, await _most(scope, headers), grace, hashlib.sha256() if signed else None)
        if signed:
            scope = {**scope, BODY_HASH: body.hash}
        try:
            body.check(_announced(headers))
            whose = await in_database(_whose)(headers) if self._arrivals.must_know() else ""
            arrival = Arrival(body, truncate_ip((scope.get("client") or ("",))[0]), whose)
            self._arrivals.take(arrival)

            async def receive_next() -> Message:
                message = await body.next()
                if body.whole:  # the answer may take minutes
                    self._arrivals.free(arrival)
                return message

            try:
                await self._application(scope, receive_next, send)
            finally:
                self._arrivals.free(arrival)
        except (BodyTooLarge, BodyTooSlow, TooManyBodies) as error:
            await refuse(scope, send, error)


class _Body:
    """What arrives of one request, within its bounds of size and time."""

    def __init__(self, receive: Receive, most: int, grace: float, hash: hashlib._Hash | None) -> None:
        self._receive, self._most, self._grace, self.hash = receive, most, grace, hash
        self._came, self.whole = 0, False
        self._begun = asyncio.get_running_loop().time()
        self._waiting: asyncio.Timeout | None = None

    def give_up(self) -> None:
        """There is no room for one that waits."""
        self._grace = float("-inf")
        if self._waiting is not None:
            self._waiting.reschedule(self._begun)

    def check(self, size: int) -> None:
        if size > self._most:
            raise BodyTooLarge(f"This request is larger than the {_size(self._most)} that are allowed.")

    async def next(self) -> Message:
        if self.whole:  # what comes now is only that the client has gone
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._begun + self._grace + self._came / LEAST_BYTES_A_SECOND) as waiting:
                self._waiting = waiting
                message = await self._receive()
        except TimeoutError:
            raise BodyTooSlow from None
        finally:
            self._waiting = None
        if self.hash is not None:
            self.hash.update(message.get("body", b""))
        self._came += len(message.get("body", b""))
        self.whole = not message.get("more_body", False)
        self.check(self._came)
        return message


async def _most(scope: Message, headers: dict[bytes, bytes]) -> int:
    """Who sends it is asked only where that makes a difference."""
    if 0 < _announced(headers) <= STRANGERS_BYTES:
        return STRANGERS_BYTES
    if scope["path"].startswith(scim.PREFIX) and await in_database(tokens.client_of)(_bearer(headers)):
        return int(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
    person = await in_database(_person)(headers)
    if person is None:
        return STRANGERS_BYTES
    if scope["method"] == "POST":
        if (upload := _UPLOAD.fullmatch(scope["path"])) and await in_database(_may_upload)(person, upload[1]):
            return int(settings.RETRIEVAL.limits.file_bytes) + FORM_OVERHEAD
        if (attached := _ATTACHMENT.fullmatch(scope["path"])) and await in_database(_may_attach)(person, attached[2]):
            return int(settings.ATTACHMENT_BYTES) + FORM_OVERHEAD
        if scope["path"] == _QUESTIONS and await in_database(access.administers_any)(person):
            return formats.MOST_BYTES + FORM_OVERHEAD
    return int(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)


def _whose(headers: dict[bytes, bytes]) -> str:
    """Empty: a stranger's."""
    if not _claims_to_be_known(headers):
        return ""
    if (person := _person(headers)) is not None:
        return str(person.pk)
    client = tokens.client_of(_bearer(headers))
    return f"program {client.pk}" if client is not None else ""


def _claims_to_be_known(headers: dict[bytes, bytes]) -> bool:
    return b"cookie" in headers or b"authorization" in headers


def _person(headers: dict[bytes, bytes]) -> User | None:
    if (key := _bearer(headers)) and (person := person_of_key(key)):
        return person
    return access.person_of_session(_session_key(headers))


def _bearer(headers: dict[bytes, bytes]) -> str:
    """Empty: there is no key."""
    scheme, _, key = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    return key if scheme.lower() == "bearer" else ""


def _may_upload(person: User, collection: str) -> bool:
    try:
        access.get_collection_to_curate(person, collection)
    except NotFound:
        return False
    return True


def _may_attach(person: User, conversation: str | None) -> bool:
    """To a new conversation, or to one of theirs; with a key to none."""
    if person.grant is not None or not settings.ATTACHMENTS_PER_CHAT:
        return False
    try:
        return conversation is None or access.get_conversation(person, conversation) is not None
    except NotFound:
        return False


def has_body(headers: dict[bytes, bytes]) -> bool:
    return headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers


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


def _size(count: int) -> str:
    return f"{count / 1e6:.0f} MB" if count >= 1_000_000 else f"{count / 1e3:.0f} kB"
