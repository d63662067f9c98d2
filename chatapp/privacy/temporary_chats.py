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
from chatapp.privacy.caches import forget_streams

log = structlog.get_logger(__name__)

_BATCH = 200
_MOST = 500  # batches in one go


def forget() -> int:
    """A batch is a transaction: it can be broken off anywhere, and run beside itself. -> how many are gone"""
    gone = 0
    for _ in range(_MOST):
        deleted = _forget_a_batch()
        gone += deleted
        if deleted < _BATCH:
            break
    if gone:
        log.info("privacy.temporary_chats_forgotten", chats=gone)
    return gone


def _forget_a_batch() -> int:
    """Frames go first: if it dies in between, the rows still say which ones there were."""
    with transaction.atomic():
        chats = list(due().select_for_update(of=("self",), skip_locked=True).values_list("pk", flat=True)[:_BATCH])
        forget_streams(turns_of(chats))
        Conversation.objects.filter(pk__in=chats).delete()
    return len(chats)


def due() -> QuerySet[Conversation]:
    """Those that were not used for so long, and in which nothing is being written."""
    running = Turn.objects.filter(running=True, question__conversation=OuterRef("pk"))
    since = timezone.now() - timedelta(hours=settings.TEMPORARY_CHAT_HOURS)
    chats = Conversation.objects.filter(temporary=True, updated_at__lt=since)
    return chats.filter(~Exists(running)).order_by("updated_at")


def turns_of(conversations: list[UUID]) -> list[UUID]:
    return list(Turn.objects.filter(question__conversation__in=conversations).values_list("pk", flat=True))
