"""A question from the terminal: the same retrieval, prompt and engines as on the page; nothing is stored."""

from __future__ import annotations

import time
import uuid
from argparse import ArgumentParser
from contextlib import aclosing
from typing import Any

from asgiref.sync import async_to_sync
from django.conf import settings

from chatapp import access
from chatapp.accounts.models import User
from chatapp.commands import FootnoteCommand
from chatapp.conversations.citing import Cited, cite
from chatapp.conversations.engines import engine_label, get_router
from chatapp.conversations.frames import question_text
from chatapp.conversations.generation import Behind, generation, limits_of, source_frames, without_copies
from chatapp.conversations.outcomes import recorder
from chatapp.conversations.outgoing import Outgoing, house_rules
from chatapp.conversations.surroundings import sources_of
from chatapp.conversations.trail import program_answered
from chatapp.database import in_database
from chatapp.documents.filters import add_filter_arguments, filters_of_command
from chatapp.documents.search import asearch_passages
from chatapp.governance.later import later_lines
from chatapp.safety.gates import clean_question, clean_sources
from chatapp.safety.masking.placeholders import Placeholders
from chatapp.safety.questions import reply_instead, require_allowed
from inference.engine import Finish, TextPiece, Writer
from retrieval.contracts import SearchFilters


class Command(FootnoteCommand):
    help = "Answer a question from the documents, with citations."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("question")
        parser.add_argument("--collection", metavar="NAME", help="only from this collection")
        add_filter_arguments(parser)
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
        self.add_user_argument(parser)

    def handle(self, *, question: str, collection: str | None, json: bool, user: str | None, **options: Any) -> None:
        person = self.acting_user(user)
        within = frozenset([access.get_collection_by_name(person, collection).pk]) if collection is not None else None
        filters = filters_of_command(options)
        answer = async_to_sync(self._answer)(person, question_text(question), within, filters, show=not json)
        if json:
            self.write_json(answer)
            return
        self.stdout.write("")
        for one in answer["citations"]:
            page = f", page {one['page']}" if one["page"] else ""
            self.stdout.write(f"  [{one['number']}] {one['document']}{page}: {one['quote']}")
        self.stdout.write(f"  answered by {engine_label(answer['engine'])}")

    async def _answer(
        self, person: User, question: str, within: frozenset[uuid.UUID] | None, filters: SearchFilters, *, show: bool
    ) -> dict[str, Any]:
        begun = time.monotonic()
        placeholders = Placeholders()
        question = await in_database(clean_question)(person, question, within, placeholders)
        await require_allowed(person, question, within)
        if instead := await reply_instead(person, question, within):
            if show:
                self.stdout.write(instead, ending="")
            return {"answer": instead, "citations": [], "engine": "", "timings": {}, "usage": {}}
        rules = await house_rules(person, within, placeholders)
        found = await asearch_passages(person, question, k=settings.TURN_PASSAGES, collections=within, filters=filters)
        timings = {"search": _milliseconds(begun)}
        frames = source_frames(without_copies(found))
        sources = clean_sources(rules.passages, await sources_of(frames))
        known = [question, *(source.text for source in sources)]
        out = Outgoing(frozenset(s.number for s in sources), rules.answer, known=known)
        text, engine, note, usage = "", "", "", None
        documents = {hit.passage.document_id for hit in found}
        limits = await limits_of(Behind(person, documents, within or frozenset()))
        asked = generation(
            turn_id=uuid.uuid4().hex, question=question, sources=sources, limits=limits, asker=str(person.pk)
        )
        async with aclosing(get_router().stream(asked)) as pieces:  # type: ignore[type-var]
            async for piece in pieces:
                if isinstance(piece, Writer):
                    engine, note = piece.engine, piece.note
                elif isinstance(piece, TextPiece) and (part := out.push(piece.text)):
                    timings.setdefault("first_text", _milliseconds(begun))
                    text += part
                    if show:
                        self.stdout.write(part, ending="")
                        self.stdout.flush()
                elif isinstance(piece, Finish):
                    usage = piece.usage
        await recorder().flush()
        rest = out.rest()
        if show:
            self.stdout.write(rest)
        text += rest
        program_answered(person, question, text, engine, frames, "complete")
        await later_lines().flush()
        if note:
            self.stderr.write(note)
        timings["total"] = _milliseconds(begun)
        return {
            "answer": text,
            "citations": [_shown(citation) for citation in cite(text, sources)],
            "engine": engine,
            "timings": timings,
            "usage": {
                "prompt_tokens": usage.prompt_tokens if usage else 0,
                "completion_tokens": usage.completion_tokens if usage else 0,
            },
        }


def _shown(citation: Cited) -> dict[str, Any]:
    source = citation.source
    return {
        "number": source.number,
        "document": source.document,
        "page": source.page,
        "quote": citation.quote,
        "score": round(source.score, 4),
    }


def _milliseconds(begun: float) -> int:
    return round((time.monotonic() - begun) * 1000)
