"""What a refusal tells programs, and the log."""

from __future__ import annotations

import pytest
from django.http import HttpResponse
from django.test import RequestFactory
from structlog.testing import capture_logs

from chatapp.errors import ErrorMiddleware, TooOften, TypedError
from chatapp.openai.errors import error_response
from inference.errors import EngineBusy, EngineUnavailable, QuestionRefused

ADDRESS = "/api/conversations"


def _answer(error: TypedError) -> HttpResponse:
    request = RequestFactory().get(ADDRESS)
    answer = ErrorMiddleware(lambda _: HttpResponse()).process_exception(request, error)
    assert answer is not None
    return answer


@pytest.mark.parametrize(
    ("error", "wait"),
    [
        (EngineBusy(retry_after_s=0.2), "1"),
        (EngineBusy(retry_after_s=2.4), "3"),
        (EngineBusy(retry_after_s=0.0), "2"),
        (EngineUnavailable(), "2"),
        (TooOften(retry_after_s=10), "10"),
        (QuestionRefused(), None),
    ],
)
def test_every_door_says_alike_when_to_try_again_and_never_at_once(error: TypedError, wait: str | None) -> None:
    assert _answer(error).headers.get("Retry-After") == wait
    assert error_response(error).headers.get("Retry-After") == wait


def test_what_an_engine_said_of_a_question_stays_out_of_the_log() -> None:
    error = QuestionRefused(detail="status 400: I will not say when Alice is ill", reason="status 400")
    with capture_logs() as logs:
        _answer(error)
    assert [entry["reason"] for entry in logs] == ["status 400"] and "Alice" not in str(logs)
