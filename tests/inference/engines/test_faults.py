"""Every kind of engine against an endpoint that misbehaves: a typed error in time, and no full memory."""

from __future__ import annotations

import asyncio
import time
import tracemalloc
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest

from inference.engine import Finish, TextPiece, Usage
from inference.engines.refusals import TakenFields
from inference.errors import ContextTooLong, EngineBusy, EngineUnavailable, InferenceError, QuestionRefused
from tests.inference.engines.asking import ASKED, WHOLE, Made, pieces_of, text_of
from tests.provider_double import ChatCompletions, Messages, Provider, Reply, line

KINDS = ("openai", "azure", "anthropic")


@pytest.mark.parametrize("kind", KINDS)
async def test_each_kind_answers_with_its_usage_and_tells_nobody_who_asks(
    kind: str, made: Made, double: Provider
) -> None:
    pieces = await pieces_of(made(kind))
    assert "".join(piece.text for piece in pieces if isinstance(piece, TextPiece)) == WHOLE
    assert pieces[-1] == Finish("stop", Usage(7, 5, 3 if kind == "anthropic" else 0))
    assert "alice" not in str(double.calls) and double.asked[0].headers["x-request-id"] == "turn-7"


@pytest.mark.parametrize("kind", KINDS)
async def test_health_costs_one_small_question(kind: str, made: Made, double: Provider) -> None:
    assert await made(kind).health() == "" and len(double.health_asked) == 1 and not double.calls
    double.list_status = 401
    assert "401" in await made(kind).health()
    double.list_status = 529
    assert await made(kind).health() == ""
    assert await made(kind, base="http://127.0.0.1:9").health() == "It cannot be reached."


LONG_LINE = Reply(parts=(b"data: ", *[b"x" * 500_000] * 20))
ENDLESS = Reply(parts=(*[(b": " + b"x" * 499_990 + b"\n") * 2] * 80,))
NO_ANSWERS = {
    "garbage": "garbage",
    "one long line": LONG_LINE,
    "comments without end": ENDLESS,
    "numbers": Reply(parts=(b"data: 17\n\n",)),
    "nothing": Reply(parts=(b"\n",)),
    "a deep nest": Reply(parts=(b"data: " + b"[" * 100_000 + b"\n\n",)),
    "text that is none": Reply(parts=(ChatCompletions.word(7), Messages.word(7))),  # type: ignore[arg-type]
    "wrong forms": Reply(parts=(line({"choices": 3, "type": "message_delta", "delta": []}),)),
    "cut": "cut",
    "stall": "stall",
    "silence": "silence",
    "a redirect": Reply(307, {}, {"Location": "/elsewhere"}),
    "500": "500",
    "401": "401",
    "403": "403",
    "404": "404",
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("trouble", NO_ANSWERS)
async def test_what_is_not_an_answer_is_an_engine_that_is_not_available(
    kind: str, trouble: str, made: Made, double: Provider
) -> None:
    double.script = [NO_ANSWERS[trouble]]
    begun = time.monotonic()
    with pytest.raises(EngineUnavailable) as failed:
        await pieces_of(made(kind))
    assert time.monotonic() - begun < 4 and failed.value.retryable == (
        trouble not in ("401", "403", "404", "a redirect")
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("status", "error"), [(200, EngineUnavailable), (400, QuestionRefused)])
async def test_a_body_without_end_does_not_fill_the_memory(
    kind: str, status: int, error: type[InferenceError], made: Made, double: Provider
) -> None:
    """The double runs in this process, but its 30 MB are there before memory is counted."""
    engine = made(kind)
    double.script = ["answer", Reply(status, parts=(b"data: ", *[b"x" * 1_000_000] * 30))]
    await pieces_of(engine)
    tracemalloc.start()
    with pytest.raises(error):
        await pieces_of(engine)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 8_000_000


@pytest.mark.parametrize("kind", KINDS)
async def test_a_slow_stream_that_goes_on_is_read_to_its_end(kind: str, made: Made, double: Provider) -> None:
    double.script = ["slow"]
    assert await text_of(made(kind, first_token_timeout_s=0.2, between_tokens_timeout_s=0.2)) == WHOLE


@pytest.mark.parametrize("kind", KINDS)
async def test_an_answer_cut_into_single_bytes_is_the_same_answer(kind: str, made: Made, double: Provider) -> None:
    words: Any = Messages if kind == "anthropic" else ChatCompletions
    whole = words.begin + words.word("Größe\0 €\ud800") + b"".join(map(line, words.end)) + words.last
    whole = whole.replace(b"\n", b"\r\n")
    double.script = [Reply(parts=[whole[i : i + 1] for i in range(len(whole))])]
    assert await text_of(made(kind, first_token_timeout_s=5.0)) == "Größe €?"


@pytest.mark.parametrize("kind", KINDS)
async def test_the_time_for_the_whole_answer_ends_a_stream_of_signs_of_life(
    kind: str, made: Made, double: Provider
) -> None:
    thought = {"type": "content_block_delta", "delta": {"type": "thinking_delta"}}
    sign = line({**thought, "choices": [{"delta": {"reasoning_content": "hm"}}]})
    double.script = [Reply(parts=(Messages.begin if kind == "anthropic" else b"", *[sign, 0.1] * 50))]
    begun = time.monotonic()
    with pytest.raises(EngineUnavailable, match="timeout"):
        await pieces_of(made(kind, answer_timeout_s=1.0))
    assert 0.9 < time.monotonic() - begun < 2.5


@pytest.mark.parametrize("kind", KINDS)
async def test_pings_are_no_signs_of_life(kind: str, made: Made, double: Provider) -> None:
    double.script = [Reply(parts=[b'event: ping\ndata: {"type": "ping"}\n\n: ping\n\n', 0.1] * 30)]
    begun = time.monotonic()
    with pytest.raises(EngineUnavailable, match="timeout"):
        await pieces_of(made(kind))
    assert time.monotonic() - begun < 1.5


@pytest.mark.parametrize("kind", KINDS)
async def test_closing_the_stream_closes_the_connection(kind: str, made: Made, double: Provider) -> None:
    double.script = ["slow"]
    async with aclosing(made(kind).stream(ASKED)) as pieces:  # type: ignore[type-var]
        async for piece in pieces:
            if isinstance(piece, TextPiece):
                break
    assert await double.nobody_reads()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("reply", "kind_of_error", "retryable"),
    [
        (Reply(429, {"error": {"message": "slow down"}}), EngineBusy, True),
        (Reply(529, {"type": "error", "error": {"type": "overloaded_error"}}), EngineBusy, True),
        (Reply(400, {"error": {"code": "context_length_exceeded"}}), ContextTooLong, False),
        (Reply(400, {"error": {"message": "prompt is too long: 9 tokens > 8 maximum"}}), ContextTooLong, False),
        (Reply(413, {"type": "error", "error": {"type": "request_too_large"}}), ContextTooLong, False),
        (Reply(400, {"error": {"code": "content_filter"}}), QuestionRefused, False),
        (Reply(400, {"error": {"message": "no"}}), QuestionRefused, False),
        (Reply(422, {"detail": [{"loc": ["messages"]}]}), QuestionRefused, False),
        (Reply(429, {"error": {"code": "insufficient_quota"}}), EngineUnavailable, False),
        (Reply(400, {"error": {"message": "Your credit balance is too low."}}), EngineUnavailable, False),
        (Reply(402, {"error": 5}), EngineUnavailable, False),
        (Reply(503, ["busy"]), EngineBusy, True),
        (Reply(502, parts=(b"<html>",)), EngineUnavailable, True),
        (Reply(500, parts=(b"\xff", 30.0)), EngineUnavailable, True),
    ],
    ids=lambda value: str(value.status) if isinstance(value, Reply) else "",
)
async def test_each_refusal_says_what_it_means_to_the_question(
    kind: str,
    reply: Reply,
    kind_of_error: type[InferenceError],
    retryable: bool,
    made: Made,
    double: Provider,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("inference.engines.provider._REFUSAL_S", 0.2)
    double.script = [reply]
    with pytest.raises(kind_of_error) as failed:
        await pieces_of(made(kind))
    assert type(failed.value) is kind_of_error and failed.value.retryable == retryable
    assert "secret" not in str(failed.value)


@pytest.mark.parametrize("kind", KINDS)
async def test_busy_in_the_middle_ends_the_answer_as_busy(kind: str, made: Made, double: Provider) -> None:
    double.script = ["busy"]
    with pytest.raises(EngineBusy):
        await pieces_of(made(kind, retries=3))
    assert len(double.calls) == 1, "text that was shown is not shown again"


@pytest.mark.parametrize("kind", KINDS)
async def test_a_passing_fault_is_tried_again_as_often_as_is_set(kind: str, made: Made, double: Provider) -> None:
    double.script = ["500", "garbage", "answer"]
    assert await text_of(made(kind, retries=2)) == WHOLE and len(double.calls) == 3


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "refusal",
    [
        {"message": "Unsupported value: 'temperature' does not support 0.2 with this model.", "param": "temperature"},
        {"type": "invalid_request_error", "message": "`temperature` is deprecated for this model."},
    ],
)
async def test_a_field_that_a_model_does_not_take_is_left_out_from_then_on(
    kind: str, refusal: dict[str, str], made: Made, double: Provider
) -> None:
    double.script = [Reply(400, {"error": refusal}), "answer"]
    engine = made(kind)
    assert await text_of(engine) == WHOLE and await text_of(engine) == WHOLE
    assert [("temperature" in call) for call in double.calls] == [True, False, False]


@pytest.mark.parametrize("kind", KINDS)
async def test_questions_that_are_out_at_once_are_all_sent_again_without_a_field_that_is_not_taken(
    kind: str, made: Made, double: Provider
) -> None:
    refusal = Reply(400, {"error": {"message": "`temperature` is deprecated for this model."}})
    double.script, double.together = [refusal] * 3 + ["answer"], asyncio.Barrier(3)
    engine = made(kind)
    assert await asyncio.gather(*(text_of(engine) for _ in range(3))) == [WHOLE] * 3
    assert ["temperature" in call for call in double.calls] == [True] * 3 + [False] * 3


@pytest.mark.parametrize("kind", KINDS)
async def test_an_endpoint_that_refuses_field_after_field_is_not_asked_without_end(
    kind: str, made: Made, double: Provider
) -> None:
    refusals = [f"Unsupported parameter: '{name}'" for name in ("temperature", "seed", "max_tokens", "temperature")]
    double.script = [Reply(400, {"error": {"message": message}}) for message in refusals]
    with pytest.raises(QuestionRefused):
        await pieces_of(made(kind), replace(ASKED, seed=7))
    assert len(double.calls) == (2 if kind == "anthropic" else 4)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_question_that_an_error_repeats_reconfigures_nothing(kind: str, made: Made, double: Provider) -> None:
    question = "leave unsupported temperature, max_tokens: credit balance, model_file_rejected"
    asked = replace(ASKED, messages=(*ASKED.messages[:-1], replace(ASKED.messages[-1], content=question)))
    double.script = [Reply(400, {"error": {"message": f"Invalid request: {question}"}}), "answer"]
    engine = made(kind)
    with pytest.raises(QuestionRefused):
        await pieces_of(engine, asked)
    assert await text_of(engine) == WHOLE
    assert all("temperature" in call for call in double.calls) and len(double.calls) == 2


def test_what_an_endpoint_does_not_take_is_tried_again_after_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    taken, refusal = TakenFields("seed"), '{"error": {"message": "Unsupported parameter", "param": "seed"}}'
    assert taken.learn(400, refusal, {"seed"}) and not taken.takes("seed")
    later = time.monotonic() + 3601
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert taken.takes("seed")
