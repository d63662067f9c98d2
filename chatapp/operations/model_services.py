"""What the model services of the house say of themselves when they are asked directly."""

from __future__ import annotations

from dataclasses import dataclass

import httpx
import structlog
from django.conf import settings
from prometheus_client.parser import text_string_to_metric_families

log = structlog.get_logger(__name__)

_WAIT_S = 1.5
_MOST = 8  # services that are asked
_WAITING = "footnote_model_waiting"


@dataclass(frozen=True, slots=True)
class Service:
    address: str
    problem: str  # '': it is there


def services() -> list[Service]:
    """Each that the settings name."""
    return [Service(url, _problem(url)) for url in settings.INFERENCE.model_service_urls[:_MOST]]


def waiting() -> int | None:
    """Questions that wait for a place, in all services that answer; None: none does."""
    found = [_waiting(url) for url in settings.INFERENCE.model_service_urls[:_MOST]]
    known = [one for one in found if one is not None]
    return sum(known) if known else None


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
