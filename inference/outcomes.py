"""What became of attempts to answer: kept for guard rails, spending, and the pages that show them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Protocol
from uuid import UUID

import structlog
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from inference import rollouts, seams
from inference.engine import Usage
from inference.models import ModelVersion, Outcome, Rollout
from inference.rollouts.figures import OVERTAKEN
from inference.routing.attempt import Attempted
from inference.spending import Spending

log = structlog.get_logger(__name__)

KEPT = timedelta(days=40)  # longer than any month
_MILLION = Decimal(1_000_000)
_MOST = 2**31 - 1  # what the columns hold
_BATCH, _BATCHES = 5000, 40

_spending = Spending()  # of this process


class Beside(Protocol):
    def __call__(self, spent: Sequence[tuple[str, int, Decimal]]) -> None:
        """In the transaction that stores them: of each attempt whose it was, its tokens and what it cost."""


def record(attempts: Iterable[Attempted], *, beside: Beside | None = None) -> int:
    """-> how many. Rates them and looks at the roll-outs that they belong to."""
    attempts = list(attempts)
    try:
        rows = _insert(attempts, beside)
    except IntegrityError:  # a version or a roll-out was deleted in between: what is left of it is looked up anew
        rows = _insert(attempts, beside)
    turns = {row.turn for row in rows if row.turn}
    for turn, rating in seams.ratings.given(turns).items() if turns else ():
        rate(turn, rating)
    if any(row.rollout_id for row in rows):
        rollouts.watch_now_and_then()
    return len(rows)


def rate(turn: UUID, rating: int | None) -> None:
    """Called after the rating is committed, so that it finds every outcome that `record` has not asked about."""
    shown = Outcome.objects.filter(turn=turn, failed=False).exclude(code=OVERTAKEN)
    shown.update(rating=rating)
    if rating is not None and shown.filter(rollout__isnull=False).exists():
        rollouts.watch_now_and_then()


def costs_of(used: Sequence[tuple[UUID, Usage]]) -> list[Decimal | None]:
    """Of what each version read and wrote, in the currency of the prices; None where it has no price, or is gone."""
    if not used:
        return []
    versions = ModelVersion.objects.in_bulk({pk for pk, _ in used})
    rows = [(versions.get(pk), usage) for pk, usage in used]
    return [_cost(row, usage) if row and (row.price_prompt or row.price_completion) else None for row, usage in rows]


def spent_this_month(versions: Collection[UUID]) -> dict[UUID, Decimal]:
    """In the currency of the prices; 0 for a version that nobody asked. Cheap enough for every reading of routes."""
    return _spending.of(versions)


def forget_old() -> int:
    """A bounded part of what is too old; what is left goes with the next call."""
    old = Outcome.objects.filter(at__lt=timezone.now() - KEPT)
    forgotten = 0
    for _ in range(_BATCHES):
        deleted, _by_model = Outcome.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:_BATCH])).delete()
        forgotten += deleted
        if deleted < _BATCH:
            break
    return forgotten


@transaction.atomic
def _insert(attempts: list[Attempted], beside: Beside | None) -> list[Outcome]:
    versions = ModelVersion.objects.in_bulk({one.version for one in attempts if one.version})
    known = set(
        Rollout.objects.filter(pk__in={one.rollout for one in attempts if one.rollout}).values_list("pk", flat=True)
    )
    rows = Outcome.objects.bulk_create(
        [_row(one, versions.get(one.version) if one.version else None, known) for one in attempts]
    )
    if beside is not None:
        beside([_spent(one, row.cost) for one, row in zip(attempts, rows, strict=True)])
    return rows


def _spent(one: Attempted, cost: Decimal) -> tuple[str, int, Decimal]:
    read, _, written = _tokens(one.usage or one.estimated)
    return one.asker, read + written, cost


def _row(one: Attempted, version: ModelVersion | None, rollouts_known: Collection[UUID]) -> Outcome:
    prompt, cached, completion = _tokens(one.usage)
    cost = _cost(version, one.usage or one.estimated) if version is not None else Decimal(0)
    return Outcome(
        turn=_turn(one.turn_id),
        route=one.route[:60],
        engine=one.engine[:200],
        version=version,
        rollout_id=one.rollout if one.rollout in rollouts_known else None,
        failed=one.failed,
        code=one.code[:40],
        first_token_ms=None if one.first_token_ms is None else _bounded(one.first_token_ms),
        writing_ms=_bounded(one.writing_ms),
        prompt_tokens=prompt,
        cached_tokens=cached,
        completion_tokens=completion,
        cost=min(cost, Decimal(99_999)),
        person=_person(one),
    )


def _cost(version: ModelVersion, usage: Usage | None) -> Decimal:
    read, _, written = _tokens(usage)
    return (read * version.price_prompt + written * version.price_completion) / _MILLION


def _person(one: Attempted) -> int | None:
    """A keyed hash. Where the conversation is deleted meanwhile, roll-outs still tell people apart."""
    if one.version is None or not one.asker:
        return None
    digest = salted_hmac("inference.outcome.person", f"{one.version}/{one.asker}", algorithm="sha256").digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def _tokens(usage: Usage | None) -> tuple[int, int, int]:
    """An endpoint may say anything."""
    if usage is None:
        return 0, 0, 0
    return _bounded(usage.prompt_tokens), _bounded(usage.cached_tokens), _bounded(usage.completion_tokens)


def _bounded(number: int) -> int:
    return min(max(int(number), 0), _MOST)


def _turn(text: str) -> UUID | None:
    """Programs over the API have turns too, whose ids may be anything."""
    try:
        return UUID(text)
    except ValueError:
        return None
