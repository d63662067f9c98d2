"""Clients of OpenAI's API, unchanged, against the web process: cited answers, from what a person may read alone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from django.core.management import call_command
from django.http import StreamingHttpResponse
from django.test import AsyncClient

from chatapp.accounts.keys import create_key, revoke_key
from chatapp.accounts.models import ApiKey
from chatapp.commands import Error
from chatapp.database import in_database
from chatapp.openai import views
from chatapp.openai.answering import Found
from inference.engine import TextPiece
from retrieval.models import Collection, Document
from tests.conftest import Cast, signed_in_session
from tests.conversations.model_double import ModelDouble
from tests.conversations.web import Client, Web
from tests.ingestion.fake_index import FakeIndex
from tests.waiting import wait_until

ASKED: list[Any] = [{"role": "user", "content": "How many days of leave?"}]


@pytest.fixture
def client(web: Web) -> Iterator[Callable[[str], openai.OpenAI]]:
    made: list[openai.OpenAI] = []

    def of(key: str) -> openai.OpenAI:
        made.append(openai.OpenAI(base_url=f"{web.url}/v1", api_key=key, max_retries=0, timeout=20))
        return made[-1]

    yield of
    for one in made:
        one.close()


@pytest.fixture
def alice(cast: Cast, handbook: Document, client: Callable[[str], openai.OpenAI]) -> openai.OpenAI:
    return client(create_key(user=cast.alice, name="test"))


def test_an_answer_comes_whole_with_its_citations(alice: openai.OpenAI, model: ModelDouble) -> None:
    model.words = ["Everybody has ", "28 days [1]. ", "Invented [9]."]
    answer = alice.chat.completions.create(model="footnote", messages=ASKED)
    assert answer.choices[0].message.content == "Everybody has 28 days [1]. Invented ."
    extra: dict[str, Any] = answer.model_extra or {}
    assert [one["document"] for one in extra["citations"]] == ["leave.md"]
    assert extra["engine"] == "api: double" and len(extra["sources"]) == 2
    assert answer.usage and answer.usage.completion_tokens > 0


def test_an_answer_streams_with_usage_at_its_end(alice: openai.OpenAI, model: ModelDouble) -> None:
    model.words = ["Everybody has ", "28 days [1]."]
    options: Any = {"include_usage": True}
    chunks = list(alice.chat.completions.create(model="", messages=ASKED, stream=True, stream_options=options))
    assert {chunk.model for chunk in chunks} == {"footnote"}
    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert text == "Everybody has 28 days [1]."
    assert chunks[-1].usage and [c.finish_reason for chunk in chunks for c in chunk.choices][-1] == "stop"
    beside = [chunk.model_extra or {} for chunk in chunks]
    assert any(extra.get("sources") for extra in beside) and any(extra.get("citations") for extra in beside)


def test_what_a_program_instructs_and_what_was_said_before_reach_the_model(
    alice: openai.OpenAI, model: ModelDouble
) -> None:
    said: list[Any] = [
        {"role": "system", "content": "Answer like a pirate."},
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Ahoy"},
        *ASKED,
    ]
    alice.chat.completions.create(model="footnote", messages=said, max_tokens=17)
    sent = model.calls[-1]
    assert sent["messages"][0]["content"].endswith("Answer like a pirate.") and sent["max_tokens"] == 17
    assert [m["content"] for m in sent["messages"][1:3]] == ["Hello", "Ahoy"]


def test_models_are_listed_with_the_route_of_the_page_first(alice: openai.OpenAI, model: ModelDouble) -> None:
    names = [one.id for one in alice.models.list()]
    assert names[0] == "footnote" and {"api: double", "extractive"} < set(names)
    quoted = alice.chat.completions.create(model="extractive", messages=ASKED)
    assert "28 days" in (quoted.choices[0].message.content or "") and not model.calls


def test_nobody_gets_more_than_they_may_read(
    cast: Cast, handbook: Document, client: Callable[[str], openai.OpenAI], model: ModelDouble
) -> None:
    charlie = client(create_key(user=cast.charlie, name="test"))
    answer = charlie.chat.completions.create(model="extractive", messages=ASKED)
    assert (answer.model_extra or {})["sources"] == [] and "28" not in (answer.choices[0].message.content or "")


def test_what_was_said_before_leaves_the_house_only_where_nothing_has_to_stay(
    cast: Cast, alice: openai.OpenAI, index: FakeIndex, model: ModelDouble
) -> None:
    said: list[Any] = [*ASKED, {"role": "assistant", "content": "28 days [1]."}, {"role": "user", "content": "Why?"}]
    index.hits = []
    alice.chat.completions.create(model="footnote", messages=said)
    assert len(model.calls) == 1
    Collection.objects.create(name="Secret", everyone=True, stays_in_house=True)
    alice.chat.completions.create(model="footnote", messages=said)
    assert len(model.calls) == 1, "what it was written from is not known"
    named = alice.chat.completions.create(model="api: double", messages=said)
    extra: dict[str, Any] = named.model_extra or {}
    assert (named.model, extra["engine"]) == ("api: double", "extractive"), "who wrote it is said"
    assert "outside endpoints were not asked" in extra["note"]
    alice.chat.completions.create(model="footnote", messages=ASKED)
    assert len(model.calls) == 2


@pytest.mark.parametrize("loss", ["revoked", "closed account", "made up", "of the session"])
def test_a_key_that_is_none_opens_nothing(
    cast: Cast, handbook: Document, client: Callable[[str], openai.OpenAI], loss: str
) -> None:
    key = create_key(user=cast.alice, name="test")
    if loss == "revoked":
        revoke_key(user=cast.alice, name="test")
    elif loss == "closed account":
        cast.alice.is_active = False
        cast.alice.save()
    elif loss == "made up":
        key = key[:-1] + ("a" if key[-1] != "a" else "b")
    else:
        key = "sessionid"
    with pytest.raises(openai.AuthenticationError) as refused:
        client(key).models.list()
    assert refused.value.code == "invalid_api_key"


def test_a_session_alone_does_not_open_it(web: Web, cast: Cast) -> None:
    answer = httpx.get(f"{web.url}/v1/models", cookies={"sessionid": signed_in_session(cast.alice)})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "assistant", "content": "x"}]}, "last message"),
        ({"messages": [{"role": "user", "content": "  "}]}, "empty"),
        ({"messages": ASKED, "n": 3}, "`n`"),
        ({"messages": ASKED, "response_format": {"type": "json_object"}}, "grammar"),
        ({"messages": [{"role": "system", "content": "x" * 9000}, *ASKED]}, "System"),
        ({"messages": ASKED, "temperature": "hot"}, "temperature"),
    ],
)
def test_what_is_not_understood_is_refused_in_openai_form(
    web: Web, cast: Cast, body: dict[str, Any], word: str
) -> None:
    headers = {"Authorization": f"Bearer {create_key(user=cast.alice, name='test')}"}
    answer = httpx.post(f"{web.url}/v1/chat/completions", json=body, headers=headers)
    assert answer.status_code == 400 and word in answer.json()["error"]["message"]
    assert answer.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"n": 2}, "n"),
        ({"n": True}, "n"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools"),
        ({"functions": [{"name": "f"}]}, "functions"),
        ({"logprobs": True}, "logprobs"),
        ({"logit_bias": {"5": 100}}, "logit_bias"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"response_format": {"type": "json_schema", "json_schema": {"schema": {}}}}, "response_format"),
        ({"web_search_options": {"search_context_size": "low"}}, "web_search_options"),
    ],
)
def test_what_is_not_offered_is_refused_by_its_name(
    web: Web, cast: Cast, model: ModelDouble, body: dict[str, Any], param: str
) -> None:
    headers = {"Authorization": f"Bearer {create_key(user=cast.alice, name='test')}"}
    answer = httpx.post(f"{web.url}/v1/chat/completions", json={"messages": ASKED} | body, headers=headers)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, "unsupported_parameter", param)
    assert param in error["message"] or "grammar" in error["message"]
    assert not model.calls


def test_what_clients_send_without_meaning_anything_by_it_is_taken(alice: openai.OpenAI, model: ModelDouble) -> None:
    asked: Any = {"n": 1, "tools": [], "logprobs": False, "logit_bias": {}, "stop": None, "modalities": ["text"]}
    format: Any = {"type": "text"}
    answer = alice.chat.completions.create(model="footnote", messages=ASKED, response_format=format, **asked)
    assert answer.choices[0].message.content


@pytest.mark.parametrize("path", ["", "completions", "responses", "chat", "files/../secrets", "chat/completions/", "é"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_an_address_that_is_none_is_an_error_in_openai_form(web: Web, cast: Cast, path: str, method: str) -> None:
    answer = httpx.request(method, f"{web.url}/v1/{path}", json={})
    assert answer.status_code == 404 and answer.json()["error"]["code"] == "unknown_url"


def test_every_model_is_found_by_its_name(alice: openai.OpenAI, model: ModelDouble) -> None:
    names = [one.id for one in alice.models.list()]
    assert len(names) > 2 and [alice.models.retrieve(name).id for name in names] == names
    assert alice.models.retrieve("default").id == "default"
    with pytest.raises(openai.NotFoundError) as missing:
        alice.models.retrieve("gpt-9/../x")
    assert missing.value.code == "model_not_found"


def test_what_the_whole_site_refuses_is_in_openai_form_too(web: Web, cast: Cast) -> None:
    headers = {"Authorization": f"Bearer {create_key(user=cast.alice, name='test')}"}
    large = httpx.post(f"{web.url}/v1/embeddings", content=b"x" * 3_000_000, headers=headers)
    assert large.status_code == 413 and large.json()["error"]["type"] == "invalid_request_error"
    broken = httpx.post(f"{web.url}/v1/embeddings", content=b"{", headers=headers)
    assert broken.status_code == 400 and "JSON" in broken.json()["error"]["message"]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"input": [[1, 2, 3]]}, "input"),
        ({"input": []}, "input"),
        ({"input": "x", "dimensions": 8}, "dimensions"),
        ({"input": "x", "encoding_format": "int8"}, "encoding_format"),
        ({"input": "x", "model": "text-embedding-3-small"}, "model"),
    ],
)
def test_embeddings_that_cannot_be_made_are_refused_by_name(
    web: Web, cast: Cast, body: dict[str, Any], param: str
) -> None:
    headers = {"Authorization": f"Bearer {create_key(user=cast.alice, name='test')}"}
    answer = httpx.post(f"{web.url}/v1/embeddings", json=body, headers=headers)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


def test_an_unknown_model_and_a_wrong_method_are_named(web: Web, cast: Cast) -> None:
    headers = {"Authorization": f"Bearer {create_key(user=cast.alice, name='test')}"}
    asked = {"model": "gpt-9", "messages": ASKED}
    unknown = httpx.post(f"{web.url}/v1/chat/completions", json=asked, headers=headers)
    assert unknown.status_code == 404 and "/v1/models" in unknown.json()["error"]["message"]
    assert httpx.get(f"{web.url}/v1/chat/completions", headers=headers).status_code == 405


def test_a_program_that_hangs_up_stops_the_model_and_frees_its_place(
    web: Web, alice: openai.OpenAI, model: ModelDouble
) -> None:
    model.pause_s = 0.1
    for _ in range(5):  # more often than answers may run at once
        stream = alice.chat.completions.create(model="footnote", messages=ASKED, stream=True)
        for chunk in stream:
            if chunk.choices:
                break
        stream.close()
        wait_until(lambda: model.writing == 0, 5)


async def test_nothing_is_waited_for_between_the_place_that_a_question_takes_and_what_frees_it(
    cast: Cast, transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[str] = []

    async def named(model: str) -> str:
        happened.append("named")
        return "page"

    async def answering(*_: object, **__: object) -> AsyncIterator[Found | TextPiece]:
        happened.append("place taken")
        try:
            yield Found([])
            yield TextPiece("28 days")
        finally:
            happened.append("place free")

    monkeypatch.setattr(views, "route_named", named)
    monkeypatch.setattr(views, "answer", answering)
    key = await in_database(create_key)(user=cast.alice, name="test")
    answer = await AsyncClient().post(
        "/v1/chat/completions",
        {"messages": ASKED, "stream": True},
        content_type="application/json",
        headers={"Authorization": f"Bearer {key}"},
    )
    assert isinstance(answer, StreamingHttpResponse)
    assert happened == ["named", "place taken"]
    assert b"28 days" in b"".join([line async for line in answer])
    assert happened[-1] == "place free"


def test_more_answers_at_once_than_are_allowed_are_refused(web: Web, cast: Cast, model: ModelDouble) -> None:
    model.pause_s = 0.05
    headers = {"Authorization": f"Bearer {create_key(user=cast.alice, name='test')}"}

    async def ask_five() -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=web.url, headers=headers, timeout=20) as client:
            asking = [client.post("/v1/chat/completions", json={"messages": ASKED}) for _ in range(5)]
            return list(await asyncio.gather(*asking))

    answers = asyncio.run(ask_five())
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 429, 429]
    assert all(answer.headers["Retry-After"] for answer in answers if answer.status_code == 429)


def test_what_programs_ask_takes_the_places_of_the_process(
    folder: Path, cast: Cast, handbook: Document, index: FakeIndex, model: ModelDouble
) -> None:
    small = Web(folder, index.url, model.url, CHATAPP_TURNS_PER_PROCESS="1")
    small.start()
    model.pause_s = 0.2
    try:
        key = create_key(user=cast.alice, name="test")
        with openai.OpenAI(base_url=f"{small.url}/v1", api_key=key, max_retries=0, timeout=20) as program:
            with program.chat.completions.create(model="footnote", messages=ASKED, stream=True) as running:
                next(iter(running))
                with pytest.raises(openai.RateLimitError, match="as many questions as it can"):
                    program.embeddings.create(model="default", input="leave")
                with Client(small, cast.bob).socket() as page:
                    page.send({"type": "ask", "id": "a", "text": "How many?"})
                    assert page.until("error")[-1]["code"] == "busy"
            wait_until(lambda: model.writing == 0, 5)
            assert program.embeddings.create(model="default", input="leave").data
    finally:
        small.end()


def test_more_requests_for_vectors_at_once_than_are_allowed_are_refused(
    web: Web, cast: Cast, handbook: Document, index: FakeIndex
) -> None:
    headers = {"Authorization": f"Bearer {create_key(user=cast.alice, name='test')}"}

    async def ask_five() -> list[int]:
        async with httpx.AsyncClient(base_url=web.url, headers=headers, timeout=20) as client:
            asking = [client.post("/v1/embeddings", json={"input": "leave"}) for _ in range(5)]
            return [answer.status_code for answer in await asyncio.gather(*asking)]

    index.delay_s = 0.5
    try:
        assert sorted(asyncio.run(ask_five())) == [200, 200, 200, 429, 429]
    finally:
        index.delay_s = 0.0


@pytest.mark.parametrize("seed", [0, 7, None])
def test_every_seed_that_is_named_reaches_the_model(alice: openai.OpenAI, model: ModelDouble, seed: int | None) -> None:
    alice.chat.completions.create(model="footnote", messages=ASKED, extra_body={"seed": seed})
    assert model.calls[-1].get("seed", None) == seed and ("seed" in model.calls[-1]) == (seed is not None)


def test_an_index_that_is_away_is_an_error_that_may_be_tried_again(
    alice: openai.OpenAI, index: FakeIndex, model: ModelDouble
) -> None:
    index.stop()
    with pytest.raises(openai.InternalServerError) as refused:
        alice.chat.completions.create(model="footnote", messages=ASKED)
    index.start()
    assert refused.value.status_code == 503 and refused.value.response.headers["Retry-After"]


@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_embeddings_come_from_the_embedder_of_the_documents_which_answers_questions_first(
    alice: openai.OpenAI, index: FakeIndex, encoding: Any
) -> None:
    index.in_bulk.clear()
    found = alice.embeddings.create(model="default", input=["leave", "expenses"], encoding_format=encoding)
    assert index.in_bulk == ["leave", "expenses"]
    assert [one.index for one in found.data] == [0, 1] and found.usage.prompt_tokens > 0
    kind = float if encoding == "float" else str
    assert all(one.embedding and isinstance(one.embedding[0], kind) for one in found.data)
    with pytest.raises(openai.BadRequestError, match="embedding model is called"):
        alice.embeddings.create(model="another", input="leave")


def test_the_command_makes_lists_and_revokes_keys(
    cast: Cast, client: Callable[[str], openai.OpenAI], capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*arguments: str) -> str:
        out = StringIO()
        call_command("apikey", *arguments, stdout=out, stderr=StringIO())
        return out.getvalue().strip()

    key = run("create", "reports", "--user", "alice")
    assert key not in str(list(ApiKey.objects.values()))
    assert client(key).models.list().data
    assert f"reports  …{key[-4:]}" in run("list", "--user", "alice")
    with pytest.raises(Error, match="already"):
        run("create", "reports", "--user", "alice")
    run("revoke", "reports", "--user", "alice")
    with pytest.raises(openai.AuthenticationError):
        client(key).models.list()
    with pytest.raises(Error, match="no key named"):
        run("revoke", "reports", "--user", "alice")
    assert run("create", "reports", "--user", "alice") != key


@pytest.mark.parametrize("name", ["alice", " Alice "])
def test_a_key_named_as_a_person_is_not_made_for_the_administrator(
    cast: Cast, client: Callable[[str], openai.OpenAI], name: str
) -> None:
    with pytest.raises(Error, match="--user") as refused:
        call_command("apikey", "create", name, stdout=StringIO(), stderr=StringIO())
    assert "administrator" in str(refused.value) and not ApiKey.objects.exists()
    out = StringIO()
    call_command("apikey", "create", name, "--user", "alice", "--json", stdout=out, stderr=StringIO())
    assert client(json.loads(out.getvalue())["key"]).models.list().data
    assert ApiKey.objects.get().user == cast.alice
    call_command("apikey", "create", "reports", stdout=StringIO(), stderr=StringIO())
    assert ApiKey.objects.get(name="reports").user == cast.administrator


@pytest.mark.parametrize(
    "more", [{"stop": ["\ud800"]}, {"messages": [{"role": "system", "content": "\udfff"}, *ASKED]}]
)
def test_half_characters_are_replaced(web: Web, cast: Cast, handbook: Document, more: dict[str, Any]) -> None:
    headers = {"Authorization": f"Bearer {create_key(user=cast.alice, name='test')}"}
    body = {"model": "footnote", "messages": ASKED, **more}
    sent = json.dumps(body).encode()
    answer = httpx.post(f"{web.url}/v1/chat/completions", content=sent, headers=headers, timeout=20)
    assert answer.status_code == 200, answer.text
