"""What was said before is judged without making anybody wait longer than they must."""

from __future__ import annotations

import asyncio
import threading
import uuid
from typing import Any

import pytest

from chatapp.accounts.models import User
from chatapp.safety import history
from chatapp.safety.errors import ContentBlocked, ContentNotChecked
from chatapp.safety.history import WITHHELD, Sent
from chatapp.safety.policy import Action, Policy
from chatapp.safety.questions import About
from inference.engine import ChatMessage

LONG = "word " * 1000


class Looking(Policy):
    """Notes in which threads it looks at texts."""

    def applied(self, text: str) -> str:
        THREADS.append(threading.current_thread() is threading.main_thread())
        if "secret" in text:
            raise ContentBlocked
        return text.replace("mail", "[e]")


THREADS: list[bool] = []


@pytest.fixture
def sent() -> Sent:
    THREADS.clear()
    rules = Looking((), {"jailbreak": Action.BLOCK})
    return Sent(User(pk=uuid.UUID(int=1)), About(), rules, rules, rules)


def questions(*texts: str) -> list[ChatMessage]:
    return [ChatMessage("user" if number % 2 == 0 else "assistant", text) for number, text in enumerate(texts)]


def test_earlier_questions_are_judged_beside_each_other_a_few_at_a_time(
    sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    running, most, judged = 0, 0, list[str]()

    async def kinds_of(_: Any, __: Any, text: str, *___: Any) -> frozenset[str]:
        nonlocal running, most
        running, most = running + 1, max(most, running + 1)
        await asyncio.sleep(0.01)
        running -= 1
        judged.append(text)
        return frozenset({"jailbreak"} if text == "7" else ())

    monkeypatch.setattr(history, "kinds_of", kinds_of)
    said = [ChatMessage("user", str(number)) for number in [*range(30), 0]]
    left = asyncio.run(sent.said(said))
    assert 1 < most <= history._AT_ONCE and sorted(judged) == sorted(map(str, range(30)))
    assert [one.content for one in left] == [WITHHELD if one.content == "7" else one.content for one in said]


def test_one_that_cannot_be_judged_ends_the_others(sent: Sent, monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[str] = []

    async def kinds_of(_: Any, __: Any, text: str, *___: Any) -> frozenset[str]:
        if text == "1":
            raise ContentNotChecked
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            ended.append(text)
            raise
        return frozenset()

    monkeypatch.setattr(history, "kinds_of", kinds_of)
    with pytest.raises(ContentNotChecked):
        asyncio.run(sent.said([ChatMessage("user", "0"), ChatMessage("user", "1")]))
    assert ended == ["0"]


@pytest.mark.parametrize("text", ["short", LONG])
def test_nobody_else_waits_for_a_long_text(sent: Sent, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    async def kinds_of(*_: Any) -> frozenset[str]:
        return frozenset()

    monkeypatch.setattr(history, "kinds_of", kinds_of)
    asyncio.run(sent.asked(text))
    asyncio.run(sent.said(questions(text, text)))
    asyncio.run(sent.begun(text))
    assert set(THREADS) == {text == "short"}


def test_the_beginning_of_an_answer_is_judged_or_refused(sent: Sent) -> None:
    assert asyncio.run(sent.begun("A mail is")) == "A [e] is"
    with pytest.raises(ContentBlocked, match="begins"):
        asyncio.run(sent.begun("The secret is"))
