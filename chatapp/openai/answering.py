"""An answer for a program: found, written and cited as on the page, and stored nowhere."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Literal
from uuid import uuid4

from django.conf import settings

from chatapp.accounts.models import User
from chatapp.conversations.citing import Cited, MarkFilter, cite
from chatapp.conversations.engines import get_route
from chatapp.conversations.frames import question_text
from chatapp.conversations.generation import generation, source_frames, source_of, without_copies
from chatapp.database import in_database
from chatapp.documents.search import asearch_passages, reads_what_stays_in_house
from chatapp.errors import Invalid, NotFound
from chatapp.openai.door import Place
from inference.engine import ChatMessage, Finish, Generation, Progress, TextPiece, Usage, Writer
from inference.prompts import estimate_tokens
from inference.route import Route
from inference.serving.request_form import CompletionRequest

ROUTE = "footnote"  # the name under which the route of the page is offered
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


Event = Found | Progress | TextPiece | Writer | Done


def route_named(name: str) -> Route:
    """The route of the page, or one engine of it, with the quotations behind it."""
    route = get_route()
    if name in ("", "default", ROUTE):
        return route
    engine = next((one for one in route.engines if one.name == name), None)
    if engine is None:
        raise NotFound("There is no model of that name.", advice="`GET /v1/models` lists them.")
    last = route.engines[-1]
    return Route([engine] if engine is last else [engine, last])


async def answer(person: User, asked: CompletionRequest) -> AsyncIterator[Event]:
    """Raises the typed errors of search, route and bounds."""
    question, history, instructions = _conversation(asked.messages)
    route = route_named(asked.model)
    place = Place(person)
    place.take()
    try:
        found = without_copies(await asearch_passages(person, question, k=settings.TURN_PASSAGES))
        frames = source_frames(found)
        yield Found(frames)
        in_house = any(hit.passage.document.collection.stays_in_house for hit in found)
        if history and not in_house:  # what it was written from is not known here
            in_house = await in_database(reads_what_stays_in_house)(person)
        wanted = _generation(person, asked, question, history, instructions, frames, in_house)
        async with aclosing(_written(route, wanted)) as events:  # type: ignore[type-var]
            async for event in events:
                yield event
    finally:
        place.free()


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
    in_house: bool,
) -> Generation:
    made = generation(
        turn_id=uuid4().hex,
        question=question,
        sources=[source_of(frame) for frame in frames],
        in_house=in_house,
        asker=str(person.pk),
        history=history,
        instructions=instructions,
    )
    sampling = asked.sampling
    most = min(sampling.max_tokens, made.max_tokens)
    return Generation(
        turn_id=made.turn_id,
        question=question,
        messages=made.messages,
        sources=made.sources,
        asker=made.asker,
        in_house=made.in_house,
        max_tokens=most,
        temperature=sampling.temperature,
        stop=sampling.stop,
        seed=sampling.seed or None,
    )


async def _written(route: Route, wanted: Generation) -> AsyncIterator[Event]:
    marks = MarkFilter(frozenset(source.number for source in wanted.sources))
    text, engine, finish = "", "", Finish("stop")
    async with aclosing(route.stream(wanted)) as pieces:  # type: ignore[type-var]
        async for piece in pieces:
            if isinstance(piece, TextPiece):
                if shown := marks.push(piece.text):
                    text += shown
                    yield TextPiece(shown)
            elif isinstance(piece, Finish):
                finish = piece
            else:
                engine = piece.engine if isinstance(piece, Writer) else engine
                yield piece
    if rest := marks.rest():
        text += rest
        yield TextPiece(rest)
    usage = finish.usage or Usage(sum(estimate_tokens(m.content) for m in wanted.messages), estimate_tokens(text))
    yield Done([_citation(one) for one in cite(text, wanted.sources)], usage, finish.reason, engine)


def _citation(cited: Cited) -> dict[str, Any]:
    source = cited.source
    return {"number": source.number, "document": source.document, "page": source.page, "quote": cited.quote}
