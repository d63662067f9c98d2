"""What is stored and sent to a model again: judged by the rules that hold now, whatever held when it was said.

A question may be asked once more of other collections, and what was said about one of them stands above a question to
another one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from uuid import UUID

from chatapp.accounts.models import User
from chatapp.governance.findings import gathered, gathering, note
from chatapp.safety.errors import ContentBlocked
from chatapp.safety.policy import Action, Policy
from chatapp.safety.questions import kinds_of
from chatapp.safety.whole_texts import is_kept_from_models
from inference.engine import ChatMessage

WITHHELD = "[left out]"  # a model is told that something was said there: some want each question followed by an answer
_LONG = 4000  # characters that are looked at in a thread


@dataclass(frozen=True, slots=True)
class Sent:
    """The rules for what a model is sent on behalf of `user`, who searches these `collections` (None: any)."""

    user: User
    collections: Collection[UUID] | None
    question: Policy
    passages: Policy
    answer: Policy

    async def asked(self, text: str) -> str:
        """A question that is asked again. Raises ContentBlocked."""
        with _noted_again():
            return self.question.applied(text)

    async def said(self, history: Sequence[ChatMessage]) -> tuple[ChatMessage, ...]:
        """Without what may not be sent. Raises ContentNotChecked."""
        with _noted_again():
            return tuple([await self._one(message) for message in history])

    async def answered(self, history: Sequence[ChatMessage]) -> tuple[ChatMessage, ...]:
        """Where the questions were judged already."""
        with _noted_again():
            return tuple([one if one.role == "user" else await self._answer(one) for one in history])

    async def _one(self, message: ChatMessage) -> ChatMessage:
        if message.role != "user":
            return await self._answer(message)
        found = await kinds_of(self.user, self.question, message.content, self.collections)
        if any(self.question.actions[kind] == Action.BLOCK for kind in found):
            return replace(message, content=WITHHELD)
        return replace(message, content=_left(message.content, [self.question]))

    async def _answer(self, message: ChatMessage) -> ChatMessage:
        """A model wrote it from passages, and reads it as it reads those."""
        rules = [self.passages, self.answer]
        if len(message.content) <= _LONG:
            return replace(message, content=_left(message.content, rules))
        return replace(message, content=await asyncio.to_thread(_left, message.content, rules))


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
