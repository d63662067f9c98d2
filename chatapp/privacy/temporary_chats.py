"""Temporary chats end when they are closed, and at the latest some hours after they were last used."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from chatapp.conversations.models import Conversation, Turn
from chatapp.privacy.batches import until_done
from chatapp.privacy.caches import forget_streams

log = structlog.get_logger(__name__)

_BATCH = 200


def forget() -> int:
    """A batch is a transaction: it can be broken off anywhere, and run beside itself. -> how many are gone"""
    gone = until_done(_forget_a_batch, _BATCH)
    if gone:
        log.info("privacy.temporary_chats_forgotten", chats=gone)
    return gone


def _forget_a_batch() -> int:
    """Frames go first: if it dies in between, the rows still say which ones there were. No row waits for Redis."""
    chats = list(due().values_list("pk", flat=True)[:_BATCH])
    forget_streams(turns_of(chats))
    with transaction.atomic():
        still = due().filter(pk__in=chats).select_for_update(of=("self",), skip_locked=True)
        gone = list(still.values_list("pk", flat=True))
        Conversation.objects.filter(pk__in=gone).delete()
    return len(gone)


def due() -> QuerySet[Conversation]:
    """Those that were not used for so long, and in which nothing is being written."""
    running = Turn.objects.filter(running=True, question__conversation=OuterRef("pk"))
    since = timezone.now() - timedelta(hours=settings.TEMPORARY_CHAT_HOURS)
    chats = Conversation.objects.filter(temporary=True, updated_at__lt=since)
    return chats.filter(~Exists(running)).order_by("updated_at")


def turns_of(conversations: list[UUID]) -> list[UUID]:
    return list(Turn.objects.filter(question__conversation__in=conversations).values_list("pk", flat=True))
