"""From found passages to what an engine is asked: the same for a turn on the page and for a question of a command."""

from __future__ import annotations

from collections.abc import Collection as Container
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings

from chatapp.accounts.models import User
from chatapp.documents.search import FoundPassage, must_stay_in_house, stays_in_house
from inference.engine import ChatMessage, Generation, Source, Task
from inference.prompts import build_messages, estimate_tokens

_MARGIN_TOKENS = 50  # what a chat template adds, and the request to go on
_LEAST_TOKENS = 200


@dataclass(frozen=True, slots=True)
class Limits:
    """What decides, beside the question, which engines may be asked."""

    in_house: bool
    groups: frozenset[int] = frozenset()


def limits_of(user: User, documents: Container[UUID], chosen: Container[UUID] | None) -> Limits:
    """`documents` are those behind the prompt; `chosen`, the collections that were asked, where the asker chose."""
    return Limits(
        in_house=must_stay_in_house(documents) or stays_in_house(chosen or ()),
        groups=frozenset(user.groups.values_list("pk", flat=True)),
    )


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
        "document": {"id": str(document.pk), "name": document.name, "collection": document.collection.name},
        "page": passage.page,
        "heading": passage.heading,
        "locator": passage.locator,
        "text": passage.text,
        "score": round(hit.score, 4),
    }


def source_of(frame: dict[str, Any]) -> Source:
    number, text, heading, page, score = (frame[key] for key in ("number", "text", "heading", "page", "score"))
    return Source(number, frame["document"]["name"], text, heading, page, score)


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
    return Generation(
        turn_id=turn_id,
        question=question,
        messages=messages,
        sources=tuple(sources),
        asker=asker,
        in_house=limits.in_house,
        groups=limits.groups,
        route=route,
        task=task or ("answer" if sources else "talk"),
        written=written,
        max_tokens=config.max_answer_tokens,
    )
