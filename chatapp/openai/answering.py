"""An answer for a program: found, written and cited as on the page, and stored nowhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any, Literal
from uuid import uuid4

from django.conf import settings

from chatapp.accounts.models import User
from chatapp.conversations import answer_cache
from chatapp.conversations.answer_cache import Asking
from chatapp.conversations.citing import Cited, cite
from chatapp.conversations.engines import get_router
from chatapp.conversations.frames import question_text
from chatapp.conversations.generation import (
    Behind,
    Limits,
    generation,
    limits_of,
    source_frames,
    without_copies,
)
from chatapp.conversations.outgoing import Outgoing, house_rules
from chatapp.conversations.places import Place
from chatapp.conversations.surroundings import sources_of
from chatapp.conversations.taken_away import while_readable
from chatapp.database import in_database
from chatapp.documents.search import asearch_passages, reads_what_stays_in_house
from chatapp.errors import Invalid
from chatapp.governance import findings
from chatapp.openai.narrowing import Narrowed
from chatapp.openai.told import Told
from chatapp.safety.gates import clean_messages, clean_sources
from chatapp.safety.groundedness.checking import unsupported
from chatapp.safety.masking.placeholders import Placeholders
from chatapp.safety.questions import reply_instead, require_allowed
from inference.engine import ChatMessage, Finish, Generation, Progress, Source, TextPiece, Usage, Writer
from inference.engines.extractive import ExtractiveEngine
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
    unsupported: list[tuple[int, int]] = field(default_factory=list)
    note: str = ""  # why those who come first did not write it, or that it was given before


Event = Found | Progress | TextPiece | Writer | Done


async def answer(
    person: User, asked: CompletionRequest, narrowed: Narrowed, *, seed: int | None = None, fresh: bool = False
) -> AsyncIterator[Event]:
    """`fresh`: written anew, whatever was answered before. Raises the typed errors of search, route and bounds."""
    placeholders = Placeholders()  # a program knows what it sent: nothing is put back
    messages = await in_database(clean_messages)(person, asked.messages, narrowed.collections, placeholders)
    question, history, instructions = _conversation(messages)
    route = await route_named(asked.model)
    questions = [one.content for one in messages if one.role == "user"]  # orders are what a system message is for
    said, several = "\n\n".join(questions), len(questions) > 1
    await require_allowed(person, said, narrowed.collections, with_earlier=several)
    if instead := await reply_instead(person, said, narrowed.collections, with_earlier=several):
        yield Found([])
        yield TextPiece(instead)
        yield Done([], Usage(0, estimate_tokens(instead)), "stop", "")
        return
    place = Place(person)
    await place.take()
    findings.begin()
    told = Told(person, question)
    try:
        found = await asearch_passages(
            person,
            question,
            k=settings.TURN_PASSAGES,
            collections=narrowed.collections,
            filters=narrowed.filters,
        )
        found = without_copies(found)
        frames = source_frames(found)
        told.sources = frames
        yield Found(frames)
        documents = {hit.passage.document_id for hit in found}
        limits = await _limits(Behind(person, documents, narrowed.collections or frozenset()), bool(history))
        rules = await house_rules(person, narrowed.collections, placeholders)
        history = await rules.sent.answered(history)
        sources = clean_sources(rules.passages, await sources_of(frames))
        wanted = _generation(person, asked, question, history, instructions, sources, limits, route)
        wanted = replace(wanted, seed=seed)
        known = [*(message.content for message in wanted.messages if message.role != "system"), instructions]
        out = Outgoing(frozenset(source.number for source in sources), rules.answer, known=known)
        asking = Asking(person, narrowed.collections, fresh=fresh, unchanged=lambda: out.unchanged)
        passages = frozenset(hit.passage.pk for hit in found)
        events_while_readable = while_readable(_written(wanted, asking, out), person.pk, passages)
        async with aclosing(events_while_readable) as events:  # type: ignore[type-var]
            async for event in events:
                told.add(event)
                yield event
        told.status = "complete"
    finally:
        told.write()
        await place.free()


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
    sources: list[Source],
    limits: Limits,
    route: str,
) -> Generation:
    made = generation(
        turn_id=uuid4().hex,
        question=question,
        sources=sources,
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


async def _limits(behind: Behind, history: bool) -> Limits:
    """What was said before may have been written from anything that the person reads: that is not known here."""
    limits = await limits_of(behind)
    if history and not limits.in_house and await in_database(reads_what_stays_in_house)(behind.user):
        return replace(limits, in_house=True)
    return limits


async def _written(wanted: Generation, asking: Asking, out: Outgoing) -> AsyncIterator[Event]:
    text, writer, finish = "", Writer(""), Finish("stop")
    async with aclosing(answer_cache.answer(wanted, asking)) as pieces:  # type: ignore[type-var]
        async for piece in pieces:
            if isinstance(piece, TextPiece):
                if shown := out.push(piece.text):
                    text += shown
                    yield TextPiece(shown)
            elif isinstance(piece, Finish):
                finish = piece
                if shown := out.rest():
                    text += shown
                    yield TextPiece(shown)
            else:
                writer = piece if isinstance(piece, Writer) else writer
                yield piece
    if rest := out.rest():
        text += rest
        yield TextPiece(rest)
    usage = finish.usage or Usage(sum(estimate_tokens(m.content) for m in wanted.messages), estimate_tokens(text))
    citations = [_citation(one) for one in cite(text, wanted.sources)]
    quoted = writer.engine == ExtractiveEngine.name
    marks = [] if quoted else await asyncio.to_thread(unsupported, text, wanted.sources, wanted.question)
    yield Done(citations, usage, finish.reason, writer.engine, marks, writer.note)


def _citation(cited: Cited) -> dict[str, Any]:
    source = cited.source
    return {"number": source.number, "document": source.document, "page": source.page, "quote": cited.quote}
