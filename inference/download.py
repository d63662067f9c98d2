"""Fetches one large file: it resumes, follows redirects no further than is safe, and knows the hub's ways."""

from __future__ import annotations

import errno
import fcntl
import ipaddress
import re
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urljoin, urlsplit

import httpx
import structlog

from inference import amounts
from inference.errors import InferenceError

log = structlog.get_logger(__name__)

Progress = Callable[[int, int], None]  # bytes so far, bytes in all (0: unknown)
ATTEMPTS = 5  # in a row without a step forward
FIRST_WAIT_S = 0.5
_MOST_WAIT_S = 8.0
_STEP_FORWARD = 1_000_000
_REDIRECTS = 8
SPARE_BYTES = 500_000_000  # the database and the index want to write as well
_TIMEOUT = httpx.Timeout(30.0, connect=10.0)


class PullFailed(InferenceError):
    code, http_status, retryable = "pull_failed", 502, True
    user_message = "The download broke off."
    advice = "Pull it again: it goes on where it stopped."


class PullUnreachable(PullFailed):
    advice = "Check the address and the network, then pull it again."


class PullRefused(InferenceError):
    """Trying again does not help."""

    code, http_status = "pull_refused", 502
    user_message = "The server does not give this file."
    advice = "Check the address."


class NoSpace(InferenceError):
    code, http_status = "no_space", 507
    user_message = "The disk is full."
    advice = "Free some space, or set INFERENCE_MODELS_DIR to a larger disk, and try again."


class _Again(Exception):
    """The server is busy, or what is here already is of no use."""


@dataclass(frozen=True, slots=True)
class Address:
    url: str
    token: str = ""  # for the host of `url` alone


def download(address: Address, partial: Path, progress: Progress) -> str:
    """Appends to `partial`. -> the SHA-256 that the server names for the file, if it does."""
    failures, wait = 0, FIRST_WAIT_S
    with _locked(partial) as stream:
        while True:
            before = partial.stat().st_size
            try:
                return _once(address, stream, progress)
            except (httpx.TransportError, _Again) as error:
                log.info("pull.broken", error=str(error), bytes=partial.stat().st_size)
                if partial.stat().st_size - before >= _STEP_FORWARD:
                    failures, wait = 0, FIRST_WAIT_S
                failures += 1
                if failures >= ATTEMPTS:
                    raise _given_up(error) from error
                time.sleep(wait)
                wait = min(wait * 2, _MOST_WAIT_S)
            except OSError as error:
                if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                    raise
                raise NoSpace(detail=str(error)) from error


def _given_up(error: Exception) -> PullFailed:
    if not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return PullFailed(detail=str(error))
    why = "it refuses connections" if _refused(error) else "no connection was made"
    return PullUnreachable(f"{error.request.url.host} cannot be reached: {why}.", detail=str(error))


def _refused(error: BaseException) -> bool:
    below = error.__cause__ or error.__context__
    return isinstance(error, ConnectionRefusedError) or (below is not None and _refused(below))


@contextmanager
def _locked(partial: Path) -> Iterator[BinaryIO]:
    """Two commands that append to one file would spoil it."""
    with partial.open("ab") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise PullFailed("Another command is downloading this file.", advice="Wait for it to end.") from error
        yield stream


def _once(address: Address, stream: BinaryIO, progress: Progress) -> str:
    have = stream.seek(0, 2)
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with (
        httpx.Client(follow_redirects=False, timeout=_TIMEOUT) as client,
        _opened(client, address, headers) as (response, named),
    ):
        if response.status_code == 416:
            _check_whole(response, stream, have)
            return named
        _check_status(response)
        have = _start(response, stream, have)
        length = response.headers.get("Content-Length", "")
        total = have + int(length) if length.isdigit() else 0
        _check_space(Path(stream.name), total - have)
        for block in response.iter_raw():  # as it arrives: a block held back is lost when the line breaks
            stream.write(block)
            stream.flush()
            have += len(block)
            progress(have, total)
    return named


@contextmanager
def _opened(client: httpx.Client, address: Address, headers: dict[str, str]) -> Iterator[tuple[httpx.Response, str]]:
    """Follows redirects. -> the last answer, and the SHA-256 that one of the answers names."""
    inside = not _is_public(address.url)
    url, named = address.url, ""
    for _ in range(_REDIRECTS):
        bearer = (
            {"Authorization": f"Bearer {address.token}"}
            if address.token and _origin(url) == _origin(address.url)
            else {}
        )
        with client.stream("GET", url, headers=headers | bearer) as response:
            named = named or _named_hash(response)
            if response.status_code not in (301, 302, 303, 307, 308):
                yield response, named
                return
            further = urljoin(url, response.headers.get("Location", ""))
            _check_redirect(url, further, inside=inside)
            url = further
    raise PullRefused("The server sends from one address to the next without end.")


def _check_redirect(url: str, further: str, *, inside: bool) -> None:
    """A server outside must not make this machine ask addresses that only this machine can reach."""
    scheme = urlsplit(further).scheme
    if scheme not in ("http", "https") or (urlsplit(url).scheme == "https" and scheme != "https"):
        raise PullRefused("The server sends to an address that is not safe.", detail=further[:300])
    if not inside and not _is_public(further):
        raise PullRefused("The server sends to an address inside this network.", detail=further[:300])


def _is_public(url: str) -> bool:
    """A name that does not resolve counts as public: behind a proxy names need not resolve here."""
    try:
        host, port = urlsplit(url).hostname or "", urlsplit(url).port
        found = socket.getaddrinfo(host, port or 443, type=socket.SOCK_STREAM)
    except ValueError:
        return False
    except OSError:
        return True
    addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    plain = [getattr(address, "ipv4_mapped", None) or address for address in addresses]
    return all(address.is_global and not address.is_multicast for address in plain)


def _origin(url: str) -> tuple[str, str]:
    return urlsplit(url).scheme, urlsplit(url).netloc


def _named_hash(response: httpx.Response) -> str:
    tag = response.headers.get("X-Linked-Etag", "").strip('"')
    return tag.lower() if re.fullmatch(r"[0-9a-fA-F]{64}", tag) else ""


def _check_whole(response: httpx.Response, stream: BinaryIO, have: int) -> None:
    """The range begins behind the end: all of it is here, or another file."""
    if response.headers.get("Content-Range", "").rpartition("/")[2] not in (str(have), "", "*"):
        stream.truncate(0)
        raise _Again("what was here is not a part of this file")


def _start(response: httpx.Response, stream: BinaryIO, have: int) -> int:
    """-> how much of the file is here. A server that does not know ranges sends all of it again."""
    if response.status_code == 200:
        stream.truncate(0)
        return 0
    if not response.headers.get("Content-Range", f"bytes {have}-").startswith(f"bytes {have}-"):
        stream.truncate(0)
        raise _Again("the server sent another range")
    return have


def _check_status(response: httpx.Response) -> None:
    status, why = response.status_code, response.headers.get("X-Error-Code", "")
    if status in (200, 206):
        return
    if status in (408, 425, 429) or status >= 500:
        raise _Again(f"status {status}")
    if status == 403 or why == "GatedRepo":
        raise PullRefused(
            "The server gives this model only to accounts that accepted its terms.",
            advice="Accept them on the model's page, and set INFERENCE_HUB_TOKEN to a token of that account.",
        )
    if status == 401:
        raise PullRefused(
            "There is no such repository, or it wants a sign-in.",
            advice="Check the name; for a private model set INFERENCE_HUB_TOKEN.",
        )
    if status in (404, 410):
        raise PullRefused("The server has no such file.", advice="Check the repository, the file and the revision.")
    raise PullRefused(f"The server answered with status {status}.")


def _check_space(partial: Path, needed: int) -> None:
    free = shutil.disk_usage(partial.parent).free
    if needed > free - SPARE_BYTES:
        raise NoSpace(f"The model needs {amounts.size(needed)} more and the disk has {amounts.size(free)} left.")
