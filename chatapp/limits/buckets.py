"""Leaky buckets in Postgres, right across processes: the generic cell rate algorithm (ITU-T I.371, 2004, annex A;
ATM Forum TM 4.0, 1996; with costs as in B. Leach, "Rate limiting, cells, and GCRA", 2015).

A bucket holds `amount` and runs empty in `seconds`. Stored is only when it will be empty. One statement asks and fills
all buckets of a request, or none of them. Their table has no journal, so that nothing waits for a disk.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection


@dataclass(frozen=True, slots=True)
class Bucket:
    name: str
    amount: int
    seconds: int
    resource: str


@dataclass(frozen=True, slots=True)
class Level:
    """How full a bucket is: it runs empty in `backlog_s` seconds."""

    bucket: Bucket
    backlog_s: float

    @property
    def remaining(self) -> int:
        free = self.bucket.seconds - self.backlog_s
        return max(0, math.floor(free * self.bucket.amount / self.bucket.seconds + 1e-6))

    def wait_s(self, cost: float) -> float:
        """Until so much more fits; what is more than the whole bucket fits where it is empty."""
        cost = min(cost, self.bucket.amount)
        return max(0.0, self.backlog_s + cost * self.bucket.seconds / self.bucket.amount - self.bucket.seconds)


@dataclass(frozen=True, slots=True)
class Fill:
    """What one request puts into one bucket: all of what it brings fits, or nothing is put in."""

    bucket: Bucket
    cost: float


@dataclass(frozen=True, slots=True)
class Outcome:
    allowed: bool
    levels: tuple[Level, ...]


_TAKE = "SELECT request, bucket, fits, backlog FROM limits_take(%s::int[], %s::text[], %s::float8[], %s::float8[])"


def take(requests: Sequence[Sequence[Fill]]) -> list[Outcome]:
    """For each request whether all that it brings fits; many cost little more than one."""
    flat = [(number, fill) for number, fills in enumerate(requests) for fill in fills]
    if not flat:
        return [Outcome(True, ()) for _ in requests]
    columns: list[list[int] | list[str] | list[float]] = [
        [number for number, _ in flat],
        [fill.bucket.name for _, fill in flat],
        [min(fill.cost, fill.bucket.amount) * fill.bucket.seconds / fill.bucket.amount for _, fill in flat],
        [float(fill.bucket.seconds) for _, fill in flat],
    ]
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, columns)
        rows = {(number, name): (fits, backlog) for number, name, fits, backlog in cursor.fetchall()}
    return [_outcome(number, fills, rows) for number, fills in enumerate(requests)]


def _outcome(number: int, fills: Sequence[Fill], rows: dict[tuple[int, str], tuple[bool, float]]) -> Outcome:
    found = [rows[number, fill.bucket.name] for fill in fills]
    levels = tuple(Level(fill.bucket, backlog) for fill, (_, backlog) in zip(fills, found, strict=True))
    return Outcome(all(fits for fits, _ in found), levels)


def charge(fills: Sequence[Fill]) -> None:
    """What was used beyond what was taken, or, below 0, what was taken too much."""
    spent = {fill.bucket.name: fill.cost * fill.bucket.seconds / fill.bucket.amount for fill in fills}
    if not spent:
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT limits_charge(%s::text[], %s::float8[])", [list(spent), list(spent.values())])
