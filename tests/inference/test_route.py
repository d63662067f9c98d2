"""The route against a provider that misbehaves: another engine always ends the answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path

import numpy as np
import pytest

from inference.config import InferenceConfig
from inference.engine import ChatMessage, Finish, Generation, Piece, Progress, Source, TextPiece, Usage, Writer
from inference.engines.extractive import ExtractiveEngine
from inference.errors import EngineUnavailable
from inference.routing.built_in import build_router, in_order
from inference.routing.router import Router
from tests.provider_double import WORDS, Provider, Providers

SOURCES = (Source(1, "leave.md", "Everybody has 28 days of leave a year. The office closes at six.", score=0.9),)
ASKED = Generation("turn", "How many days of leave are there?", (ChatMessage("user", "How many?"),), SOURCES)
WHOLE = "".join(WORDS)


async def _embed(texts: Sequence[str]) -> np.ndarray:
    return np.ones((len(texts), 1), dtype=np.float32)


def _route(double: Provider, tmp_path: Path, answer_timeout_s: float = 300.0) -> Router:
    return build_router(
        InferenceConfig(
            (f"unix://{tmp_path}/nobody.sock",),
            "token",
            tmp_path,
            api_base_url=double.url,
            api_key="key",
            api_model="double",
            first_token_timeout_s=0.4,
            between_tokens_timeout_s=0.4,
            answer_timeout_s=answer_timeout_s,
            retries=2,
        ),
        _embed,
    )


async def _answer(route: Router, asked: Generation = ASKED) -> tuple[str, list[str], list[Piece]]:
    pieces = [piece async for piece in route.stream(asked)]
    text = "".join(piece.text for piece in pieces if isinstance(piece, TextPiece))
    return text, [piece.engine for piece in pieces if isinstance(piece, Writer)], pieces


async def test_an_endpoint_that_works_answers_with_its_usage(double: Provider, tmp_path: Path) -> None:
    text, writers, pieces = await _answer(_route(double, tmp_path))
    assert (text, writers) == (WHOLE, ["api: double"])
    assert pieces[-1] == Finish("stop", Usage(7, 5))


@pytest.mark.parametrize("trouble", ["429:0.1", "500"])
async def test_a_passing_refusal_is_tried_again(double: Provider, tmp_path: Path, trouble: str) -> None:
    double.script = [trouble, "answer"]
    text, writers, _ = await _answer(_route(double, tmp_path))
    assert (text, writers, len(double.calls)) == (WHOLE, ["api: double"], 2)


@pytest.mark.parametrize(("trouble", "calls"), [("429:3600", 1), ("500", 3), ("401", 1), ("garbage", 3)])
async def test_a_lasting_refusal_leaves_the_answer_to_the_quotes(
    double: Provider, tmp_path: Path, trouble: str, calls: int
) -> None:
    double.script = [trouble]
    text, writers, pieces = await _answer(_route(double, tmp_path))
    assert "28 days of leave" in text and text.rstrip().endswith("[1]")
    assert writers == ["api: double", "extractive"]
    assert len(double.calls) == calls
    assert [p.note for p in pieces if isinstance(p, Writer)][-1].startswith("double")


async def test_silence_ends_within_the_time_for_the_first_token(double: Provider, tmp_path: Path) -> None:
    double.script = ["silence"]
    begun = time.monotonic()
    text, writers, _ = await _answer(_route(double, tmp_path))
    assert writers[-1] == "extractive" and "28 days" in text
    assert time.monotonic() - begun < 4.5


@pytest.mark.parametrize("moves", ["reading:8", "queued:8"])
async def test_a_prompt_that_moves_on_may_take_longer_than_the_first_token(
    double: Provider, tmp_path: Path, moves: str
) -> None:
    double.script = [moves]
    text, writers, pieces = await _answer(_route(double, tmp_path))
    assert (text, writers, len(double.calls)) == (WHOLE, ["api: double"], 1)
    assert sum(isinstance(piece, Progress) for piece in pieces) == 8


@pytest.mark.parametrize("trouble", ["standing:8", "nonsense:8"])
async def test_progress_that_stands_still_or_is_none_does_not_hold_the_answer_up(
    double: Provider, tmp_path: Path, trouble: str
) -> None:
    double.script = [trouble]
    _, writers, _ = await _answer(_route(double, tmp_path, answer_timeout_s=1.0))
    assert writers == ["api: double", "extractive"]


async def test_progress_without_end_ends_with_the_time_for_the_whole_answer(double: Provider, tmp_path: Path) -> None:
    double.script = ["reading:80"]
    begun = time.monotonic()
    _, writers, _ = await _answer(_route(double, tmp_path, answer_timeout_s=1.0))
    assert writers == ["api: double", "extractive"] and 0.9 < time.monotonic() - begun < 4.0


async def test_an_engine_whose_queue_was_too_long_for_one_question_is_asked_the_next(
    double: Provider, tmp_path: Path
) -> None:
    double.script = ["waiting:8", "answer"]
    route = _route(double, tmp_path, answer_timeout_s=0.6)
    _, first, _ = await _answer(route)
    _, second, _ = await _answer(route)
    assert (first, second) == (["api: double", "extractive"], ["api: double"])


@pytest.mark.parametrize("trouble", ["cut", "stall"])
async def test_a_stream_that_breaks_off_is_gone_on_with_by_the_next_engine(
    double: Provider, tmp_path: Path, trouble: str
) -> None:
    double.script = [trouble]
    text, writers, _ = await _answer(_route(double, tmp_path))
    assert text.startswith("Nine days \n\n") and "28 days" in text
    assert writers == ["api: double", "extractive"] and len(double.calls) == 1


async def test_an_engine_that_failed_rests_and_the_next_question_does_not_wait(
    double: Provider, tmp_path: Path
) -> None:
    double.script = ["401"]
    route = _route(double, tmp_path)
    await _answer(route)
    _, writers, _ = await _answer(route)
    assert writers == ["extractive"] and len(double.calls) == 1


async def test_engines_that_all_rest_are_asked_all_the_same(double: Provider, tmp_path: Path) -> None:
    built = await _route(double, tmp_path).catalogue()
    route = in_order([engine for engine in built.engines() if engine.outside])
    double.script = ["401", "answer"]
    with pytest.raises(EngineUnavailable):
        await _answer(route)
    text, _, _ = await _answer(route)
    assert text == WHOLE


@pytest.mark.parametrize("refusal", ["context", "400", "422", "429:3600", "busy"])
async def test_an_engine_that_refused_one_question_is_asked_the_next(
    double: Provider, tmp_path: Path, refusal: str
) -> None:
    double.script = [refusal, "answer"]
    route = _route(double, tmp_path)
    _, writers, _ = await _answer(route)
    assert writers == ["api: double", "extractive"] and len(double.calls) == 1
    text, writers, _ = await _answer(route)
    assert (text, writers) == (WHOLE, ["api: double"])


async def test_of_two_model_services_of_one_name_only_the_one_that_failed_rests(
    doubles: Providers, tmp_path: Path
) -> None:
    first, second = doubles.new(), doubles.new()
    urls = tuple(one.url.removesuffix("/v1") for one in (first, second))
    route = build_router(InferenceConfig(urls, "token", tmp_path), _embed)
    first.script = ["cut", "answer"]
    for _ in range(3):
        _, writers, _ = await _answer(route)
        assert writers[-1] == "local: double"
    assert (len(first.calls), len(second.calls)) == (1, 3)


async def test_closing_the_stream_closes_the_connection(double: Provider, tmp_path: Path) -> None:
    double.script = ["slow"]
    async with aclosing(_route(double, tmp_path).stream(ASKED)) as pieces:  # type: ignore[type-var]
        async for piece in pieces:
            if isinstance(piece, TextPiece):
                break
    assert await double.nobody_reads()


async def test_describe_names_each_engine_and_what_it_lacks(double: Provider, tmp_path: Path) -> None:
    local, api, extractive = await _route(double, tmp_path).describe()
    assert local.problem and local.advice == "The log of the model service says why."
    assert (api.name, api.outside, api.problem) == ("api: double", True, "")
    assert (extractive.name, extractive.outside, extractive.problem) == ("extractive", False, "")


async def test_an_endpoint_that_has_just_failed_does_not_answer_now_and_is_named_until_it_does(
    double: Provider, tmp_path: Path
) -> None:
    double.script = ["401"]
    route = _route(double, tmp_path)
    await _answer(route)
    _, api, extractive = await route.describe()
    assert api.problem.startswith("It ") and "asked again" in api.problem and not extractive.problem
    _, writers, pieces = await _answer(route)
    assert [piece.note for piece in pieces if isinstance(piece, Writer)] == [
        "double is not available at the moment."
    ] and writers == ["extractive"]


async def test_an_endpoint_that_cannot_be_reached_is_named_in_words_that_people_understand(tmp_path: Path) -> None:
    config = InferenceConfig((), "token", tmp_path, api_base_url="http://127.0.0.1:9/v1", api_model="fake-1")
    route = build_router(config, _embed)
    api, _ = await route.describe()
    assert api.problem == "It cannot be reached."
    assert "endpoint in INFERENCE" not in api.advice and "INFERENCE_API_BASE_URL" in api.advice
    _, writers, pieces = await _answer(route)
    assert writers == ["extractive"]
    assert [p.note for p in pieces if isinstance(p, Writer)] == ["fake-1 cannot be reached."]


@pytest.mark.parametrize("endpoint", [True, False])
async def test_without_a_model_an_endpoint_is_advised_only_where_none_is_named(
    double: Provider, doubles: Providers, tmp_path: Path, endpoint: bool
) -> None:
    double.models = []
    urls = (double.url.removesuffix("/v1"),)
    api = doubles.new().url if endpoint else ""
    local = (await build_router(InferenceConfig(urls, "token", tmp_path, api_base_url=api), _embed).describe())[0]
    assert local.problem == "No model is installed." and "models pull" in local.advice
    assert ("INFERENCE_API_BASE_URL" in local.advice) != endpoint


@pytest.mark.parametrize("status", [404, 405, 429])
async def test_an_endpoint_without_a_list_of_models_is_well_and_answers(
    double: Provider, tmp_path: Path, status: int
) -> None:
    double.list_status = status
    route = _route(double, tmp_path)
    assert [engine.problem for engine in await route.describe()][1:] == ["", ""]
    assert (await _answer(route))[0] == WHOLE
    own = build_router(InferenceConfig((double.url.removesuffix("/v1"),), "token", tmp_path), _embed)
    assert [engine.problem for engine in await own.describe()] == ["", ""]


@pytest.mark.parametrize("status", [401, 403, 500])
async def test_an_endpoint_that_refuses_its_list_of_models_says_so(
    double: Provider, tmp_path: Path, status: int
) -> None:
    double.list_status = status
    for urls, api in (((), double.url), ((double.url.removesuffix("/v1"),), "")):
        route = build_router(InferenceConfig(urls, "token", tmp_path, api_base_url=api), _embed)
        assert str(status) in (await route.describe())[0].problem
        assert (await _answer(route))[1] == ["extractive"]


async def test_an_outside_endpoint_is_asked_for_its_health_every_half_minute_at_most(
    double: Provider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr("inference.health.monotonic", lambda: now)
    route = _route(double, tmp_path)
    for _ in range(29):
        assert not (await route.describe())[1].problem
        await _answer(route)
        now += 1.0
    assert double.lists == 1
    double.list_status, now = 500, now + 1.0
    found = await asyncio.gather(*(route.describe() for _ in range(20)))
    assert double.lists == 2 and any(one[1].problem for one in found)
    assert (await route.describe())[1].problem


async def test_somebody_who_leaves_while_the_health_is_asked_does_not_hide_it(tmp_path: Path) -> None:
    class Slow(ExtractiveEngine):
        asked = 0

        async def health(self) -> str:
            self.asked += 1
            await asyncio.sleep(0.1)
            return "It is away."

    engine = Slow(_embed)
    route = in_order([engine])
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(route.describe(), 0.01)
    assert (await route.describe())[0].problem == "It is away." and engine.asked == 2


async def test_quotes_say_so_when_nothing_fits(double: Provider, tmp_path: Path) -> None:
    double.script = ["401"]
    text, _, _ = await _answer(_route(double, tmp_path), Generation("turn", "Why?", ASKED.messages, ()))
    assert text.startswith("The documents do not say")
