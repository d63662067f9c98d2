"""The originals of documents, whole or a range at a time: a large PDF is shown page by page."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import cast
from uuid import UUID

from asgiref.sync import sync_to_async
from django.db import close_old_connections
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils.http import content_disposition_header

from chatapp import access
from chatapp.accounts.keys import person_of_key
from chatapp.accounts.models import User
from chatapp.database import in_database
from chatapp.errors import NotFound
from retrieval import files
from retrieval.models import Document

PIECE = 256 * 1024
CHECK_S = 2.0  # how soon one who may no longer read it is given no more
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")  # one; who asks for several is given the whole


async def file(request: HttpRequest, pk: UUID) -> HttpResponse | StreamingHttpResponse:
    """As an attachment: a page made by somebody else never runs under our address."""
    if request.method not in ("GET", "HEAD"):
        return HttpResponse(status=405, headers={"Allow": "GET, HEAD"})
    user = cast(User, await request.auser())
    document = await sync_to_async(access.get_original)(user, pk)
    path = files.stored_file(document.sha256)
    if not await sync_to_async(path.is_file)():
        raise NotFound("The file of this document is gone.", advice="Ask an administrator to upload it again.")
    begin, end = _asked(request, document)
    if begin >= end and document.size:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{document.size}"})
    await sync_to_async(close_old_connections)()  # a slow line holds none of the pool's
    pieces = _pieces(path, begin, end, lambda: _may_still(request, pk))
    response = StreamingHttpResponse(pieces, content_type="application/octet-stream")
    if (begin, end) != (0, document.size):
        response.status_code = 206
        response["Content-Range"] = f"bytes {begin}-{end - 1}/{document.size}"
    response["Content-Length"] = str(end - begin)
    response["Accept-Ranges"] = "bytes"
    response["ETag"] = _tag(document)
    response["Content-Disposition"] = content_disposition_header(True, document.name) or "attachment"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _asked(request: HttpRequest, document: Document) -> tuple[int, int]:
    """-> the first byte and the one after the last (RFC 9110, 14.1.2); nothing lies between them where none is left."""
    size = document.size
    found = _RANGE.fullmatch(request.headers.get("Range", "").strip())
    another = request.headers.get("If-Range", _tag(document)) != _tag(document)
    if request.method != "GET" or found is None or another:
        return 0, size
    first, last = found.groups()
    if not first:
        return (max(size - int(last), 0) if last else 0), size
    if last and int(last) < int(first):
        return 0, size
    return int(first), min(int(last) + 1, size) if last else size


def _tag(document: Document) -> str:
    return f'"{document.sha256}"'


@in_database
def _may_still(request: HttpRequest, pk: UUID) -> bool:
    """Asked anew of the session or key: either may have ended meanwhile, and so may what its person reads."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    bears = scheme.lower() == "bearer"
    person = person_of_key(key.strip()) if bears else access.person_of_session(request.session.session_key)
    try:
        return person is not None and access.get_original(person, pk) is not None
    except NotFound:
        return False


async def _pieces(path: Path, begin: int, end: int, may_still: Callable[[], Awaitable[bool]]) -> AsyncIterator[bytes]:
    """Cut off where the document is taken away: a large file on a slow line takes minutes."""
    stream = await sync_to_async(lambda: path.open("rb"))()
    asked = time.monotonic()
    try:
        await sync_to_async(stream.seek)(begin)
        while begin < end and (piece := await sync_to_async(stream.read)(min(PIECE, end - begin))):
            if time.monotonic() - asked > CHECK_S:
                if not await may_still():
                    return
                asked = time.monotonic()
            begin += len(piece)
            yield piece
    finally:
        stream.close()
