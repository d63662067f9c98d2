"""What curators do with what people sent: they see to it, and may take that back. Each with its line in the audit
trail."""

from __future__ import annotations

from django.db import transaction

from chatapp import access
from chatapp.accounts.models import User
from chatapp.errors import Invalid, NotFound
from chatapp.feedback.errors import ChangedMeanwhile, HandledMeanwhile
from chatapp.feedback.models import NOTE_CHARACTERS, Handled, Rating
from chatapp.governance.services import record
from retrieval.stored_text import storable

MOST_COUNTED = 99


def open_count(user: User) -> int:
    """Of what nobody has handled yet; more than MOST_COUNTED are not counted."""
    return access.feedback(user).filter(open=True).order_by()[: MOST_COUNTED + 1].count()


def handle(*, pk: int, by: User, seen: str, note: str) -> Handled:
    """`seen`: the moment at which what the page showed was sent. Raises NotFound, Invalid, HandledMeanwhile, and
    ChangedMeanwhile where its person says something else now."""
    note = storable(note).strip()
    if len(note) > NOTE_CHARACTERS:
        raise Invalid(f"A note has at most {NOTE_CHARACTERS:,} characters.")
    with transaction.atomic():
        row = _held(by, pk)
        if Handled.objects.filter(rating=row).exists():
            raise HandledMeanwhile
        if stamp(row) != seen:
            raise ChangedMeanwhile
        made = Handled.objects.create(rating=row, by=by, note=note)
        _keep(row, "feedback.handled", by, is_open=False)
    return made


def reopen(*, pk: int, by: User, seen: str) -> None:
    """`seen`: the number of the row that the page showed. Raises NotFound and ChangedMeanwhile."""
    with transaction.atomic():
        row = _held(by, pk)
        handled = Handled.objects.filter(rating=row).first()
        if handled is None or str(handled.pk) != seen:
            raise ChangedMeanwhile
        handled.delete()
        _keep(row, "feedback.reopened", by, is_open=True)


def stamp(row: Rating) -> str:
    """Tells what was sent from what the same person sent later."""
    return row.sent_at.isoformat() if row.sent_at else ""


def _held(by: User, pk: int) -> Rating:
    """Until the transaction ends nobody else handles it, nor does its person say anything else."""
    row = access.feedback(by).select_for_update(of=("self",)).filter(pk=pk).first()
    if row is None:
        raise NotFound
    return row


def _keep(row: Rating, action: str, by: User, *, is_open: bool) -> None:
    """Notes are words about somebody's question: they are not in the trail."""
    Rating.objects.filter(pk=row.pk).update(open=is_open)
    record(action, f"feedback {row.pk}", by, organisation=by.tenant, message=str(row.message_id))
