"""What OpenAI's and Azure's chat completions have of their own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from structlog.testing import capture_logs

from inference.config import InferenceConfig
from inference.engine import ChatMessage, Finish, TextPiece, Usage
from inference.engines.local import LocalEngine
from inference.errors import EngineBusy, EngineUnavailable, QuestionRefused
from inference.models.addresses import check_address
from inference.prompts import SYSTEM
from tests.inference.engines.asking import ASKED, WHOLE, Made, pieces_of, text_of
from tests.provider_double import ChatCompletions, Provider, Reply, line

STOP = line({"choices": [{"delta": {}, "finish_reason": "stop"}]})


def _usage(**counts: Any) -> Reply:
    return Reply(parts=(ChatCompletions.word("Nine."), STOP, line({"choices": [], "usage": counts})))


@pytest.mark.parametrize(
    ("counts", "usage"),
    [
        ({"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 8}}, Usage(9, 2, 8)),
        ({"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": None}, Usage(9, 2)),
        ({"prompt_tokens": "many", "completion_tokens": -3, "prompt_tokens_details": [1]}, Usage(0, 0)),
        (
            {"prompt_tokens": 1e400, "completion_tokens": 10**30, "prompt_tokens_details": {"cached_tokens": {}}},
            Usage(0, 0),
        ),
        ({"total_tokens": 11}, None),
        ({"prompt_tokens": 9, "total_tokens": 11}, None),
        ({"prompt_tokens": 9, "completion_tokens": None}, None),
    ],
)
async def test_usage_counts_what_was_cached_and_only_what_makes_sense(
    counts: dict[str, Any], usage: Usage | None, made: Made, double: Provider
) -> None:
    double.script = [_usage(**counts)]
    assert (await pieces_of(made("openai")))[-1] == Finish("stop", usage)


async def test_a_model_that_thinks_is_given_its_own_limit_of_tokens(made: Made, double: Provider) -> None:
    said = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    double.script = [Reply(400, {"error": {"message": said, "param": "max_tokens"}}), "answer"]
    engine = made("openai")
    with capture_logs() as logs:
        for _ in range(2):
            assert await text_of(engine) == WHOLE
    told = {"event": "endpoint.field_not_taken", "log_level": "info", "status": 400, "field": "max_tokens"}
    assert logs == [told | {"engine": engine.name}]  # no word of what was said, which may repeat the question
    assert [sorted(key for key in call if key.startswith("max")) for call in double.calls] == [
        ["max_tokens"],
        ["max_completion_tokens"],
        ["max_completion_tokens"],
    ]


async def test_a_limit_that_is_too_large_is_no_field_that_is_not_taken(made: Made, double: Provider) -> None:
    said = {"message": "max_tokens is too large: 700. This model supports at most 64.", "param": "max_tokens"}
    double.script = [Reply(400, {"error": said})]
    with pytest.raises(QuestionRefused):
        await pieces_of(made("openai"))
    assert len(double.calls) == 1


async def test_thinking_is_not_silence(made: Made, double: Provider) -> None:
    thought = line({"choices": [{"delta": {"reasoning_content": "hm"}, "finish_reason": None}]})
    double.script = [Reply(parts=(*[thought, 0.2] * 4, ChatCompletions.word("Nine."), STOP))]
    assert await text_of(made("openai")) == "Nine."


@pytest.mark.parametrize("base", ["", "/openai", "/openai/v1"])
async def test_azure_is_asked_at_its_newer_address_with_its_own_key(base: str, made: Made, double: Provider) -> None:
    engine = made("azure", base=double.url.removesuffix("/v1") + base, model="our-gpt")
    assert await text_of(engine) == WHOLE and await engine.health() == ""
    call, health = double.asked[0], double.health_asked[0]
    assert call.url.path.endswith("/openai/v1/chat/completions") and not call.url.query
    assert call.headers["api-key"] == "secret" and "authorization" not in call.headers
    assert double.calls[0]["model"] == "our-gpt" and health.url.path.endswith("/openai/v1/models")


@pytest.mark.parametrize("base", ["", "/openai", "/openai/deployments/our gpt"])
async def test_azure_is_asked_at_its_older_address_where_a_version_is_named(
    base: str, made: Made, double: Provider
) -> None:
    engine = made("azure", base=double.url.removesuffix("/v1") + base, model="our gpt", version="2024-10-21")
    assert await text_of(engine) == WHOLE and await engine.health() == ""
    call, health = double.asked[0], double.health_asked[0]
    assert call.url.path.endswith("/openai/deployments/our gpt/chat/completions")
    assert call.url.query == health.url.query == "api-version=2024-10-21"
    assert call.headers["api-key"] == health.headers["api-key"] == "secret"


FILTERED = {"hate": {"filtered": False, "severity": "safe"}, "violence": {"filtered": True, "severity": "high"}}


@pytest.mark.parametrize(
    "ending",
    [
        {"choices": [{"delta": {}, "finish_reason": "content_filter"}]},
        {"choices": [{"finish_reason": None, "content_filter_results": FILTERED}]},
        {"choices": [{"delta": {"refusal": "I cannot help with that."}}]},
        {"error": {"code": "content_filter", "message": "The response was filtered."}},
    ],
)
async def test_the_content_filter_refuses_this_question_in_the_middle_too(
    ending: dict[str, Any], made: Made, double: Provider
) -> None:
    prompt = line({"choices": [], "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": {}}]})
    double.script = [Reply(parts=(prompt, ChatCompletions.word("Nine "), line(ending), STOP))]
    shown = ""
    with pytest.raises(QuestionRefused):
        async for piece in made("azure").stream(ASKED):
            shown += piece.text if isinstance(piece, TextPiece) else ""
    assert shown == "Nine "


async def test_the_content_filter_refuses_a_prompt(made: Made, double: Provider) -> None:
    inner = {"code": "ResponsibleAIPolicyViolation", "content_filter_result": FILTERED}
    said = {"message": "The prompt triggered the content management policy.", "status": 400, "innererror": inner}
    double.script = [Reply(400, {"error": said})]
    with pytest.raises(QuestionRefused) as refused:
        await pieces_of(made("azure"))
    assert "content filter" in refused.value.user_message


async def test_a_rate_limit_in_the_middle_is_an_engine_that_is_busy(made: Made, double: Provider) -> None:
    double.script = [Reply(parts=(ChatCompletions.word("Nine "), line({"error": {"code": 429, "message": "x"}})))]
    with pytest.raises(EngineBusy):
        await pieces_of(made("azure"))


async def test_written_text_is_gone_on_with_by_asking_for_it(made: Made, double: Provider) -> None:
    await pieces_of(made("openai"), replace(ASKED, written="Nine ", stop=("END",), seed=4))
    messages: Any = double.calls[0]["messages"]
    assert [message["role"] for message in messages] == ["system", "user", "assistant", "user"]
    assert messages[2]["content"] == "Nine " and "Go on" in messages[3]["content"]
    assert (double.calls[0]["stop"], double.calls[0]["seed"]) == (["END"], 4)


async def test_who_said_what_stays_as_it_was(made: Made, double: Provider) -> None:
    await pieces_of(made("openai"), replace(ASKED, messages=(ChatMessage("user", "a"), ChatMessage("assistant", "b"))))
    assert double.calls[0]["messages"] == [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-1", "1" + "0" * 400])
async def test_progress_that_json_does_not_know_is_no_answer(made: Made, double: Provider, number: str) -> None:
    double.script = [Reply(parts=(b'data: {"footnote_progress": {"prompt_tokens": %s}}\n\n' % number.encode(), STOP))]
    with pytest.raises(EngineUnavailable):
        await pieces_of(made("openai"))


async def test_an_answer_without_end_is_cut_off(made: Made, double: Provider) -> None:
    double.script = [Reply(parts=(*[ChatCompletions.word("endless " * 1000)] * 50, STOP))]
    *_, last = pieces = await pieces_of(made("openai"), replace(ASKED, max_tokens=100))
    assert sum(len(piece.text) for piece in pieces if isinstance(piece, TextPiece)) == 3200
    assert last == Finish("length")


@pytest.mark.parametrize(("system", "public"), [(SYSTEM, 1), (f"{SYSTEM}\n\nThe program adds: the code is 18.", 0)])
async def test_what_a_program_adds_to_our_instructions_is_shared_with_nobody(
    double: Provider, system: str, public: int, tmp_path: Path
) -> None:
    asked = replace(ASKED, messages=(ChatMessage("system", system), ASKED.messages[-1]))
    local = LocalEngine(InferenceConfig((), "token", tmp_path), double.url.removesuffix("/v1"))
    await pieces_of(local, asked)
    assert double.calls[0]["footnote_public_messages"] == public


@pytest.mark.parametrize("host", ["api..example", "x" * 64 + ".example", ".".join(["x" * 60] * 5)])
async def test_a_host_that_is_no_name_is_refused_and_would_only_be_out_of_reach(
    made: Made, double: Provider, host: str
) -> None:
    with pytest.raises(ValidationError):
        check_address(f"https://{host}/v1")
    double.url = f"http://{host}/v1"
    engine = made("openai")
    assert await engine.health() == "It cannot be reached."
    with pytest.raises(EngineUnavailable):
        await pieces_of(engine)
