"""What the model services of the house say of themselves when they are asked directly."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TypeVar

import httpx
import structlog
from django.conf import settings
from prometheus_client.parser import text_string_to_metric_families

log = structlog.get_logger(__name__)

_WAIT_S = 1.5  # for each step of an answer
_ALL_S = 2.0
_MOST = 8  # services that are asked
_WAITING = "footnote_model_waiting"
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Service:
    address: str
    problem: str  # '': it is there


def services() -> list[Service]:
    """Each that the settings name."""
    silent = f"It did not answer within {_ALL_S:.0f} s."
    return [Service(url, silent if found is None else found) for url, found in _of_each(_problem)]


def waiting() -> int | None:
    """Questions that wait for a place, in all services that answer; None: none does."""
    known = [one for _url, one in _of_each(_waiting) if one is not None]
    return sum(known) if known else None


def _of_each(ask: Callable[[str], _T]) -> list[tuple[str, _T | None]]:
    """Side by side, within one bound for all of them together; None: it had not answered by then."""
    urls = settings.INFERENCE.model_service_urls[:_MOST]
    threads = ThreadPoolExecutor(max_workers=_MOST, thread_name_prefix="model-services")
    try:
        asked = [threads.submit(ask, url) for url in urls]
        wait(asked, timeout=_ALL_S)
        return [(url, one.result() if one.done() else None) for url, one in zip(urls, asked, strict=True)]
    finally:
        threads.shutdown(wait=False, cancel_futures=True)  # what was begun ends by the bounds of its own


def _problem(url: str) -> str:
    try:
        status = _get(url, "/healthz").status_code
    except httpx.HTTPError:
        return "It cannot be reached."
    return "" if status == httpx.codes.OK else f"It answers with status {status}."


def _waiting(url: str) -> int | None:
    try:
        answer = _get(url, "/metrics")
        answer.raise_for_status()
        families = list(text_string_to_metric_families(answer.text))
    except (httpx.HTTPError, ValueError) as error:
        log.debug("model_service.not_asked", reason=type(error).__name__)
        return None
    return sum(int(one.value) for family in families if family.name == _WAITING for one in family.samples)


def _get(url: str, path: str) -> httpx.Response:
    socket = url.removeprefix("unix://") if url.startswith("unix://") else None
    base = "http://model" if socket else url.rstrip("/")
    headers = {"Authorization": f"Bearer {settings.INTERNAL_TOKEN}"}
    transport = httpx.HTTPTransport(uds=socket)
    with httpx.Client(transport=transport, timeout=_WAIT_S, headers=headers) as client:
        return client.get(f"{base}{path}")
