"""What becomes of turns and conversations: each function is one transaction; callers have fetched objects through
access.py.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog
from django.contrib.postgres.fields import ArrayField
from django.db import connection, transaction
from django.db.models import F, Func, UUIDField, Value
from django.db.models.functions import Cast
from django.utils import timezone

from chatapp.conversations import search
from chatapp.conversations.admission import DEAD_AFTER, RUNNER, SILENT_FOR, Started
from chatapp.conversations.citing import Cited
from chatapp.conversations.explained import keep as keep_explanation
from chatapp.conversations.masked import keep_new, placeholders_of
from chatapp.conversations.models import LONGEST_TITLE, Citation, Conversation, Message, Turn
from chatapp.conversations.trail import turn_ended
from chatapp.errors import Invalid
from chatapp.privacy.caches import forget_streams
from chatapp.privacy.errors import KeyIsMissing, Unreadable
from chatapp.privacy.fields import sealed_values
from chatapp.privacy.sealing import prepare
from chatapp.safety.gates import clean_title
from retrieval.models import Passage
from retrieval.stored_text import storable

log = structlog.get_logger(__name__)

_Columns = tuple[UUID, str, str, str, str | None, str | None]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    turn: UUID
    answer: UUID
    owner: UUID  # under whose key it is kept
    text: str
    engine: str
    written_by: list[dict[str, Any]]
    sources: list[dict[str, Any]] | None  # None: as stored before


# One statement for all answers: the ORM would make a CASE of each value.
_KEEP = """
UPDATE conversations_message AS message
SET text = kept.text, engine = kept.engine, written_by = kept.written_by,
    sources = COALESCE(kept.sources, message.sources),
    documents = CASE WHEN kept.documents IS NULL THEN message.documents
        ELSE ARRAY(SELECT unnest(message.documents) UNION SELECT unnest(kept.documents::uuid[])) END
FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::jsonb[], %s::jsonb[], %s::text[])
    AS kept (id, text, engine, written_by, sources, documents)
WHERE message.id = kept.id
"""


@transaction.atomic
def checkpoint(kept: Sequence[Checkpoint]) -> dict[UUID, bool]:
    """Keeps what was written so far and says that the turns live. -> those that may go on, and whether it was kept"""
    alive = Turn.objects.filter(
        pk__in=[one.turn for one in kept], running=True, runner=RUNNER, stop_requested=False, asker__is_active=True
    )
    going_on = set(alive.select_for_update(of=("self",)).order_by("pk").values_list("pk", flat=True))
    Turn.objects.filter(pk__in=going_on).update(heartbeat_at=timezone.now())
    rows = [one for one in kept if one.turn in going_on]
    prepare({one.owner for one in rows})
    sealed = {one.turn: columns for one in rows if (columns := _sealed(one)) is not None}
    if sealed:
        with connection.cursor() as cursor:
            cursor.execute(_KEEP, [list(column) for column in zip(*sealed.values(), strict=True)])
    return {turn: turn in sealed for turn in going_on}


def _sealed(kept: Checkpoint) -> _Columns | None:
    """None while the owner's key cannot be read: that ends no turn, and no one else's heart-beat waits for it."""
    try:
        return _columns(kept)
    except (KeyIsMissing, Unreadable) as error:
        log.warning("turn.not_kept", turn=str(kept.turn), error=" ".join(str(error).split())[:200])
        return None


@transaction.atomic
def leave_turn(kept: Checkpoint) -> bool:
    """Its last text, and a heart-beat as old as that of a process that died."""
    if not checkpoint([kept]).get(kept.turn):
        return False
    Turn.objects.filter(pk=kept.turn, runner=RUNNER).update(heartbeat_at=timezone.now() - SILENT_FOR)
    return True


def _columns(kept: Checkpoint) -> _Columns:
    values: dict[str, Any] = {"text": kept.text}
    documents = None
    if kept.sources is not None:
        values["sources"] = kept.sources
        documents = f"{{{','.join(map(str, documents_of(kept.sources)))}}}"
    sealed = sealed_values(Message, kept.owner, str(kept.answer), values)
    sources = json.dumps(sealed["sources"]) if "sources" in sealed else None
    return kept.answer, sealed["text"], kept.engine, json.dumps(kept.written_by), sources, documents


def documents_of(sources: Iterable[dict[str, Any]]) -> list[UUID]:
    return sorted({UUID(one["document"]["id"]) for one in sources if one.get("document", {}).get("id")})


def finish_turn(
    *,
    turn: UUID,
    answer: UUID,
    values: dict[str, Any],
    cited: list[Cited],
    passages: dict[int, int],
    explained: dict[str, Any] | None = None,
) -> bool:
    """The one place where an answer gets its fate; False when another process or a deletion was first."""
    with transaction.atomic():
        ended = Turn.objects.filter(pk=turn, running=True, runner=RUNNER)
        if not ended.update(running=False, heartbeat_at=timezone.now()):
            return False
        row = Turn.objects.select_related("asker", "question__conversation").get(pk=turn)
        written = Message(pk=answer, conversation=row.question.conversation, text=values["text"])
        _keep_answer(written, values)
        Citation.objects.filter(message_id=answer).delete()
        if cited:
            kept = set(Passage.objects.filter(pk__in=passages.values()).values_list("pk", flat=True))
            there = {number: passage for number, passage in passages.items() if passage in kept}
            Citation.objects.bulk_create(_citation(written, one, there.get(one.source.number)) for one in cited)
        if explained is not None:
            keep_explanation(written, explained, continued=row.begins_at > 0)
        turn_ended(row, values)
        return True


def _keep_answer(written: Message, values: dict[str, Any]) -> None:
    home = written.conversation
    kept = sealed_values(Message, home.owner_id, str(written.pk), values)
    kept |= {"documents": _WithThoseBefore(documents_of(values["sources"])), "indexed": True}
    Message.objects.filter(pk=written.pk).update(**kept)
    search.index([written])


class _WithThoseBefore(Func):
    """An answer that goes on rests on the documents that its text before was shown, whoever may read them now."""

    template = "ARRAY(SELECT unnest(%(expressions)s))"
    arg_joiner = ") UNION SELECT unnest("

    def __init__(self, documents: Sequence[UUID]) -> None:
        kind = ArrayField(UUIDField())
        super().__init__(F("documents"), Cast(Value(list(documents), kind), kind), output_field=kind)


def _citation(answer: Message, cited: Cited, passage: int | None) -> Citation:
    source = cited.source
    return Citation(
        message=answer,
        number=source.number,
        passage_id=passage,
        document_name=source.document[:255],
        page=source.page,
        quote=cited.quote,
        score=source.score,
    )


def refuse_turn(*, started: Started, error: dict[str, Any]) -> None:
    """A turn that was admitted and then found no room: the question stays, with the reason; so does earlier text."""
    status = Message.Status.INTERRUPTED if started.written else Message.Status.FAILED
    with transaction.atomic():
        if Turn.objects.filter(pk=started.turn, running=True, runner=RUNNER).update(running=False):
            Message.objects.filter(pk=started.answer).update(status=status, error=error)


def request_stop(*, turn: Turn) -> None:
    """Reaches the turn in whichever process it runs, at its next heart-beat."""
    Turn.objects.filter(pk=turn.pk, running=True).update(stop_requested=True)


def rename_conversation(*, conversation: Conversation, title: str) -> None:
    """Raises Invalid, ContentBlocked, and Busy where an answer masks something at the same moment."""
    title = " ".join(storable(title).split())
    if not 0 < len(title) <= LONGEST_TITLE:
        raise Invalid(f"A title has 1 to {LONGEST_TITLE} characters.")
    if conversation.temporary:
        raise Invalid("A temporary chat has no title.")
    with transaction.atomic():
        placeholders = placeholders_of(conversation)
        conversation.title = clean_title(conversation.owner, title, placeholders)[:LONGEST_TITLE]
        keep_new(conversation, placeholders)
        # The list is sorted by the last message: a new name does not move the conversation.
        conversation.save(update_fields=["title"])
        search.index_titles([conversation])


def delete_conversation(*, conversation: Conversation) -> None:
    """Running turns notice that their rows are gone and stop. Frames go as soon as that is certain; those of a running
    turn once more when it notices.
    """
    with transaction.atomic():
        Conversation.objects.select_for_update(no_key=True).filter(pk=conversation.pk).first()
        turns = lock_turns([conversation.pk])
        conversation.delete()
        transaction.on_commit(lambda: forget_streams(turns))


def lock_turns(conversations: Collection[UUID]) -> list[UUID]:
    """Before conversations are deleted, which are locked already, without their keys: none begins from here on, and
    what an answer stores at its end is there to be deleted, or finds no turn."""
    turns = Turn.objects.filter(question__conversation__in=conversations).order_by("pk")
    return list(turns.select_for_update(of=("self",)).values_list("pk", flat=True))


def is_forgotten(*, turn: UUID) -> bool:
    """Whether its conversation was deleted, or the person erased, while it ran: then nothing of it is to stay."""
    return not Turn.objects.filter(pk=turn).exists()


def sweep() -> int:
    """Marks the turns of processes that died: their text so far stays, and they can be continued."""
    dead = Turn.objects.filter(running=True, heartbeat_at__lt=timezone.now() - DEAD_AFTER)
    swept = 0
    for turn in dead[:500]:
        with transaction.atomic():
            if Turn.objects.filter(pk=turn.pk, running=True, heartbeat_at=turn.heartbeat_at).update(running=False):
                Message.objects.filter(pk=turn.answer_id, status=Message.Status.STREAMING).update(
                    status=Message.Status.INTERRUPTED,
                    error={
                        "code": "interrupted",
                        "message": "The answer was interrupted by a restart.",
                        "advice": "Continue it, or write it again.",
                        "retryable": True,
                    },
                )
                swept += 1
    return swept
