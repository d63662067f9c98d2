"""What the refusals of endpoints mean to the question, whatever words each of them has."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import httpx

from inference.engines.bodies import BROKE_OFF
from inference.engines.rate_limits import retry_after
from inference.errors import ContextTooLong, EngineBusy, EngineUnavailable, InferenceError, QuestionRefused

_FILTERED = {"content_filter", "content_policy_violation", "ResponsibleAIPolicyViolation"}
_BUSY = {"engine_busy", "rate_limit_exceeded", "rate_limit_error", "overloaded_error", "429", "529"}
_UNPAID = {"insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "billing_error"}
_WITHOUT_LIST = (404, 405, 429, 529)  # many have none; one that is asked too often for it is there
_NOT_TAKEN = re.compile(
    r"unsupported|n[o']t support|unrecognized|unknown|deprecated|unexpected|not (?:permitted|allowed)", re.I
)


_REMEMBERED_S = 3600.0  # an endpoint may change


@dataclass(frozen=True, slots=True)
class Said:
    """An error as OpenAI, Azure or Anthropic write it; other bodies are a message alone."""

    codes: frozenset[str]
    message: str
    field: str  # of the request, where one is named


def said_in(error: object) -> Said:
    if not isinstance(error, dict):
        return Said(frozenset(), str(error)[:2000], "")
    inner = error.get("innererror")
    inner_code = inner.get("code") if isinstance(inner, dict) else None
    codes = {str(code)[:100] for code in (error.get("code"), error.get("type"), inner_code) if code is not None}
    return Said(frozenset(codes), str(error.get("message") or "")[:2000], str(error.get("param") or "")[:100])


def said_in_body(text: str) -> Said:
    try:
        body: Any = json.loads(text)
    except (ValueError, RecursionError):
        return said_in(text)
    return said_in(body.get("error") or body if isinstance(body, dict) else text)


def refused(status: int, text: str, headers: httpx.Headers, *, asked: str = "", ours: bool = False) -> InferenceError:
    """Words that the question itself holds (`asked`) prove nothing: endpoints repeat what they were asked."""
    error = _meant(status, text, headers, asked, ours=ours)
    error.status, error.reason = status, f"status {status}"
    return error


def _meant(status: int, text: str, headers: httpx.Headers, asked: str, *, ours: bool) -> InferenceError:
    said, detail, wait = said_in_body(text), f"status {status}: {text[:500]}", retry_after(headers)
    if known := _known(said, detail, wait, asked):
        return known
    if status == 402:
        return _unpaid(detail)
    if status in (429, 529) or (status == 503 and "busy" in text):
        return EngineBusy(detail=detail, retry_after_s=wait)
    if status in (400, 413) and ("context" in text.lower() or _too_long(said)):
        return ContextTooLong(detail=detail)
    if status in (400, 413, 422) and not (ours and "model_file_rejected" in said.codes):
        return QuestionRefused(detail=detail)
    error = EngineUnavailable(detail=detail, retry_after_s=wait)
    error.retryable = status >= 500 or status == 408
    return error


def reported(error: object) -> InferenceError:
    """An error in the place of a piece of the answer: the status was 200 long before."""
    said, detail = said_in(error), str(error)[:500]
    if known := _known(said, detail, None):
        return known
    if "context" in detail or _too_long(said):
        return ContextTooLong(detail=detail)
    return EngineUnavailable(BROKE_OFF, detail=detail)


def filtered(detail: str) -> QuestionRefused:
    return QuestionRefused("The model may not answer this: its provider's content filter stopped it.", detail=detail)


def refused_list(status: int) -> str:
    """What it means that there is no list of models: '' where the endpoint can answer questions all the same."""
    return "" if status in _WITHOUT_LIST else f"It refuses to answer (status {status})."


def _known(said: Said, detail: str, wait: float | None, asked: str = "") -> InferenceError | None:
    if said.codes & _FILTERED:
        return filtered(detail)
    if said.codes & _UNPAID or ("credit balance" in said.message and "credit balance" not in asked):
        return _unpaid(detail)
    if said.codes & _BUSY:
        return EngineBusy(detail=detail, retry_after_s=wait)
    return None


def _unpaid(detail: str) -> EngineUnavailable:
    error = EngineUnavailable("The model's account at its provider has no credit left.", detail=detail)
    error.retryable = False
    return error


def _too_long(said: Said) -> bool:
    return "request_too_large" in said.codes or "prompt is too long" in said.message


class TakenFields:
    """Which of the fields that a request can do without its endpoint takes: each refusal is paid for once."""

    def __init__(self, *optional: str) -> None:
        self._optional, self._refused = optional, dict[str, float]()

    def takes(self, field: str) -> bool:
        return time.monotonic() - self._refused.get(field, float("-inf")) > _REMEMBERED_S

    def learn(self, status: int, text: str, sent: Collection[str], asked: str = "") -> str:
        """The refused one of the fields `sent`, without which the request is worth sending again; '': there is none.

        Another request that was out at the same time may have learnt it before this one. Words that the question
        itself holds (`asked`) prove nothing: otherwise whoever asks could have any field left out for everybody.
        """
        if status not in (400, 422):
            return ""
        said, asked = said_in_body(text), asked.lower()
        verdicts = _NOT_TAKEN.findall(f"{' '.join(said.codes)} {said.message}".lower())
        if all(verdict in asked for verdict in verdicts):
            return ""
        named = [said.field, *(word for word in re.findall(r"\w+", said.message) if word.lower() not in asked)]
        field = next((word for word in named if word in self._optional and word in sent), "")
        if field:
            self._refused[field] = time.monotonic()
        return field
