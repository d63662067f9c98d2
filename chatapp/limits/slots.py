"""Answers that programs have running at the same time, counted across all web processes.

A slot is held by the process that answers, which renews all of its own every few seconds; those of a process that died
lapse by themselves.
"""

from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

import structlog
from django.db import DatabaseError, connection

from chatapp.accounts.models import User
from chatapp.accounts.scopes import grant_of
from chatapp.database import in_database
from chatapp.errors import Busy
from chatapp.limits.models import Slot
from chatapp.limits.rules import groups_of, most_turns, most_turns_of_key, most_turns_together

log = structlog.get_logger(__name__)

LIVES_S, RENEWED_S = 30.0, 10.0

_TAKE = "SELECT limits_take_slot(%s::uuid, %s::text[], %s::int[], %s::float8)"
_RENEW = "UPDATE limits_slot SET until = extract(epoch FROM clock_timestamp()) + %s WHERE id = ANY (%s)"
_held: set[UUID] = set()
_renewing: set[asyncio.Task[None]] = set()


def take_slot(person: User) -> UUID:
    """Raises Busy."""
    counted = {f"user:{person.pk}": most_turns(person, groups_of([person])[person.pk])}
    together = most_turns_together(person)
    if together is not None:
        counted[f"organisation:{person.tenant}"] = together
    most, grant = most_turns_of_key(person), grant_of(person)
    if grant is not None and most is not None:
        counted[f"key:{grant.key}"] = most
    slot = uuid4()
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, (slot, list(counted), list(counted.values()), LIVES_S))
        (full,) = cursor.fetchone() or ("",)
    if full is not None:
        raise Busy
    return slot


def free_slot(slot: UUID) -> None:
    Slot.objects.filter(pk=slot).delete()


def renew(slots: set[UUID]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_RENEW, [LIVES_S, list(slots)])


_take, _free, _renew = in_database(take_slot), in_database(free_slot), in_database(renew)


async def hold(person: User) -> UUID:
    """Raises Busy. `let_go` ends it."""
    slot = await _take(person)
    _held.add(slot)
    if not _renewing:
        task = asyncio.create_task(_keep())
        _renewing.add(task)
        task.add_done_callback(_renewing.discard)
    return slot


async def let_go(slot: UUID) -> None:
    _held.discard(slot)
    try:
        await _free(slot)
    except DatabaseError as error:  # it lapses
        log.warning("slot.not_freed", error=" ".join(str(error).split())[:200])


async def _keep() -> None:
    """As long as this process holds any."""
    while _held:
        await asyncio.sleep(RENEWED_S)
        try:
            await _renew(set(_held))
        except DatabaseError as error:  # away for a moment: they live longer than two of these
            log.warning("slots.not_renewed", error=" ".join(str(error).split())[:200])
