"""Documents that failed, by their reasons; trying them again, and calling off what waits, many at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Count, F, Max, QuerySet, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from retrieval import tasks
from retrieval.leasing import nobodys
from retrieval.models import Document, Passage

CANCELLED = "cancelled"
_CANCELLED_SENTENCE = "It was called off before it was its turn. Try it again whenever you like."
_AT_ONCE = 500
_REASONS = 100
_Status = Document.Status
# The file itself is at fault: whoever tries again reads the same bytes. A limit, by contrast, can be raised, and text
# recognition installed.
OF_THE_FILE = frozenset({"unsupported", "wrong_type", "empty", "corrupt", "encrypted", "bomb", "document_rejected"})
_SENTENCES = 5  # of a reason, those that most documents were given


@dataclass(frozen=True, slots=True)
class Reason:
    """Why documents failed, with what they were told."""

    code: str
    documents: int
    sentences: list[tuple[str, int]]  # the most frequent first, with how many documents were told so
    newest: datetime | None

    @property
    def sentence(self) -> str:
        return self.sentences[0][0] if self.sentences else ""

    @property
    def retryable(self) -> bool:
        return self.code not in OF_THE_FILE


def failed(collection: UUID | None = None, code: str | None = None) -> QuerySet[Document]:
    """What people attached to their conversations is theirs alone to see and to try again."""
    rows = Document.objects.filter(status=_Status.FAILED, collection__attached=False)
    if collection is not None:
        rows = rows.filter(collection=collection)
    return rows if code is None else rows.filter(error_code=code)


def reasons(collection: UUID | None = None) -> list[Reason]:
    """The most frequent first."""
    counted = failed(collection).order_by().values("error_code")
    rows = list(
        counted.annotate(number=Count("pk"), newest=Max("queued_at")).order_by("-number", "error_code")[:_REASONS]
    )
    told = _told(collection, [row["error_code"] for row in rows])
    return [Reason(row["error_code"], row["number"], told[row["error_code"]], row["newest"]) for row in rows]


def _told(collection: UUID | None, codes: list[str]) -> dict[str, list[tuple[str, int]]]:
    """The sentences of each code, numbered by how many documents have them."""
    place = Window(RowNumber(), partition_by="error_code", order_by=[F("number").desc(), F("error")])
    counted = failed(collection).filter(error_code__in=codes).order_by().values("error_code", "error")
    rows = counted.annotate(number=Count("pk")).annotate(place=place).filter(place__lte=_SENTENCES)
    told: dict[str, list[tuple[str, int]]] = {code: [] for code in codes}
    for row in rows.order_by("place"):
        told[row["error_code"]].append((row["error"], row["number"]))
    return told


def retry_failed(collection: UUID | None = None, code: str | None = None) -> int:
    """Start all of them again from their stored files, but for those whose file is at fault, unless `code` names it.
    -> how many
    """
    rows = failed(collection, code)
    if code is None:
        rows = rows.exclude(error_code__in=OF_THE_FILE)
    number = 0
    for keys in _in_parts(rows):
        number += Document.objects.filter(pk__in=keys, status=_Status.FAILED).update(
            status=_Status.RECEIVED,
            error="",
            error_code="",
            attempts=0,
            seconds=0.0,
            lease_token=None,
            lease_until=None,
            queued_at=timezone.now(),
        )
    if number:
        tasks.wake("parse", at_once=True)
    return number


def cancel_waiting(collection: UUID | None = None) -> int:
    """Call off what nobody works on at the moment; it is among the failed then, and can be tried again. -> how many"""
    rows = Document.objects.filter(status__in=[_Status.RECEIVED, _Status.PARSING, _Status.EMBEDDING])
    rows = rows.filter(nobodys(), collection__attached=False)
    if collection is not None:
        rows = rows.filter(collection=collection)
    number = 0
    for keys in _in_parts(rows):
        with transaction.atomic():
            held = Document.objects.select_for_update(skip_locked=True).filter(pk__in=keys).filter(nobodys())
            keys = [document.pk for document in held if document.status not in (_Status.READY, _Status.FAILED)]
            Passage.objects.filter(document__in=keys).delete()
            number += Document.objects.filter(pk__in=keys).update(
                status=_Status.FAILED,
                error_code=CANCELLED,
                error=_CANCELLED_SENTENCE,
                passage_count=0,
                lease_token=None,
                lease_until=None,
            )
    return number


def _in_parts(rows: QuerySet[Document]) -> Iterator[list[UUID]]:
    """Each row once, also when it is among them again meanwhile."""
    last: UUID | None = None
    while True:
        part = rows.order_by("pk") if last is None else rows.filter(pk__gt=last).order_by("pk")
        keys = list(part.values_list("pk", flat=True)[:_AT_ONCE])
        if not keys:
            return
        last = keys[-1]
        yield keys
