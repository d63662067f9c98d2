"""Tokens that programs use: the most that an answer may take is reserved before it, and the rest given back after."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing

from chatapp.accounts.models import User
from chatapp.limits.tokens import Reserved
from chatapp.openai.answering import Done, Event
from inference.engine import TextPiece
from inference.prompts import estimate_tokens
from inference.serving.request_form import CompletionRequest


async def metered(
    person: User, events: AsyncIterator[Event], asked: CompletionRequest, reserved: Reserved
) -> AsyncIterator[Event]:
    """The same events. What was broken off counts as far as it came, what is refused before the first not at all."""
    text, used, begun = "", 0, False
    try:
        async with aclosing(events) as rest:  # type: ignore[type-var]
            async for event in rest:
                begun = True
                if isinstance(event, TextPiece):
                    text += event.text
                elif isinstance(event, Done):
                    used = event.usage.prompt_tokens + event.usage.completion_tokens
                yield event
    finally:
        if begun:
            said = sum(estimate_tokens(message.content) for message in asked.messages)
            await reserved.settle(person, used or said + estimate_tokens(text))
        else:
            await reserved.give_back(person)
