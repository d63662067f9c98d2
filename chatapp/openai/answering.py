"""An answer for a program: found, written and cited as on the page, and stored nowhere."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, Literal
from uuid import UUID, uuid4

from django.conf import settings

from chatapp.accounts.models import User
from chatapp.conversations import answer_cache
from chatapp.conversations.answer_cache import Asking
from chatapp.conversations.citing import Cited, MarkFilter, cite
from chatapp.conversations.engines import get_router
from chatapp.conversations.frames import question_text
from chatapp.conversations.generation import (
    Behind,
    Limits,
    generation,
    limits_of,
    source_frames,
    source_of,
    without_copies,
)
from chatapp.conversations.places import Place
from chatapp.database import in_database
from chatapp.documents.search import asearch_passages, reads_what_stays_in_house
from chatapp.errors import Invalid
from inference.engine import ChatMessage, Finish, Generation, Progress, TextPiece, Usage, Writer
from inference.prompts import estimate_tokens
from inference.serving.request_form import CompletionRequest

_INSTRUCTION_CHARACTERS = 8000


@dataclass(frozen=True, slots=True)
class Found:
    sources: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Done:
    citations: list[dict[str, Any]]
    usage: Usage
    reason: Literal["stop", "length"]
    engine: str
    note: str = ""  # why those who come first did not write it, or that it was given before


Event = Found | Progress | TextPiece | Writer | Done


async def answer(
    person: User, asked: CompletionRequest, *, seed: int | None = None, fresh: bool = False
) -> AsyncIterator[Event]:
    """`fresh`: written anew, whatever was answered before. Raises the typed errors of search, route and bounds."""
    question, history, instructions = _conversation(asked.messages)
    route = await route_named(asked.model)
    place = Place(person)
    place.take()
    try:
        found = without_copies(await asearch_passages(person, question, k=settings.TURN_PASSAGES))
        frames = source_frames(found)
        yield Found(frames)
        limits = await _limits(person, {hit.passage.document_id for hit in found}, bool(history))
        wanted = _generation(person, asked, question, history, instructions, frames, limits, route)
        wanted = replace(wanted, seed=seed)
        async with aclosing(_written(wanted, Asking(person, fresh=fresh))) as events:  # type: ignore[type-var]
            async for event in events:
                yield event
    finally:
        place.free()


async def route_named(model: str) -> str:
    """The route that answers for this `model`. Raises UnknownRoute."""
    return await get_router().named("" if model == "default" else model)


def _conversation(messages: tuple[ChatMessage, ...]) -> tuple[str, tuple[ChatMessage, ...], str]:
    """-> the question, what was said before, and what the program instructs."""
    instructions = "\n".join(message.content for message in messages if message.role == "system")
    if len(instructions) > _INSTRUCTION_CHARACTERS:
        raise Invalid(f"System messages may have {_INSTRUCTION_CHARACTERS} characters.", advice="Shorten them.")
    said = [message for message in messages if message.role != "system"]
    if not said or said[-1].role != "user":
        raise Invalid("The last message must be the user's question.")
    return question_text(said[-1].content), tuple(said[:-1]), instructions


def _generation(
    person: User,
    asked: CompletionRequest,
    question: str,
    history: tuple[ChatMessage, ...],
    instructions: str,
    frames: list[dict[str, Any]],
    limits: Limits,
    route: str,
) -> Generation:
    made = generation(
        turn_id=uuid4().hex,
        question=question,
        sources=[source_of(frame) for frame in frames],
        limits=limits,
        route=route,
        task="program",
        asker=str(person.pk),
        history=history,
        instructions=instructions,
    )
    sampling = asked.sampling
    most = min(sampling.max_tokens, made.max_tokens)
    return replace(
        made,
        max_tokens=most,
        temperature=sampling.temperature,
        stop=sampling.stop,
    )


async def _limits(person: User, documents: set[UUID], history: bool) -> Limits:
    """What was said before may have been written from anything that the person reads: that is not known here."""
    limits = await limits_of(Behind(person, documents))
    if history and not limits.in_house and await in_database(reads_what_stays_in_house)(person):
        return replace(limits, in_house=True)
    return limits


async def _written(wanted: Generation, asking: Asking) -> AsyncIterator[Event]:
    marks = MarkFilter(frozenset(source.number for source in wanted.sources))
    text, writer, finish = "", Writer(""), Finish("stop")
    async with aclosing(answer_cache.answer(wanted, asking)) as pieces:  # type: ignore[type-var]
        async for piece in pieces:
            if isinstance(piece, TextPiece):
                if shown := marks.push(piece.text):
                    text += shown
                    yield TextPiece(shown)
            elif isinstance(piece, Finish):
                finish = piece
            else:
                writer = piece if isinstance(piece, Writer) else writer
                yield piece
    if rest := marks.rest():
        text += rest
        yield TextPiece(rest)
    usage = finish.usage or Usage(sum(estimate_tokens(m.content) for m in wanted.messages), estimate_tokens(text))
    citations = [_citation(one) for one in cite(text, wanted.sources)]
    yield Done(citations, usage, finish.reason, writer.engine, writer.note)


def _citation(cited: Cited) -> dict[str, Any]:
    source = cited.source
    return {"number": source.number, "document": source.document, "page": source.page, "quote": cited.quote}
