"""Whatever stands in the events of a stream, reading it yields pieces of text, counts and typed errors alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.config import ApiKind, InferenceConfig
from inference.engine import Finish, Progress, TextPiece
from inference.engines.anthropic import MessageReader, Seam
from inference.engines.build import configured_endpoint, engine_for
from inference.engines.openai_compatible import ChatReader
from inference.engines.provider import Thought, _read
from inference.engines.rate_limits import RateLimits, retry_after
from inference.engines.refusals import TakenFields, refused
from inference.errors import InferenceError
from tests.inference.engines.asking import WHOLE, text_of
from tests.provider_double import Provider

NAMES = st.sampled_from(
    "type message usage delta content_block choices content text stop_reason finish_reason error code index "
    "prompt_tokens input_tokens output_tokens prompt_tokens_details cached_tokens footnote_progress refusal "
    "content_filter_results filtered reasoning_content queue_position innererror param".split()
)
WORDS = st.sampled_from(
    "message_start content_block_start content_block_delta message_delta message_stop error ping text text_delta "
    "stop length refusal content_filter end_turn max_tokens overloaded_error".split()
)
PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | WORDS
ANY = st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4))
EVENTS = st.lists(st.dictionaries(NAMES, ANY, max_size=5), max_size=4)


@pytest.mark.parametrize("anthropic", [False, True])
@settings(max_examples=300, deadline=None)
@given(events=EVENTS, written=st.text(max_size=4))
def test_events_of_any_form_are_read_or_refused(anthropic: bool, events: list[dict[str, Any]], written: str) -> None:
    reader = MessageReader(Seam(written)) if anthropic else ChatReader()
    try:
        for event in events:
            for piece in _read(reader, json.dumps(event)):
                assert isinstance(piece, TextPiece | Progress | Thought)
                assert not isinstance(piece, TextPiece) or "\0" not in piece.text.encode().decode()
        finish = reader.finish()
    except InferenceError:
        return
    assert isinstance(finish, Finish)
    assert finish.usage is None or min(finish.usage.prompt_tokens, finish.usage.cached_tokens) >= 0


@settings(max_examples=200, deadline=None)
@given(
    status=st.integers(400, 599),
    body=st.text(max_size=40) | ANY.map(json.dumps),
    values=st.lists(st.text(), max_size=5),
)
def test_refusals_of_any_form_become_typed_errors(status: int, body: str, values: list[str]) -> None:
    names = ("retry-after", "retry-after-ms", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens", "date")
    headers = _headers(dict(zip(names, values, strict=False)))
    assert isinstance(refused(status, body, headers), InferenceError)
    assert TakenFields("temperature").learn(status, body, {"temperature"}) in ("temperature", "")
    assert (retry_after(headers) or 0) <= 7 * 86_400
    limits = RateLimits()
    limits.heed(headers)
    assert 0 <= limits.wait_s() <= 3600


def _headers(values: dict[str, str]) -> httpx.Headers:
    return httpx.Headers([(name.encode(), value.encode("utf-8", "replace")) for name, value in values.items()])


@pytest.mark.parametrize("kind", ["openai", "azure", "anthropic"])
async def test_the_endpoint_that_the_environment_names_is_asked_in_its_own_words(
    kind: ApiKind, double: Provider, tmp_path: Path
) -> None:
    base = double.url if kind == "openai" else double.url.removesuffix("/v1")
    config = InferenceConfig((), "token", tmp_path, api_kind=kind, api_base_url=base, api_model="m", api_key="k")
    described = configured_endpoint(config)
    assert described is not None and described.outside
    assert await text_of(engine_for(described, config)) == WHOLE
    assert configured_endpoint(InferenceConfig((), "token", tmp_path)) is None
