"""What is stored and sent to a model again: judged by the rules that hold now, whatever held when it was said.

A question may be asked once more of other collections, and what was said about one of them stands above a question to
another one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, ParamSpec, TypeVar

from chatapp.accounts.models import User
from chatapp.governance.findings import gathered, gathering, note
from chatapp.safety.errors import ContentBlocked
from chatapp.safety.policy import Action, Policy
from chatapp.safety.questions import About, kinds_of
from chatapp.safety.whole_texts import is_kept_from_models
from inference.engine import ChatMessage

WITHHELD = "[left out]"  # a model is told that something was said there: some want each question followed by an answer
_NOT_CONTINUED = "The rules of your organisation do not allow what this answer begins with to be used any more."
_LONG = 4000  # characters that are looked at in a thread
_AT_ONCE = 8  # questions that are judged at the same time
_P = ParamSpec("_P")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Sent:
    """The rules for what a model is sent on behalf of `user`."""

    user: User
    about: About  # of what was said before
    question: Policy
    passages: Policy
    answer: Policy

    async def asked(self, text: str) -> str:
        """A question that is asked again. Raises ContentBlocked."""
        with _noted_again():
            return await _beside(text, self.question.applied, text)

    async def begun(self, text: str) -> str:
        """The beginning of an answer that is to go on. Raises ContentBlocked: without it nothing can."""
        with _noted_again():
            left = await _beside(text, _left, text, [self.passages, self.answer])
        if left == WITHHELD and text != WITHHELD:
            raise ContentBlocked(_NOT_CONTINUED, advice="Write it again: the rules that hold now are followed then.")
        return left

    async def said(self, history: Sequence[ChatMessage]) -> tuple[ChatMessage, ...]:
        """Without what may not be sent. Raises ContentNotChecked."""
        with _noted_again():
            blocked = await self._blocked({one.content for one in history if one.role == "user"})
            return tuple([await self._one(message, blocked) for message in history])

    async def answered(self, history: Sequence[ChatMessage]) -> tuple[ChatMessage, ...]:
        """Where the questions were judged already."""
        with _noted_again():
            return tuple([one if one.role == "user" else await self._answer(one) for one in history])

    async def _blocked(self, questions: Collection[str]) -> frozenset[str]:
        """Those that may not be sent at all. The services that judge them are asked beside each other."""
        places = asyncio.Semaphore(_AT_ONCE)

        async def is_blocked(text: str) -> bool:
            async with places:
                found = await kinds_of(self.user, self.question, text, self.about)
            return any(self.question.actions[kind] == Action.BLOCK for kind in found)

        found = await _all([is_blocked(text) for text in questions])
        return frozenset(text for text, is_so in zip(questions, found, strict=True) if is_so)

    async def _one(self, message: ChatMessage, blocked: Collection[str]) -> ChatMessage:
        if message.role != "user":
            return await self._answer(message)
        if message.content in blocked:
            return replace(message, content=WITHHELD)
        return replace(message, content=await _beside(message.content, _left, message.content, [self.question]))

    async def _answer(self, message: ChatMessage) -> ChatMessage:
        """A model wrote it from passages, and reads it as it reads those."""
        rules = [self.passages, self.answer]
        return replace(message, content=await _beside(message.content, _left, message.content, rules))


async def _beside(text: str, look: Callable[_P, _T], *values: _P.args, **named: _P.kwargs) -> _T:
    """What `look` makes of its values; nobody else waits for a long text."""
    if len(text) <= _LONG:
        return look(*values, **named)
    return await asyncio.to_thread(look, *values, **named)


async def _all(steps: Sequence[Coroutine[Any, Any, _T]]) -> list[_T]:
    """Where one of them fails the others end with it."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(step) for step in steps]
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]


def _left(text: str, rules: Sequence[Policy]) -> str:
    """Of one message."""
    try:
        for one in rules:
            if is_kept_from_models(one, text):
                return WITHHELD
            text = one.applied(text)
    except ContentBlocked:
        return WITHHELD
    return text


@contextmanager
def _noted_again() -> Iterator[None]:
    """What is changed now is noted; what is only written down was so when it was said."""
    found = []
    try:
        with gathering():
            try:
                yield
            finally:
                found = gathered()
    finally:
        for one in found:
            if one["action"] != Action.WARN:
                for _ in range(one["times"]):
                    note(one["kind"], one["action"])
