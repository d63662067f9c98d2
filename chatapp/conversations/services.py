"""What changes conversations: each function is one transaction; callers have fetched objects through access.py."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from chatapp import access
from chatapp.accounts.models import User
from chatapp.conversations.citing import Cited
from chatapp.conversations.models import Citation, Conversation, Message, Turn
from chatapp.errors import Busy, Invalid
from inference.engine import ChatMessage
from inference.sentences import sentences
from retrieval.ingestion import storable
from retrieval.models import Passage

DEAD_AFTER = timedelta(seconds=20)  # heart-beats come each second
_HISTORY = 12
_TITLE, _LOOKED_AT = 60, 500  # characters of a title, and of the question that it is made from


@dataclass(frozen=True, slots=True)
class Started:
    """A turn that is admitted: what its task needs to know."""

    turn: UUID
    conversation: UUID
    title: str
    question: UUID
    answer: UUID
    asker: User
    text: str
    history: tuple[ChatMessage, ...]
    written: str = ""  # of a continued answer
    sources: tuple[dict[str, Any], ...] = ()  # of a continued answer: its marks keep their numbers
    written_by: tuple[dict[str, Any], ...] = ()
    collections: frozenset[UUID] | None = None
    shown: frozenset[UUID] = frozenset()  # documents that the history was written from


@transaction.atomic
def ask(
    *,
    user: User,
    text: str,
    conversation: UUID | None = None,
    parent: UUID | None = None,
    collections: frozenset[UUID] | None = None,
) -> Started:
    _admit(user)
    above: Message | None = None
    if conversation is None:
        home = Conversation.objects.create(owner=user, title=title_of(text))
    else:
        home = access.get_conversation(user, conversation)
    if parent is not None:
        above = access.get_message(user, parent)
        if above.conversation_id != home.pk or above.role != Message.Role.ASSISTANT:
            raise Invalid("A question follows an answer of the same conversation.")
    question = Message.objects.create(conversation=home, parent=above, role=Message.Role.USER, text=text)
    return _begin(user, home, question, collections)


@transaction.atomic
def edit(*, user: User, message: UUID, text: str) -> Started:
    """A sibling of the question, with an answer of its own."""
    _admit(user)
    old = access.get_message(user, message)
    if old.role != Message.Role.USER:
        raise Invalid("Only a question can be edited.")
    question = Message.objects.create(
        conversation=old.conversation, parent=old.parent, role=Message.Role.USER, text=text
    )
    return _begin(user, old.conversation, question, _chosen_collections(old))


@transaction.atomic
def regenerate(*, user: User, message: UUID) -> Started:
    _admit(user)
    old = access.get_message(user, message)
    if old.role != Message.Role.ASSISTANT or old.parent is None:
        raise Invalid("Only an answer can be written again.")
    return _begin(user, old.conversation, old.parent, _chosen_collections(old.parent))


@transaction.atomic
def continue_answer(*, user: User, message: UUID) -> Started:
    _admit(user)
    access.get_message(user, message)
    answer = Message.objects.select_for_update(of=("self",)).select_related("conversation", "parent").get(pk=message)
    if answer.status not in (Message.Status.INTERRUPTED, Message.Status.STOPPED) or answer.parent is None:
        raise Invalid("Only an answer that was interrupted or stopped can be continued.")
    answer.status, answer.error = Message.Status.STREAMING, None
    answer.save(update_fields=["status", "error"])
    return _started(user, answer.conversation, answer.parent, answer, _chosen_collections(answer.parent))


def _chosen_collections(question: Message) -> frozenset[UUID] | None:
    """What the question was asked of: an edit or another try searches nothing else."""
    turn = Turn.objects.filter(question=question).order_by("created_at").last()
    return None if turn is None or turn.collections is None else frozenset(UUID(one) for one in turn.collections)


def _begin(user: User, conversation: Conversation, question: Message, collections: frozenset[UUID] | None) -> Started:
    answer = Message.objects.create(
        conversation=conversation, parent=question, role=Message.Role.ASSISTANT, status=Message.Status.STREAMING
    )
    conversation.save(update_fields=["updated_at"])
    return _started(user, conversation, question, answer, collections)


def _started(
    user: User, conversation: Conversation, question: Message, answer: Message, collections: frozenset[UUID] | None
) -> Started:
    turn = Turn.objects.create(
        asker=user,
        question=question,
        answer=answer,
        begins_at=len(answer.text),
        collections=None if collections is None else sorted(map(str, collections)),
    )
    above = _history(question)
    return Started(
        turn=turn.pk,
        conversation=conversation.pk,
        title=conversation.title,
        question=question.pk,
        answer=answer.pk,
        asker=user,
        text=question.text,
        history=tuple(_as_chat(message) for message in above),
        shown=frozenset(UUID(source["document"]["id"]) for message in above for source in message.sources),
        written=answer.text,
        sources=tuple(answer.sources),
        written_by=tuple(answer.written_by),
        collections=collections,
    )


def _admit(user: User) -> None:
    """Serialised for each person, so that two tabs cannot pass the bound together."""
    User.objects.select_for_update().get(pk=user.pk)
    if running_turns(user).count() >= settings.TURNS_PER_USER:
        raise Busy


def running_turns(user: User) -> Any:
    alive = Turn.objects.filter(asker=user, running=True, heartbeat_at__gt=timezone.now() - DEAD_AFTER)
    return alive.select_related("question").order_by("created_at")


def _history(question: Message) -> list[Message]:
    """The messages above the question on its own branch, oldest first."""
    parents = dict(question.conversation.messages.exclude(pk=question.pk).values_list("pk", "parent_id"))
    branch: list[UUID] = []
    at = question.parent_id
    while at is not None and len(branch) < _HISTORY:
        branch.insert(0, at)
        at = parents.get(at)
    there = Message.objects.exclude(text="").in_bulk(branch)
    return [there[pk] for pk in branch if pk in there]


def _as_chat(message: Message) -> ChatMessage:
    return ChatMessage("user" if message.role == Message.Role.USER else "assistant", message.text)


def title_of(question: str) -> str:
    question = question[:_LOOKED_AT]
    first = (sentences(question) or [question])[0]
    first = " ".join(re.sub(r"[#*`_>\[\]]", "", first).split()) or first
    return first if len(first) <= _TITLE else first[:_TITLE].rsplit(" ", 1)[0] + "…"


# -- the life of a turn ------------------------------------------------------------------------------------------------


def checkpoint(*, turn: UUID, answer: UUID, seq: int, values: dict[str, Any]) -> bool:
    """Keeps what was written so far and says that the turn lives; False when it must stop."""
    with transaction.atomic():
        alive = Turn.objects.filter(pk=turn, running=True, stop_requested=False, asker__is_active=True).update(
            heartbeat_at=timezone.now(), last_seq=seq
        )
        if alive:
            Message.objects.filter(pk=answer).update(**values)
        return bool(alive)


def finish_turn(
    *, turn: UUID, answer: UUID, values: dict[str, Any], cited: list[Cited], passages: dict[int, int]
) -> bool:
    """The one place where an answer gets its fate; False when another process or a deletion was first."""
    with transaction.atomic():
        if not Turn.objects.filter(pk=turn, running=True).update(running=False, heartbeat_at=timezone.now()):
            return False
        Message.objects.filter(pk=answer).update(**values)
        Citation.objects.filter(message_id=answer).delete()
        kept = set(Passage.objects.filter(pk__in=passages.values()).values_list("pk", flat=True))
        there = {number: passage for number, passage in passages.items() if passage in kept}
        Citation.objects.bulk_create(_citation(answer, one, there.get(one.source.number)) for one in cited)
        return True


def _citation(answer: UUID, cited: Cited, passage: int | None) -> Citation:
    source = cited.source
    return Citation(
        message_id=answer,
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
        if Turn.objects.filter(pk=started.turn, running=True).update(running=False):
            Message.objects.filter(pk=started.answer).update(status=status, error=error)


def request_stop(*, turn: Turn) -> None:
    """Reaches the turn in whichever process it runs, at its next heart-beat."""
    Turn.objects.filter(pk=turn.pk, running=True).update(stop_requested=True)


def rename_conversation(*, conversation: Conversation, title: str) -> None:
    title = " ".join(storable(title).split())
    if not 0 < len(title) <= 200:
        raise Invalid("A title has 1 to 200 characters.")
    # The list is sorted by the last message: a new name does not move the conversation.
    Conversation.objects.filter(pk=conversation.pk).update(title=title)
    conversation.title = title


def delete_conversation(*, conversation: Conversation) -> None:
    """Running turns notice that their rows are gone and stop."""
    conversation.delete()


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
