"""What is known of a document, for who looks after it: where it came from, how far it is, where it is used."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from django.db.models import Count, Q
from django.utils import timezone

from chatapp import access
from chatapp.accounts.models import User
from chatapp.conversations.models import Citation, Message
from chatapp.errors import NotFound
from chatapp.feedback.models import Rating
from retrieval import files
from retrieval.models import Document, Passage
from retrieval.pipeline.dead_letters import CANCELLED, OF_THE_FILE
from retrieval.sources.models import SourceItem
from retrieval.versions.members import served
from retrieval.versions.models import IndexedDocument

PREVIEWED = 5  # passages
LATELY = timedelta(days=30)
_MOST_VERSIONS = 10
_Status = Document.Status


@dataclass(frozen=True, slots=True)
class Stage:
    name: str
    state: Literal["done", "now", "waits", "failed", ""]  # "": not reached yet
    at: datetime | None = None  # done or failed then; waits since then. Since when it is at work is not kept


@dataclass(frozen=True, slots=True)
class Used:
    """In answers of the last time: counted, nobody is named."""

    answers: int
    good: int
    bad: int
    days: int = LATELY.days


def stages(document: Document) -> list[Stage]:
    """In their order; of a failure it is not kept in which stage it came about."""
    received, moved = Stage("Received", "done", document.created_at), document.queued_at
    match document.status:
        case _Status.READY:
            return [
                received,
                Stage("Read", "done"),
                Stage("Indexed", "done"),
                Stage("Ready", "done", document.ready_at),
            ]
        case _Status.FAILED:
            return [received, Stage("Failed", "failed", moved)]
        case _Status.EMBEDDING:
            return [received, Stage("Read", "done"), _going(document, "Indexing"), Stage("Ready", "")]
    return [received, _going(document, "Reading"), Stage("Indexed", ""), Stage("Ready", "")]


def _going(document: Document, name: str) -> Stage:
    return Stage(name, "now") if _at_work(document) else Stage(name, "waits", document.queued_at)


def _at_work(document: Document) -> bool:
    until = document.lease_until
    return document.lease_token is not None and until is not None and until > timezone.now()


def failed_attempts(document: Document) -> int:
    """Those that came to nothing: one that is at work is counted from its beginning."""
    return max(document.attempts - _at_work(document), 0)


def what_to_do(document: Document) -> str:
    """About one that failed; '' otherwise."""
    if document.status != _Status.FAILED:
        return ""
    if document.error_code in OF_THE_FILE:
        return "The file itself is at fault: trying again reads the same bytes. Mend it, and upload it again."
    if document.error_code == CANCELLED:
        return "Try it again whenever you like."
    return "Trying again can help, once what the sentence names is mended."


def downloadable(document: Document, user: User) -> bool:
    """Who looks after a document need not be among its own readers."""
    try:
        access.get_document(user, document.pk)
    except NotFound:
        return False
    return files.stored_file(document.sha256).is_file()


def source_of(document: Document) -> SourceItem | None:
    """The item of a source that brought it."""
    items = SourceItem.objects.filter(Q(document=document) | Q(incoming=document))
    return items.select_related("source").order_by("pk").first()


def places_of(document: Document) -> list[IndexedDocument]:
    """In index versions, the newest first."""
    rows = IndexedDocument.objects.filter(document=document, version__cleared_at=None)
    return list(rows.select_related("version").order_by("-version")[:_MOST_VERSIONS])


def preview_of(document: Document) -> list[Passage]:
    """The first passages that answer questions now."""
    return list(served(Passage.objects.filter(document=document)).order_by("ordinal")[:PREVIEWED])


def used_lately(document: Document) -> Used:
    since = timezone.now() - LATELY
    cited = Citation.objects.filter(passage__document=document, message__created_at__gte=since)
    answers = Message.objects.filter(pk__in=cited.values("message"))
    rated = Rating.objects.filter(message__in=answers.values("pk")).aggregate(
        good=Count("pk", filter=Q(value=Rating.Value.GOOD)), bad=Count("pk", filter=Q(value=Rating.Value.BAD))
    )
    return Used(answers.count(), rated["good"], rated["bad"])
