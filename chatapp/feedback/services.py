"""Rating an answer; callers have fetched it through access.py."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from chatapp.accounts.models import User
from chatapp.conversations.models import Message, Turn
from chatapp.errors import Invalid, NotFound
from chatapp.feedback.models import MOST_CHARACTERS, Rating
from chatapp.privacy.errors import Unreadable
from inference import outcomes
from retrieval.stored_text import storable

_NAMES = {"good": Rating.Value.GOOD, "bad": Rating.Value.BAD}


def rate(*, message: Message, by: User, rating: str, reasons: Sequence[str] = (), text: str = "") -> Rating:
    """Raises Invalid."""
    if message.role != Message.Role.ASSISTANT or message.status == Message.Status.STREAMING or not message.text:
        raise Invalid("Only an answer that has ended can be rated.")
    if rating not in _NAMES:
        raise Invalid("`rating` must be good or bad.")
    if not set(reasons) <= set(Rating.Reason.values):
        raise Invalid(f"`reasons` may hold {', '.join(Rating.Reason.values)}.")
    if len(text) > MOST_CHARACTERS:
        raise Invalid(f"`text` has at most {MOST_CHARACTERS:,} characters.")
    values = {"value": _NAMES[rating], "reasons": sorted(set(reasons)), "text": storable(text).strip()}
    try:
        with transaction.atomic():
            row, _ = Rating.objects.update_or_create(message=message, person=by, defaults=values)
            transaction.on_commit(lambda: _tell(message, int(row.value)))
    except IntegrityError as error:  # the conversation was deleted meanwhile
        raise NotFound from error
    return row


def unrate(*, message: Message, by: User) -> None:
    with transaction.atomic():
        Rating.objects.filter(message=message, person=by).delete()
        transaction.on_commit(lambda: _tell(message, None))


def ratings_of(user: User, messages: Iterable[Message]) -> dict[UUID, dict[str, Any]]:
    """What the person said of these messages, as JSON."""
    rows = Rating.objects.filter(person=user, message__in=[message.pk for message in messages])
    return {row.message_id: as_json(row) for row in rows}


def as_json(row: Rating) -> dict[str, Any]:
    name = next(name for name, value in _NAMES.items() if value == row.value)
    try:
        text = row.text
    except Unreadable:  # the rating itself is no secret
        text = ""
    return {"rating": name, "reasons": row.reasons, "text": text}


def of_turns(turns: Collection[UUID]) -> dict[UUID, int]:
    """What was said of the answers that these turns wrote."""
    answers = dict(Turn.objects.filter(pk__in=turns).values_list("pk", "answer_id"))
    values = dict(Rating.objects.filter(message__in=answers.values()).values_list("message_id", "value"))
    return {turn: values[answer] for turn, answer in answers.items() if answer in values}


def _tell(message: Message, value: int | None) -> None:
    """Only once it is committed: see inference.outcomes.rate. Several turns wrote an answer that was continued."""
    for turn in Turn.objects.filter(answer=message).values_list("pk", flat=True):
        outcomes.rate(turn, value)
