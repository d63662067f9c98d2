"""Conversations end some days after their last message, where a rule says so."""

from __future__ import annotations

from datetime import timedelta

import structlog
from django.db import transaction
from django.db.models import DurationField, Exists, ExpressionWrapper, F, Min, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, Now

from chatapp.conversations.models import Conversation, Turn
from chatapp.governance.services import record
from chatapp.organisations.boundaries import memberships
from chatapp.privacy.batches import until_done
from chatapp.privacy.models import RetentionRule

log = structlog.get_logger(__name__)

_BATCH = 200


def forget_conversations() -> int:
    """A batch is a transaction: it can be broken off, and run beside itself. -> how many are gone"""
    gone = until_done(_forget_a_batch, _BATCH)
    if gone:
        log.info("privacy.conversations_forgotten", conversations=gone)
    return gone


@transaction.atomic
def _forget_a_batch() -> int:
    rows = list(due().select_for_update(of=("self",), skip_locked=True).values_list("pk", flat=True)[:_BATCH])
    if rows:
        Conversation.objects.filter(pk__in=rows).delete()
        record("retention.removed", f"{len(rows)} conversations")
    return len(rows)


def due() -> QuerySet[Conversation]:
    """Those whose time is over, and in which nothing is being written."""
    counting = memberships().filter(user=OuterRef(OuterRef("owner"))).values("group")
    of_groups = RetentionRule.objects.filter(group__in=counting).order_by().values("group__place__organisation")
    of_others = RetentionRule.objects.filter(group=None).values("days")[:1]
    days = Coalesce(Subquery(of_groups.annotate(least=Min("days")).values("least")), Subquery(of_others))
    running = Turn.objects.filter(running=True, question__conversation=OuterRef("pk"))
    kept = ExpressionWrapper(F("days") * Value(timedelta(days=1)), output_field=DurationField())
    with_days = Conversation.objects.annotate(days=days).filter(~Exists(running), days__isnull=False)
    return with_days.filter(updated_at__lt=Now() - kept).order_by("updated_at")
