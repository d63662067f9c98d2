"""Which of what people sent a curator looks at: what an address of the page says, and back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Self
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from chatapp import access
from chatapp.access import IsAmong
from chatapp.accounts.models import User
from chatapp.feedback.models import Rating
from retrieval.models import Document

_PLACE = re.compile(r"(\d{1,17})-(\d{1,18})", re.ASCII)  # microseconds up to the year 5138
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class State(StrEnum):
    OPEN, HANDLED, ALL = "open", "handled", "all"


@dataclass(frozen=True, slots=True)
class Choice:
    state: State = State.OPEN
    bad: bool = False
    corrected: bool = False
    collection: UUID | None = None
    before: str = ""  # the place in the list behind which the page begins

    @classmethod
    def of(cls, given: Mapping[str, str]) -> Self:
        """What is not understood is as if it were not there: addresses are kept and sent around."""
        state = given.get("state", "")
        return cls(
            State(state) if state in {*State} else State.OPEN,
            given.get("bad") == "1",
            given.get("corrected") == "1",
            _uuid(given.get("collection", "")),
            before if _PLACE.fullmatch(before := given.get("before", "")) else "",
        )

    @property
    def narrowed(self) -> bool:
        return self.bad or self.corrected or self.collection is not None

    def query(self, **changes: object) -> str:
        """The part of an address behind its path, or nothing where all is as it is without one."""
        chosen = replace(self, **changes)  # type: ignore[arg-type]
        given = {one.name: getattr(chosen, one.name) for one in fields(chosen) if getattr(chosen, one.name)}
        kept = {name: "1" if value is True else str(value) for name, value in given.items()}
        if chosen.state == State.OPEN:
            del kept["state"]
        return f"?{urlencode(kept)}" if kept else ""


def chosen(user: User, choice: Choice) -> QuerySet[Rating]:
    """Newest first, from the place where the page begins."""
    rows = access.feedback(user).order_by("-sent_at", "-pk")
    if choice.state != State.ALL:
        rows = rows.filter(open=choice.state == State.OPEN)
    if choice.bad:
        rows = rows.filter(value=Rating.Value.BAD)
    if choice.corrected:
        rows = rows.exclude(correction="")
    if choice.collection is not None:
        there = Document.objects.filter(IsAmong(F("pk"), OuterRef("message__documents")), collection=choice.collection)
        looked_after = access.looked_after_and_read(user).filter(pk=choice.collection)
        rows = rows.filter(Exists(there), Exists(looked_after))
    if place := _PLACE.fullmatch(choice.before):
        at = _EPOCH + int(place[1]) * _MICROSECOND
        rows = rows.filter(Q(sent_at__lt=at) | Q(sent_at=at, pk__lt=int(place[2])))
    return rows


def place_of(row: Rating) -> str:
    """For `before`: the next page begins behind this one."""
    assert row.sent_at is not None
    return f"{(row.sent_at - _EPOCH) // _MICROSECOND}-{row.pk}"


def _uuid(given: str) -> UUID | None:
    try:
        return UUID(given)
    except ValueError:
        return None
