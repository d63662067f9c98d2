"""Erasing a person: their account and all that hangs on it, and the key under which the rest is sealed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.auth import SESSION_KEY
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from chatapp.accounts.models import ApiKey, User
from chatapp.attachments import leaving
from chatapp.attachments.models import Attached
from chatapp.conversations.models import Conversation, Turn
from chatapp.feedback.models import Rating
from chatapp.governance.services import record
from chatapp.privacy import sealing
from chatapp.privacy.caches import forget_answers, forget_streams
from chatapp.privacy.errors import LastAdministrator
from retrieval.models import Document
from retrieval.pipeline.ingestion import delete_document

log = structlog.get_logger(__name__)

_BATCH = 500
_RUNNING_ENDS = timedelta(hours=1)  # a turn that began before it has no frames any more


@dataclass(frozen=True, slots=True)
class Erased:
    conversations: int
    ratings: int
    keys: int
    sessions: int
    documents: int

    def as_dict(self) -> dict[str, int]:
        return asdict(self)


def erase(person: User, *, by: User | None = None, with_documents: bool = False) -> Erased:
    """Can be broken off and run again: the account goes last, and with it the key. Raises LastAdministrator."""
    _shut_out(person)
    turns = _recent_turns(person)
    documents = _delete_documents(person) if with_documents else 0
    files = list(Attached.objects.filter(conversation__owner=person).values_list("collection", flat=True))
    with transaction.atomic():
        erased = Erased(
            Conversation.objects.filter(owner=person).count(),
            Rating.objects.filter(person=person).count(),
            ApiKey.objects.filter(user=person).count(),
            _end_sessions(person),
            documents,
        )
        _forget_in_the_administration(person)
        number = person.pk
        person.delete()
        sealing.destroy(number)
        facts: dict[str, Any] = {**erased.as_dict()}
        record("account.erased", f"person {number}", by, organisation=person.tenant, **facts)
    remember(number)
    forget_streams(turns)
    forget_answers()
    leaving.forget(files)  # the last: should it fail, the worker deletes them
    log.info("privacy.person_erased", person=str(number))
    return erased


def erase_again(people: Iterable[UUID]) -> int:
    """After a backup was put back: those who were erased since it was made. -> how many were there"""
    found = 0
    for number in people:
        person = User.objects.filter(pk=number).first()
        if person is not None:
            erase(person)
            found += 1
        else:
            sealing.destroy(number)
    return found


def remember(person: UUID) -> None:
    """Outside the database, for the day on which a backup from before is put back."""
    path = erased_people()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("a", encoding="ascii") as stream:
        stream.write(f"{person} {timezone.now():%Y-%m-%dT%H:%M:%SZ}\n")


def remembered() -> Iterator[UUID]:
    path = erased_people()
    if not path.is_file():
        return
    with path.open(encoding="ascii") as stream:
        for line in stream:
            yield UUID(line.split()[0])


def erased_people() -> Path:
    return settings.VAR_DIR / "erased" / "people"


@transaction.atomic
def _shut_out(person: User) -> None:
    """Nothing new begins, and what runs ends within seconds."""
    administrators = User.objects.select_for_update().filter(is_superuser=True, is_active=True)
    if {one.pk for one in administrators} == {person.pk}:
        raise LastAdministrator
    User.objects.filter(pk=person.pk).update(is_active=False)
    ApiKey.objects.filter(user=person, revoked_at=None).update(revoked_at=timezone.now())
    Turn.objects.filter(asker=person, running=True).update(stop_requested=True)


def _recent_turns(person: User) -> list[UUID]:
    recent = Turn.objects.filter(asker=person, heartbeat_at__gt=timezone.now() - _RUNNING_ENDS)
    return list(recent.values_list("pk", flat=True))


def _delete_documents(person: User) -> int:
    deleted = 0
    while batch := list(Document.objects.filter(uploaded_by=person).order_by("pk")[:_BATCH]):
        for document in batch:
            delete_document(document=document, by=None)
        deleted += len(batch)
    return deleted


def _end_sessions(person: User) -> int:
    ended = 0
    for session in Session.objects.iterator(_BATCH):
        if session.get_decoded().get(SESSION_KEY) == str(person.pk):
            session.delete()
            ended += 1
    return ended


def _forget_in_the_administration(person: User) -> None:
    """Its log names people whom others changed, and what is theirs. The audit trail says the same, under their seal."""
    User.objects.filter(owner=person).update(contact="")
    kind = ContentType.objects.get_for_model(User)
    keys = {str(one) for one in person.api_keys.all()}
    name = rf"\y{re.escape(person.get_username())}\y"
    about = Q(content_type=kind, object_id=str(person.pk)) | Q(object_repr__in=keys) | Q(object_repr__iregex=name)
    LogEntry.objects.filter(about).delete()
