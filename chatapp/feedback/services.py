"""Rating an answer; callers have fetched it through access.py."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from chatapp.accounts.models import User
from chatapp.conversations.masked import bears_any, keep_new, placeholders_of, values_for
from chatapp.conversations.models import Conversation, Message, Turn
from chatapp.errors import Invalid, NotFound
from chatapp.feedback.models import MOST_CHARACTERS, Handled, Rating
from chatapp.feedback.remasking import masked_again
from chatapp.privacy.fields import opened
from chatapp.safety.askers import rules_for
from chatapp.safety.gates import clean_as_whole
from chatapp.safety.masking.placeholders import put_back
from chatapp.safety.policy import Where
from inference import outcomes
from retrieval.stored_text import storable

_NAMES = {"good": Rating.Value.GOOD, "bad": Rating.Value.BAD}
_WORDS = ("text", "correction")
_KEPT: dict[str, Any] = {"sent_at": None, "sent_length": 0, "sent_passages": None, "open": False}


def rate(
    *,
    message: Message,
    by: User,
    rating: str,
    reasons: Sequence[str] = (),
    text: str = "",
    correction: str = "",
    curators: bool = False,
) -> Rating:
    """What is said now replaces what was said before, also whether curators are shown it. Raises Invalid,
    ContentBlocked, and Busy where an answer masks something at the same moment."""
    _require_sense(message, rating, reasons, (text, correction), curators)
    values: dict[str, Any] = {"value": _NAMES[rating], "reasons": sorted(set(reasons))}
    values |= _sent(message) if curators else _KEPT
    try:
        with transaction.atomic():
            values |= _masked(message.conversation, by, text=text, correction=correction)
            row, _ = Rating.objects.update_or_create(message=message, person=by, defaults=values)
            Handled.objects.filter(rating=row).delete()  # somebody saw to other words
            transaction.on_commit(lambda: _tell(message, int(row.value)))
    except IntegrityError as error:  # the conversation was deleted meanwhile
        raise NotFound from error
    return row


def _sent(answer: Message) -> dict[str, Any]:
    """So much of the answer, and the passages behind it, as there are now."""
    passages = [one["passage"] for one in sources_of(answer)]
    return {"sent_at": timezone.now(), "sent_length": len(answer.text), "sent_passages": passages, "open": True}


def sources_of(answer: Message) -> list[dict[str, Any]]:
    """Empty where nobody can open them."""
    return list(opened(answer, "sources") or ())


def _require_sense(message: Message, rating: str, reasons: Sequence[str], words: Sequence[str], curators: bool) -> None:
    """Raises Invalid."""
    if message.role != Message.Role.ASSISTANT or message.status == Message.Status.STREAMING or not message.text:
        raise Invalid("Only an answer that has ended can be rated.")
    if rating not in _NAMES:
        raise Invalid("`rating` must be good or bad.")
    if not set(reasons) <= set(Rating.Reason.values):
        raise Invalid(f"`reasons` may hold {', '.join(Rating.Reason.values)}.")
    if any(len(one) > MOST_CHARACTERS for one in words):
        raise Invalid(f"`text` and `correction` have at most {MOST_CHARACTERS:,} characters.")
    if curators and message.conversation.temporary:
        raise Invalid("Nobody is shown anything of a temporary chat.", advice="Ask in a chat that is kept.")


def _masked(home: Conversation, by: User, **words: str) -> dict[str, str]:
    """What stands masked in the conversation, somebody types as they see it: it is masked again, whatever the rules
    say now, and then the rules for questions hold. Raises ContentBlocked and Busy."""
    kept = {name: storable(value).strip() for name, value in words.items()}
    if any(kept.values()):
        known = values_for(by, [home.pk]).get(home.pk, {})
        placeholders, rules = placeholders_of(home), rules_for([by], [Where.QUESTION])
        kept = {
            name: clean_as_whole(by, masked_again(value, known), placeholders, rules) for name, value in kept.items()
        }
        keep_new(home, placeholders)
    return kept


def unrate(*, message: Message, by: User) -> None:
    with transaction.atomic():
        Rating.objects.filter(message=message, person=by).delete()
        transaction.on_commit(lambda: _tell(message, None))


def ratings_of(user: User, messages: Iterable[Message]) -> dict[UUID, dict[str, Any]]:
    """What the person said of these messages, as JSON."""
    homes = {message.pk: message.conversation_id for message in messages}
    told = {row.message_id: _as_json(row) for row in Rating.objects.filter(person=user, message__in=homes)}
    masked = {homes[pk] for pk, one in told.items() if any(bears_any(one[name]) for name in _WORDS)}
    values = values_for(user, masked) if masked else {}
    return {pk: _put_back(one, values.get(homes[pk], {})) for pk, one in told.items()}


def _put_back(told: dict[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    return told | {name: put_back(told[name], values).text for name in _WORDS}


def _as_json(row: Rating) -> dict[str, Any]:
    name = next(name for name, value in _NAMES.items() if value == row.value)
    words = {field: opened(row, field) or "" for field in _WORDS}  # the rating itself is no secret
    return {"rating": name, "reasons": row.reasons, **words, "curators": row.sent_at is not None}


def of_turns(turns: Collection[UUID]) -> dict[UUID, int]:
    """What was said of the answers that these turns wrote."""
    answers = dict(Turn.objects.filter(pk__in=turns).values_list("pk", "answer_id"))
    values = dict(Rating.objects.filter(message__in=answers.values()).values_list("message_id", "value"))
    return {turn: values[answer] for turn, answer in answers.items() if answer in values}


def _tell(message: Message, value: int | None) -> None:
    """Only once it is committed: see inference.outcomes.rate. Several turns wrote an answer that was continued."""
    for turn in Turn.objects.filter(answer=message).values_list("pk", flat=True):
        outcomes.rate(turn, value)
