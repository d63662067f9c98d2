"""Files come to a conversation and go from it, one transaction each; their way through the stages of ingestion is that
of every document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, BinaryIO
from uuid import UUID

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet, Sum
from django.db.models.functions import Greatest

from chatapp import access
from chatapp.accounts.models import User
from chatapp.attachments.models import Attached
from chatapp.conversations.models import Conversation
from chatapp.errors import ChatAppError, NotFound
from chatapp.governance.personal import Personal
from chatapp.governance.services import record
from chatapp.privacy import sealing
from retrieval.models import Collection, Document
from retrieval.pipeline.ingestion import Outcome, Place, delete_document, receive_where
from retrieval.stored_text import clean_name

log = structlog.get_logger(__name__)

LEAST_BYTES = 65_536  # a file costs a parser and rows, however small it is


class TooManyAttached(ChatAppError):
    code, http_status = "too_many_attachments", 409
    advice = "Remove one that is no longer needed, or begin a new chat."

    def __init__(self) -> None:
        super().__init__(f"A chat holds {settings.ATTACHMENTS_PER_CHAT} files at most.")


class AttachmentsFull(ChatAppError):
    code, http_status = "attachments_full", 409
    advice = "Remove files or delete chats that are no longer needed."

    def __init__(self) -> None:
        super().__init__(f"The chats of one person hold {settings.ATTACHMENTS_BYTES_PER_PERSON / 1e6:.0f} MB at most.")


class AttachmentTooLarge(ChatAppError):
    code, http_status = "too_large", 413
    advice = "Attach a part of it, or ask your curator to add it to a collection."

    def __init__(self) -> None:
        super().__init__(f"A file that is attached may have {settings.ATTACHMENT_BYTES / 1e6:.0f} MB at most.")


class NotOffered(ChatAppError):
    code, http_status = "attachments_off", 403
    user_message = "Files cannot be attached to chats here."
    advice = "Ask your curator to add the file to a collection."


@dataclass(frozen=True, slots=True)
class AttachedFile:
    conversation: UUID
    document: Document
    outcome: Outcome


def require_known(user: User) -> None:
    """People at the pages: keys and widgets open nothing here. Raises NotFound."""
    if not user.is_authenticated or not user.is_active or user.grant is not None:
        raise NotFound


def require_offered(user: User, size: int = 0) -> None:
    """`size`: bytes. Raises NotFound, NotOffered and AttachmentTooLarge."""
    require_known(user)
    if not settings.ATTACHMENTS_PER_CHAT:
        raise NotOffered
    if size > settings.ATTACHMENT_BYTES:
        raise AttachmentTooLarge


def attach(
    *, user: User, conversation: UUID | None, name: str, content: BinaryIO, size: int, temporary: bool = False
) -> AttachedFile:
    """Without `conversation` it begins one, of which nothing is listed before something is asked in it.

    Raises NotFound, NotOffered, AttachmentTooLarge, TooManyAttached, AttachmentsFull, and what ingestion raises.
    """
    require_offered(user, size)
    home = None if conversation is None else access.get_conversation(user, conversation)
    homes: list[Conversation] = []

    def place(sha256: str) -> Place:
        """In the transaction that stores the document."""
        _one_after_the_other(user)
        homes.append(_locked(home, user, temporary=temporary))
        collection = _collection_of(homes[-1])
        there = Document.objects.filter(collection=collection)
        if not there.filter(sha256=sha256).exists():
            _require_room(user, there.count(), size)
            _write_down("attachment.added", homes[-1], name, user)
        return Place(collection)

    receipt = receive_where(place, name=name, path="", content=content, by=user)
    log.info("attachment.added", conversation=str(homes[-1].pk), document=str(receipt.document.pk))
    return AttachedFile(homes[-1].pk, receipt.document, receipt.outcome)


def _one_after_the_other(user: User) -> None:
    """So that what comes to several chats of a person at once is counted together."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('files of ' || %s, 0))", [str(user.pk)])


def _require_room(user: User, there: int, size: int) -> None:
    """`there`: files of the chat; `size`: bytes of the new one. Raises TooManyAttached and AttachmentsFull."""
    if there >= settings.ATTACHMENTS_PER_CHAT:
        raise TooManyAttached
    # What was left behind in another organisation does not count: nobody could take it away here.
    theirs = Document.objects.filter(collection__in=access.attached(user))
    left = Document.objects.filter(collection__attached=True, collection__attached_to=None, uploaded_by=user)
    if _bytes_of(theirs) + _bytes_of(left) + max(size, LEAST_BYTES) > settings.ATTACHMENTS_BYTES_PER_PERSON:
        raise AttachmentsFull


def _bytes_of(files: QuerySet[Document]) -> int:
    """Until they are gone from the disk."""
    return files.aggregate(bytes=Sum(Greatest("size", LEAST_BYTES)))["bytes"] or 0


def _locked(home: Conversation | None, user: User, *, temporary: bool) -> Conversation:
    """Nobody deletes it meanwhile; a new conversation is nobody else's to know of yet."""
    if home is None:
        sealing.prepare([user.pk])
        return Conversation.objects.create(owner=user, temporary=temporary)
    held = Conversation.objects.select_for_update(of=("self",)).filter(pk=home.pk).first()
    if held is None:
        raise NotFound  # deleted meanwhile
    held.save(update_fields=["updated_at"])
    return held


def _collection_of(home: Conversation) -> Collection:
    found = Attached.objects.filter(conversation=home).select_related("collection").first()
    if found is not None:
        return found.collection
    collection = Collection(name=f"attached to {home.pk}", tenant=home.owner.tenant, attached=True)
    collection.save(force_insert=True)
    Attached.objects.create(conversation=home, collection=collection)
    return collection


def files_in(home: Conversation) -> list[Document]:
    """In the order in which they came. Callers have fetched the conversation through access.py."""
    return list(Document.objects.filter(collection__attached_to__conversation=home).order_by("created_at", "pk"))


def remove(*, user: User, home: Conversation, document: UUID) -> None:
    """The file, its passages and its original. Raises NotFound."""
    require_known(user)
    found = Document.objects.filter(collection__attached_to__conversation=home, pk=document).first()
    if found is None:
        raise NotFound
    with transaction.atomic():
        _write_down("attachment.removed", home, found.name, user)
        delete_document(document=found, by=user)


def _write_down(action: str, home: Conversation, name: str, by: User) -> None:
    """The name of a private file may say much: it is sealed under the key of its person, and of a temporary chat none
    is kept."""
    said: dict[str, Any] = {"temporary": True} if home.temporary else {"name": Personal(clean_name(name))}
    record(action, f"conversation {home.pk}", by, organisation=by.tenant, **said)
