"""How turns begin: each function is one transaction; what people name by an id is fetched through access.py."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from chatapp import access
from chatapp.accounts.models import User
from chatapp.conversations import search
from chatapp.conversations.branch import branch_above
from chatapp.conversations.explained import Found, keep_all, of_question
from chatapp.conversations.masked import keep_new, placeholders_of
from chatapp.conversations.models import Conversation, Message, Turn
from chatapp.conversations.room import Room
from chatapp.documents.filters import EVERYTHING, filters_json, filters_of
from chatapp.errors import TYPED_ERRORS, Invalid, NotFound
from chatapp.governance.findings import gathered, gathering
from chatapp.privacy import sealing
from chatapp.privacy.errors import Unreadable
from chatapp.safety.askers import RulesFor, rules_for
from chatapp.safety.gates import clean_question
from chatapp.safety.masking.placeholders import Placeholders
from chatapp.safety.policy import Where
from inference.engine import ChatMessage
from inference.sentences import sentences
from retrieval.contracts import SearchFilters

RUNNER = uuid.uuid4()  # this process, under a name that no other one has, before or after it
# Five heart-beats: a process that was only slow for a moment keeps its turns, and people wait about as long as they
# would look at a still line before they ask again.
SILENT_FOR = timedelta(seconds=5)
DEAD_AFTER = timedelta(seconds=20)  # heart-beats come each second
Narrowed = tuple[frozenset[UUID] | None, SearchFilters]  # the collections and filters of a question
_TITLE, _LOOKED_AT = 60, 500  # characters of a title, and of the question that it is made from


@dataclass(frozen=True, slots=True)
class Question:
    """A new one; `parent` is the answer that it follows."""

    user: User
    text: str
    conversation: UUID | None = None
    parent: UUID | None = None
    collections: frozenset[UUID] | None = None
    filters: SearchFilters = EVERYTHING
    temporary: bool = False  # begins a temporary chat


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
    filters: SearchFilters = EVERYTHING
    shown: frozenset[UUID] = frozenset()  # documents behind what was said before
    asked_of: frozenset[UUID] = frozenset()  # collections that were chosen before
    begins_at: int = 0  # characters that stood before this turn
    takeovers: int = 0  # how many processes had it before this one
    temporary: bool = False  # its chat is
    prefers: str = ""  # an engine: asked first
    reads_files: bool = False  # what was attached, which is for people at the pages alone


@dataclass(frozen=True, slots=True)
class _Asked:
    user: User
    question: Message  # not stored yet, where it is a new one
    collections: frozenset[UUID] | None
    filters: SearchFilters = EVERYTHING
    placeholders: Placeholders | None = None
    prefers: str = ""
    titles: bool = False  # it is the first question of a conversation to which a file was attached before
    found: Found = field(default_factory=list)  # by filters, in a new question


@transaction.atomic
def ask_all(questions: Sequence[Question]) -> list[Started | Exception]:
    """For each its turn, or why it is refused. Many at once take no more queries than one. Raises NotFound for all
    where the conversation of one is deleted in the same moment: then each is to be asked alone."""
    room = Room([question.user for question in questions], _alive())
    rules = rules_for((question.user for question in questions), [Where.QUESTION])
    results: list[_Asked | Exception] = []
    for question in questions:
        try:
            room.require(question.user)
            results.append(_placed(question, rules))
            room.take(question.user)
        except TYPED_ERRORS as error:
            results.append(error)
    started = iter(_begin([one for one in results if isinstance(one, _Asked)]))
    return [next(started) if isinstance(one, _Asked) else one for one in results]


@transaction.atomic
def edit(*, user: User, message: UUID, text: str, narrowed: Narrowed | None = None) -> Started:
    """A sibling of the question, with an answer of its own; without `narrowed` it searches what the question did."""
    _admit(user)
    old = access.get_message(user, message)
    if old.role != Message.Role.USER:
        raise Invalid("Only a question can be edited.")
    collections, filters = narrowed or _chosen(question=old)
    placeholders = placeholders_of(old.conversation)
    with gathering():
        text, found = clean_question(user, text, collections, placeholders), gathered()
    question = Message(
        conversation=old.conversation, parent=old.parent, role=Message.Role.USER, text=text, indexed=True
    )
    return _begin([_Asked(user, question, collections, filters, placeholders, found=found)])[0]


@transaction.atomic
def regenerate(*, user: User, message: UUID, narrowed: Narrowed | None = None, prefers: str = "") -> Started:
    """`prefers`: the engine that is asked first, where it may be asked at all."""
    _admit(user)
    old = access.get_message(user, message)
    if old.role != Message.Role.ASSISTANT or old.parent is None:
        raise Invalid("Only an answer can be written again.")
    collections, filters = narrowed or _chosen(answer=old)
    # Refused here, where the rules of other collections do; what they mask is masked where it is sent.
    clean_question(user, old.parent.text, collections, placeholders_of(old.conversation))
    return _begin([_Asked(user, old.parent, collections, filters, prefers=prefers)])[0]


@transaction.atomic
def continue_answer(*, user: User, message: UUID) -> Started:
    _admit(user)
    _hold([access.get_message(user, message).conversation_id])
    answer = Message.objects.select_for_update(of=("self",)).select_related("conversation", "parent").get(pk=message)
    if answer.status not in (Message.Status.INTERRUPTED, Message.Status.STOPPED) or answer.parent is None:
        raise Invalid("Only an answer that was interrupted or stopped can be continued.")
    answer.status, answer.error = Message.Status.STREAMING, None
    answer.save(update_fields=["status", "error"])
    turn = _turn(_Asked(user, answer.parent, *_chosen(answer=answer)), answer)
    turn.save(force_insert=True)
    return started(turn)


def _admit(user: User) -> None:
    Room([user], _alive()).require(user)


def _alive() -> QuerySet[Turn]:
    return Turn.objects.filter(running=True, heartbeat_at__gt=timezone.now() - DEAD_AFTER)


def running_turns(user: User) -> QuerySet[Turn]:
    return _alive().filter(asker=user).select_related("question").order_by("created_at")


def _placed(asked: Question, rules: RulesFor) -> _Asked:
    """In its conversation, which may be a new one, below the answer that it follows."""
    if asked.conversation is None:
        home, placeholders = Conversation(owner=asked.user, temporary=asked.temporary), Placeholders()
    elif asked.temporary:
        raise Invalid("A conversation that there is cannot become a temporary chat.", advice="Begin a new one.")
    else:
        home = access.get_conversation(asked.user, asked.conversation)
        placeholders = placeholders_of(home)
    with gathering():
        text, found = clean_question(asked.user, asked.text, asked.collections, placeholders, rules), gathered()
    titles = not home._state.adding and _is_unbegun(home)
    if not home.temporary and (home._state.adding or titles):
        home.title = title_of(text)
    above = None if asked.parent is None else access.get_message(asked.user, asked.parent)
    if above is not None and (above.conversation_id != home.pk or above.role != Message.Role.ASSISTANT):
        raise Invalid("A question follows an answer of the same conversation.")
    question = Message(conversation=home, parent=above, role=Message.Role.USER, text=text, indexed=True)
    return _Asked(asked.user, question, asked.collections, asked.filters, placeholders, titles=titles, found=found)


def _is_unbegun(home: Conversation) -> bool:
    """A file was attached to it, and nothing asked yet."""
    return not home.temporary and not _title_of(home) and not home.messages.exists()


def _chosen(**of: Message) -> Narrowed:
    """What the latest turn of this question or answer searched."""
    turn = Turn.objects.filter(**of).order_by("created_at").last()
    return (None, EVERYTHING) if turn is None else (_collections(turn), filters_of(turn.filters or {}))


def _collections(turn: Turn) -> frozenset[UUID] | None:
    return None if turn.collections is None else frozenset(UUID(one) for one in turn.collections)


def _begin(asked: Sequence[_Asked]) -> list[Started]:
    homes = [one.question.conversation for one in asked]
    _hold(home.pk for home in homes if not home._state.adding)
    sealing.prepare(home.owner_id for home in homes)
    new = Conversation.objects.bulk_create(home for home in homes if home._state.adding)
    for one in asked:
        if one.placeholders is not None:
            keep_new(one.question.conversation, one.placeholders)
    answered_before = [not one.question._state.adding for one in asked]
    answers = [_answer(one.question) for one in asked]
    questions = [one.question for one in asked if one.question._state.adding]
    Message.objects.bulk_create(questions + answers)
    search.index_new(new, questions)
    _keep_titles([one.question.conversation for one in asked if one.titles])
    keep_all([of_question(one.question, one.found) for one in asked if one.found])
    turns = Turn.objects.bulk_create(_turn(one, answer) for one, answer in zip(asked, answers, strict=True))
    return [started(turn, answered_before=b) for turn, b in zip(turns, answered_before, strict=True)]


def _hold(conversations: Iterable[UUID]) -> None:
    """Until the turn is there: whoever deletes one meanwhile waits, and deletes the turn with it. They come back from
    the archive, to the top of the list. Raises NotFound where one is gone already."""
    if not (known := {*conversations}):
        return
    rows = Conversation.objects.filter(pk__in=known)
    if len(rows.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True)) < len(known):
        raise NotFound
    rows.update(updated_at=timezone.now(), archived=False)


def _keep_titles(conversations: Sequence[Conversation]) -> None:
    for one in conversations:
        one.save(update_fields=["title"])
    if conversations:
        search.index_titles(conversations)


def _answer(question: Message) -> Message:
    return Message(
        conversation=question.conversation,
        parent=question,
        role=Message.Role.ASSISTANT,
        status=Message.Status.STREAMING,
    )


def _turn(asked: _Asked, answer: Message) -> Turn:
    chosen = None if asked.collections is None else sorted(map(str, asked.collections))
    return Turn(
        asker=asked.user,
        question=asked.question,
        answer=answer,
        begins_at=len(answer.text),
        collections=chosen,
        filters=filters_json(asked.filters),
        prefers=asked.prefers,
        reads_files=asked.user.grant is None,
        runner=RUNNER,
    )


def started(turn: Turn, *, answered_before: bool = True) -> Started:
    """Of a turn that is in the database, with what was said above it."""
    question, answer = turn.question, turn.answer
    above = branch_above(question, answered_before=answered_before)
    return Started(
        turn=turn.pk,
        conversation=question.conversation_id,
        title=_title_of(question.conversation),
        question=question.pk,
        answer=answer.pk,
        asker=turn.asker,
        text=question.text,
        history=tuple(_as_chat(message) for message in above.messages),
        shown=above.documents,
        asked_of=above.collections,
        written=answer.text,
        sources=tuple(answer.sources),
        written_by=tuple(answer.written_by),
        collections=_collections(turn),
        filters=filters_of(turn.filters or {}),
        begins_at=turn.begins_at,
        takeovers=turn.takeovers,
        prefers=turn.prefers,
        reads_files=turn.reads_files,
        temporary=question.conversation.temporary,
    )


def _title_of(conversation: Conversation) -> str:
    """One that cannot be opened keeps nobody from asking."""
    try:
        return conversation.title
    except Unreadable:
        return ""


def _as_chat(message: Message) -> ChatMessage:
    return ChatMessage("user" if message.role == Message.Role.USER else "assistant", message.text)


def title_of(question: str) -> str:
    question = question[:_LOOKED_AT]
    first = (sentences(question) or [question])[0]
    first = " ".join(re.sub(r"[#*`_>\[\]]", "", first).split()) or first
    return first if len(first) <= _TITLE else first[:_TITLE].rsplit(" ", 1)[0] + "…"
