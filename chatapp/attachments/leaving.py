"""What goes with a conversation: its files, their passages and vectors, their originals. Nobody could read them any
more from the moment in which the conversation was gone."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from chatapp.attachments.models import Attached
from chatapp.conversations.models import Conversation, Message
from chatapp.privacy.batches import until_done
from retrieval.models import Collection
from retrieval.pipeline.ingestion import delete_collection

log = structlog.get_logger(__name__)

_AT_ONCE = 200  # the next time comes soon
UNUSED_AFTER = timedelta(hours=24)  # files were attached and nothing was ever asked


def forget(collections: Iterable[UUID]) -> int:
    """-> how many there were. Of those that hold attachments alone: whatever calls this deletes no other collection."""
    found = list(Collection.with_attached.filter(pk__in=list(collections), attached=True, attached_to=None))
    for collection in found:
        delete_collection(collection=collection, by=None)
    return len(found)


def sweep() -> int:
    """What a message that was lost, or a process that died, left behind. -> how many collections went"""
    left = Collection.with_attached.filter(attached=True, attached_to=None)
    gone = forget(left.values_list("pk", flat=True)[:_AT_ONCE])
    if gone:
        log.info("attachments.swept", collections=gone)
    return gone


def forget_unused() -> int:
    """Chats to which something was attached, and in which nothing was ever asked. -> how many went"""
    gone = until_done(_forget_some_unused, _AT_ONCE)
    if gone:
        log.info("attachments.unused_forgotten", conversations=gone)
    return gone


@transaction.atomic
def _forget_some_unused() -> int:
    asked = Message.objects.filter(conversation=OuterRef("pk"))
    begun = Attached.objects.filter(conversation=OuterRef("pk"))
    old = Conversation.objects.filter(updated_at__lt=timezone.now() - UNUSED_AFTER)
    rows = old.filter(Exists(begun), ~Exists(asked)).select_for_update(of=("self",), skip_locked=True)
    found = list(rows.values_list("pk", flat=True)[:_AT_ONCE])
    Conversation.objects.filter(~Exists(asked), pk__in=found).delete()
    return len(found)
