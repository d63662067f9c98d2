"""From found passages to what an engine is asked: the same for a turn on the page and for a question of a command."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.conf import settings

from chatapp.accounts.models import User
from chatapp.conversations.branch import UNKNOWN
from chatapp.database import Together
from chatapp.documents.search import FoundPassage, MayLeave, may_leave_the_house, reads_what_stays_in_house
from chatapp.organisations.boundaries import groups_that_count
from chatapp.safety.egress.guard import guarded_instructions
from inference.engine import ChatMessage, Generation, Source, Task
from inference.prompts import build_messages, estimate_tokens
from retrieval.models import Document

_MARGIN_TOKENS = 90  # what a chat template adds, the request to go on, and the word that no answer holds
_LEAST_TOKENS = 200


@dataclass(frozen=True, slots=True)
class Limits:
    """What decides, beside the question, which engines may be asked."""

    in_house: bool
    groups: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Behind:
    """What a prompt is made of: `documents` behind its passages, and the `collections` that were asked by name.
    `attached`: files lie beside the question, whether or not anything of them was found."""

    user: User
    documents: Set[UUID]
    collections: Set[UUID] = frozenset()
    attached: bool = False


def limits_of_all(prompts: Sequence[Behind]) -> list[Limits]:
    """For many at once, with three queries, and one for each in which it cannot be told what an answer rests on, or
    which rests on what was attached."""
    free = may_leave_the_house(
        {pk for prompt in prompts for pk in prompt.documents}, {pk for prompt in prompts for pk in prompt.collections}
    )
    groups = groups_that_count(prompt.user.pk for prompt in prompts)
    return [
        Limits(
            in_house=not (prompt.documents - {UNKNOWN} <= free.documents and prompt.collections <= free.collections)
            or _may_rest_on_more(prompt, free),
            groups=frozenset(groups[prompt.user.pk]),
        )
        for prompt in prompts
    ]


def _may_rest_on_more(prompt: Behind, free: MayLeave) -> bool:
    """Nobody marks what people attach: it may be a copy of whatever they read, which a key or a widget cannot tell."""
    attached = prompt.attached or not free.attached.isdisjoint(prompt.documents)
    if attached and (settings.ATTACHMENTS_STAY_IN_HOUSE or prompt.user.grant is not None):
        return True
    return (attached or UNKNOWN in prompt.documents) and reads_what_stays_in_house(prompt.user)


limits_of = Together[Behind, Limits](limits_of_all)


def without_copies(found: Sequence[FoundPassage]) -> list[FoundPassage]:
    """The same words in several documents are shown once, where they rank best."""
    first = {hit.passage.text: hit for hit in reversed(found)}
    return [hit for hit in found if first[hit.passage.text] is hit]


def source_frames(found: Sequence[FoundPassage]) -> list[dict[str, Any]]:
    """What people are shown of each passage, numbered from 1; docs/protocol.md describes it as Source."""
    return [_source_frame(number, hit) for number, hit in enumerate(found, start=1)]


def _source_frame(number: int, hit: FoundPassage) -> dict[str, Any]:
    passage, document = hit.passage, hit.passage.document
    return {
        "number": number,
        "passage": passage.pk,
        "document": _shown(document),
        "page": passage.page,
        "heading": passage.heading,
        "locator": passage.locator,
        "text": passage.text,
        "score": round(hit.score, 4),
        "confidence": None if hit.confidence is None else round(hit.confidence, 3),
    }


def _shown(document: Document) -> dict[str, Any]:
    """What was attached to the conversation lies in no collection that anybody knows by a name."""
    home = document.collection
    named = {"collection": "", "attached": True} if home.attached else {"collection": home.name}
    return {"id": str(document.pk), "name": document.name} | named


def source_of(frame: dict[str, Any]) -> Source:
    number, text, heading, page, score = (frame[key] for key in ("number", "text", "heading", "page", "score"))
    return Source(number, frame["document"]["name"], text, heading, page, score, frame.get("confidence"))


def generation(
    *,
    turn_id: str,
    question: str,
    sources: Sequence[Source],
    limits: Limits,
    asker: str = "",
    route: str = "",
    task: Task | None = None,
    history: Sequence[ChatMessage] = (),
    written: str = "",
    instructions: str = "",
    prefers: str = "",
) -> Generation:
    config = settings.INFERENCE
    room = config.context_tokens - config.max_answer_tokens - estimate_tokens(written) - _MARGIN_TOKENS
    messages = build_messages(
        question=question,
        history=history,
        sources=sources,
        max_prompt_tokens=max(room, _LEAST_TOKENS),
        instructions=instructions,
    )
    system, *others = messages
    messages = (replace(system, content=guarded_instructions(system.content)), *others)
    return Generation(
        turn_id=turn_id,
        question=question,
        messages=messages,
        sources=tuple(sources),
        asker=asker,
        in_house=limits.in_house,
        groups=limits.groups,
        route=route,
        prefers=prefers,
        task=task or ("answer" if sources else "talk"),
        written=written,
        max_tokens=config.max_answer_tokens,
    )
