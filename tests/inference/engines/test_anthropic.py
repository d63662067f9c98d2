"""What Anthropic's Messages API has of its own."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from inference.engine import ChatMessage, Finish, Generation, TextPiece, Usage
from inference.errors import EngineBusy, EngineUnavailable, QuestionRefused
from tests.inference.engines.asking import ASKED, WHOLE, Made, pieces_of, text_of
from tests.provider_double import Messages, Provider, Reply, line

END = (
    line({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}}),
    Messages.last,
)
NO_PREFILL = {
    "type": "error",
    "error": {
        "type": "invalid_request_error",
        "message": "This model does not support assistant message prefill. "
        "The conversation must end with a user message.",
    },
}


def _says(*words: str) -> Reply:
    return Reply(parts=(Messages.begin, *map(Messages.word, words), *END))


@pytest.mark.parametrize("base", ["", "/v1", "/v1/"])
async def test_the_request_has_the_form_of_the_messages_api(base: str, made: Made, double: Provider) -> None:
    said = (ChatMessage("system", "Be brief."), ChatMessage("user", "How many?"), ChatMessage("system", "Be kind."))
    asked = Generation("turn", "How many?", said, max_tokens=50, temperature=1.7, stop=("END", "\n\n"), seed=3)
    engine = made("anthropic", base=double.url.removesuffix("/v1") + base, model="claude")
    assert await text_of(engine, asked) == WHOLE
    assert double.calls[0] == {
        "model": "claude",
        "system": "Be brief.\n\nBe kind.",
        "messages": [{"role": "user", "content": "How many?"}],
        "max_tokens": 50,
        "stop_sequences": ["END"],
        "temperature": 1.0,
        "stream": True,
    }
    headers = double.asked[0].headers
    assert headers["x-api-key"] == "secret" and headers["anthropic-version"] == "2023-06-01"
    assert "authorization" not in headers and double.asked[0].url.path.endswith("/v1/messages")
    assert await engine.health() == "" and double.health_asked[0].url.query == "limit=1"


@pytest.mark.parametrize(
    ("said", "sent"),
    [
        ([("assistant", "a"), ("user", "b")], ["(What was said before is left out.)", "a", "b"]),
        ([("user", "a"), ("assistant", " \n"), ("user", "b")], ["a", "b"]),
    ],
)
async def test_messages_that_the_api_refuses_are_not_sent(
    said: list[tuple[Any, str]], sent: list[str], made: Made, double: Provider
) -> None:
    await pieces_of(made("anthropic"), replace(ASKED, messages=tuple(ChatMessage(*one) for one in said)))
    messages: Any = double.calls[0]["messages"]
    assert [message["content"] for message in messages] == sent and messages[0]["role"] == "user"


@pytest.mark.parametrize(
    ("written", "words", "whole"),
    [
        ("Nine ", (" days", " off."), "Nine days off."),
        ("Nine", (" days", " off."), "Nine days off."),
        ("Nine\n\n", ("\n", "\n", "days"), "Nine\n\ndays"),
        ("Nine\n\n", ("days",), "Nine\n\ndays"),
        ("Nine \n", (" \n\nDays",), "Nine \n\nDays"),
        ("Nine ", ("", " ", "days off."), "Nine days off."),
    ],
)
async def test_written_text_is_a_beginning_that_the_model_goes_on_from(
    written: str, words: tuple[str, ...], whole: str, made: Made, double: Provider
) -> None:
    double.script = [_says(*words)]
    assert written + await text_of(made("anthropic"), replace(ASKED, written=written)) == whole
    messages: Any = double.calls[0]["messages"]
    assert messages[-1] == {"role": "assistant", "content": written.rstrip()}


async def test_a_model_that_takes_no_beginning_is_asked_to_go_on_from_then_on(made: Made, double: Provider) -> None:
    double.script = [Reply(400, NO_PREFILL), _says("days off.")]
    engine = made("anthropic")
    for _ in range(2):
        assert await text_of(engine, replace(ASKED, written="Nine ")) == "days off."
    last: list[Any] = [call["messages"][-1] for call in double.calls]  # type: ignore[index]
    assert [one["role"] for one in last] == ["assistant", "user", "user"] and "Go on" in last[-1]["content"]


async def test_blank_text_is_no_beginning(made: Made, double: Provider) -> None:
    await pieces_of(made("anthropic"), replace(ASKED, written=" \n"))
    messages: Any = double.calls[0]["messages"]
    assert [message["role"] for message in messages] == ["user"]


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
    ],
)
async def test_the_reason_to_stop_is_told(reason: str, finish: Any, made: Made, double: Provider) -> None:
    ending = {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 9, "x": "y"}}
    double.script = [Reply(parts=(Messages.begin, Messages.word("Nine."), line(ending), Messages.last))]
    assert (await pieces_of(made("anthropic")))[-1] == Finish(finish, Usage(7, 9, 3))


async def test_what_was_read_from_the_cache_and_written_to_it_is_counted(made: Made, double: Provider) -> None:
    usage = {"input_tokens": 4, "cache_read_input_tokens": 30, "cache_creation_input_tokens": 200, "output_tokens": 1}
    start = line({"type": "message_start", "message": {"usage": usage}})
    double.script = [Reply(parts=(start, Messages.word("Nine."), *END))]
    assert (await pieces_of(made("anthropic")))[-1] == Finish("stop", Usage(234, 5, 30))


async def test_a_usage_without_one_of_its_counts_says_nothing(made: Made, double: Provider) -> None:
    start = line({"type": "message_start", "message": {"usage": {"output_tokens": 1}}})
    ending = line({"type": "message_delta", "delta": {"stop_reason": "end_turn"}})
    double.script = [Reply(parts=(start, Messages.word("Nine."), ending, Messages.last))]
    assert (await pieces_of(made("anthropic")))[-1] == Finish("stop", None)


async def test_a_refusal_leaves_the_question_to_the_next_engine(made: Made, double: Provider) -> None:
    ending = line({"type": "message_delta", "delta": {"stop_reason": "refusal"}, "usage": {"output_tokens": 9}})
    double.script = [Reply(parts=(Messages.begin, Messages.word("I"), ending, Messages.last))]
    shown = ""
    with pytest.raises(QuestionRefused):
        async for piece in made("anthropic", retries=2).stream(ASKED):
            shown += piece.text if isinstance(piece, TextPiece) else ""
    assert shown == "I" and len(double.calls) == 1


async def test_events_that_nobody_knows_yet_and_thoughts_are_passed_over(made: Made, double: Provider) -> None:
    unknown = (
        line({"type": "brand_new", "delta": 7}),
        line({"type": "content_block_start", "content_block": {"type": "thinking", "thinking": "hm"}}),
        line({"type": "content_block_delta", "delta": {"type": "thinking_delta", "thinking": "hm"}}),
        line({"type": "content_block_delta", "delta": {"type": "signature_delta", "signature": "x"}}),
    )
    double.script = [Reply(parts=(Messages.begin, *unknown, Messages.word("Nine."), *END))]
    assert await text_of(made("anthropic")) == "Nine."


@pytest.mark.parametrize(
    ("kind", "kind_of_error"),
    [
        ("overloaded_error", EngineBusy),
        ("rate_limit_error", EngineBusy),
        ("api_error", EngineUnavailable),
        ("authentication_error", EngineUnavailable),
    ],
)
async def test_an_error_event_before_the_first_token_is_tried_again(
    kind: str, kind_of_error: type[Exception], made: Made, double: Provider
) -> None:
    event = b"event: error\ndata: " + json.dumps({"type": "error", "error": {"type": kind}}).encode() + b"\n\n"
    double.script = [Reply(parts=(Messages.begin, event)), "answer"]
    assert await text_of(made("anthropic", retries=1)) == WHOLE
    double.script = [Reply(parts=(Messages.begin, event))]
    with pytest.raises(kind_of_error):
        await pieces_of(made("anthropic"))
