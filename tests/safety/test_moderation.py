"""A moderation endpoint of the house, asked about questions beside what was learned."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from asgiref.sync import sync_to_async
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from chatapp.attachments.models import Attached
from chatapp.conversations.models import Conversation
from chatapp.conversations.outgoing import house_rules
from chatapp.safety import policy
from chatapp.safety.errors import ContentBlocked, ContentNotChecked
from chatapp.safety.learned import judging
from chatapp.safety.learned.heads import heads
from chatapp.safety.models import FilterRule
from chatapp.safety.questions import reply_instead, require_allowed
from inference.engine import ChatMessage
from retrieval.models import Collection
from tests.conftest import Cast
from tests.served import served

pytestmark = pytest.mark.django_db(transaction=True)
add_rule = sync_to_async(FilterRule.objects.create)


async def vectors(texts: Sequence[str]) -> Any:
    """The index service is there, and says nothing about any text."""
    return np.zeros((len(texts), heads().dimension), np.float32)


class Endpoint:
    """Finds harassment in what holds `horrid`; `answer` says something else."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.answer: Response | None = None

    async def moderations(self, request: Request) -> Response:
        self.asked.append(await request.json())
        self.keys.append(request.headers["authorization"])
        flags = {"harassment/threatening": "horrid" in self.asked[-1]["input"], "self-harm": False}
        return self.answer or JSONResponse({"results": [{"flagged": True, "categories": flags}]})


@pytest.fixture
def endpoint(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    monkeypatch.setattr(policy, "_FRESH_S", -1.0)
    monkeypatch.setattr(judging, "vectors_of", vectors)
    double = Endpoint()
    with served(Starlette(routes=[Route("/v1/moderations", double.moderations, methods=["POST"])])) as url:
        settings.MODERATION_URL, settings.MODERATION_KEY = f"{url}/v1/moderations", "key"
        settings.MODERATION_SECONDS = 1.0
        yield double


async def test_what_the_endpoint_flags_is_refused_and_it_sees_the_question_masked(
    endpoint: Endpoint, cast: Cast
) -> None:
    await add_rule(what="toxicity", where="question", action="block", when_away="open")
    await add_rule(what="email", where="question", action="mask")
    with pytest.raises(ContentBlocked):
        await require_allowed(cast.alice, "Is a@example.org horrid?", None)
    await require_allowed(cast.alice, "Is a@example.org nice?", None)
    assert [one["input"] for one in endpoint.asked] == ["Is [email removed] horrid?", "Is [email removed] nice?"]
    assert endpoint.keys == ["Bearer key"] * 2


async def test_it_is_asked_once_for_a_question_and_never_without_a_rule(endpoint: Endpoint, cast: Cast) -> None:
    await require_allowed(cast.alice, "Is it fine?", None)
    await add_rule(what="jailbreak", where="question", action="block", when_away="open")
    await require_allowed(cast.alice, "Is it fine?", None)
    assert not endpoint.asked
    await add_rule(what="harmful", where="question", action="block", when_away="open")
    for _ in range(2):
        await require_allowed(cast.alice, "Is it fine?", None)
    assert len(endpoint.asked) == 1


async def test_a_question_that_may_be_about_what_stays_in_house_does_not_go_there(
    endpoint: Endpoint, cast: Cast
) -> None:
    await add_rule(what="toxicity", where="question", action="block", when_away="open")
    kept = await sync_to_async(Collection.objects.create)(name="Kept", stays_in_house=True)
    await sync_to_async(kept.readers.set)(await sync_to_async(list)(cast.alice.groups.all()))
    await require_allowed(cast.alice, "How horrid is the strategy?", frozenset([kept.pk]))
    await require_allowed(cast.alice, "How horrid is the strategy?", None)
    assert not endpoint.asked


async def test_an_earlier_question_goes_there_by_none_of_the_collections_that_are_searched_now(
    endpoint: Endpoint, cast: Cast
) -> None:
    """It may have been about another one."""
    await add_rule(what="toxicity", where="question", action="block", when_away="open")
    open_one = await sync_to_async(Collection.objects.create)(name="Open", everyone=True)
    kept = await sync_to_async(Collection.objects.create)(name="Kept", stays_in_house=True)
    await sync_to_async(kept.readers.set)(await sync_to_async(list)(cast.alice.groups.all()))
    now = frozenset([open_one.pk])
    rules = await house_rules(cast.alice, now)
    await rules.sent.said([ChatMessage("user", "How horrid is the strategy?")])
    await require_allowed(cast.alice, "How horrid is the strategy?\n\nAnd the soup?", now, with_earlier=True)
    assert not await reply_instead(cast.alice, "How horrid is it?\n\nAnd the soup?", now, with_earlier=True)
    assert not endpoint.asked
    await require_allowed(cast.alice, "And the soup?", now)
    assert [one["input"] for one in endpoint.asked] == ["And the soup?"]


@pytest.mark.parametrize("whose", ["alice", "charlie"])
async def test_the_files_of_a_chat_keep_the_questions_of_its_owner_alone(
    endpoint: Endpoint, cast: Cast, settings: Any, whose: str
) -> None:
    """Or somebody else could tell by the answer that there are some."""
    settings.ATTACHMENTS_STAY_IN_HOUSE = True
    await add_rule(what="toxicity", where="question", action="block", when_away="open")
    chat = await sync_to_async(Conversation.objects.create)(owner=getattr(cast, whose))
    files = await sync_to_async(Collection.with_attached.create)(name="files", attached=True)
    await sync_to_async(Attached.objects.create)(conversation=chat, collection=files)
    await require_allowed(cast.alice, "Is it fine?", None, chat.pk)
    assert len(endpoint.asked) == (0 if whose == "alice" else 1)


@pytest.mark.parametrize(
    "answer",
    [
        JSONResponse({}, status_code=500), JSONResponse({"results": 3}), JSONResponse([1]), Response("<html>"),
        Response(b"x" * 300_000), JSONResponse({"results": [{"categories": ["hate"]}]}),
    ],
)  # fmt: skip
async def test_an_endpoint_that_does_not_answer_sensibly_counts_as_away(
    endpoint: Endpoint, cast: Cast, answer: Response
) -> None:
    endpoint.answer = answer
    await add_rule(what="harmful", where="question", action="block", when_away="open")
    await require_allowed(cast.alice, "Is this horrid?", None)
    await add_rule(what="toxicity", where="question", action="block", when_away="closed")
    with pytest.raises(ContentNotChecked):
        await require_allowed(cast.alice, "Is this horrid?", None)


async def test_an_endpoint_that_is_slow_is_not_waited_for(endpoint: Endpoint, cast: Cast, settings: Any) -> None:
    await add_rule(what="toxicity", where="question", action="block", when_away="open")

    async def slow(request: Request) -> Response:
        await asyncio.sleep(5)
        return JSONResponse({})

    with served(Starlette(routes=[Route("/", slow, methods=["POST"])])) as url:
        settings.MODERATION_URL, settings.MODERATION_SECONDS = f"{url}/", 0.3
        async with asyncio.timeout(4):
            await require_allowed(cast.alice, "Is this slow and horrid?", None)
