"""Conversations end some days after their last message, where a rule says so."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import (
    Case,
    DurationField,
    Exists,
    ExpressionWrapper,
    F,
    IntegerField,
    Min,
    OuterRef,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce, Least, Now
from django.utils import timezone

from chatapp.conversations.models import Conversation, Turn
from chatapp.governance.services import record
from chatapp.organisations.boundaries import memberships
from chatapp.privacy.batches import until_done
from chatapp.privacy.models import RetentionRule, RetentionRun

log = structlog.get_logger(__name__)

_BATCH = 200
_RUNS_KEPT = timedelta(days=40)  # what they deleted stands in the audit trail for good


def forget_conversations() -> int:
    """A batch is a transaction: it can be broken off, and run beside itself. -> how many are gone"""
    batches: list[int] = []

    def batch() -> int:
        batches.append(_forget_a_batch())
        return batches[-1]

    try:
        until_done(batch, _BATCH)
    finally:
        if batches:  # also of a run that broke off: what is gone is counted
            _keep_run(sum(batches))
    return sum(batches)


def _keep_run(gone: int) -> None:
    RetentionRun.objects.create(conversations=gone)
    RetentionRun.objects.filter(ended_at__lt=timezone.now() - _RUNS_KEPT).delete()
    if gone:
        log.info("privacy.conversations_forgotten", conversations=gone)


@transaction.atomic
def _forget_a_batch() -> int:
    rows = list(due().select_for_update(of=("self",), skip_locked=True).values_list("pk", flat=True)[:_BATCH])
    if rows:
        Conversation.objects.filter(pk__in=rows).delete()
        record("retention.removed", f"{len(rows)} conversations")
    return len(rows)


def due(trial: RetentionRule | None = None) -> QuerySet[Conversation]:
    """Those whose time is over, and in which nothing is being written: by the rules as they are, or as they would be
    with this one, which need not be stored."""
    running = Turn.objects.filter(running=True, question__conversation=OuterRef("pk"))
    kept = ExpressionWrapper(F("days") * Value(timedelta(days=1)), output_field=DurationField())
    with_days = Conversation.objects.annotate(days=_days(trial)).filter(~Exists(running), days__isnull=False)
    return with_days.filter(updated_at__lt=Now() - kept).order_by("updated_at")


def _days(trial: RetentionRule | None) -> Coalesce:
    """Of the shortest rule of the owner's groups, else of the general one; null: kept for good."""
    counting = memberships().filter(user=OuterRef(OuterRef("owner"))).values("group")
    rules = RetentionRule.objects.exclude(pk=trial.pk) if trial and trial.pk else RetentionRule.objects.all()
    by_group = rules.filter(group__in=counting).order_by().values("group__place__organisation")
    of_groups: Any = Subquery(by_group.annotate(least=Min("days")).values("least"))
    of_others: Any = Subquery(rules.filter(group=None).values("days")[:1])
    if trial is not None and trial.group_id is not None:
        concerned = memberships().filter(user=OuterRef("owner"), group=trial.group_id)
        shorter = Case(When(Exists(concerned), then=Value(trial.days)), output_field=IntegerField())
        of_groups = Least(of_groups, shorter)  # of Postgres: what is null does not count
    elif trial is not None:
        of_others = Value(trial.days)
    return Coalesce(of_groups, of_others)
