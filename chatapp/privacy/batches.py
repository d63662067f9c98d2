"""Deleting many rows in batches, so that no transaction is long."""

from __future__ import annotations

from collections.abc import Callable

_MOST = 500  # batches in one go


def until_done(step: Callable[[], int], batch: int) -> int:
    """`step` -> how many are gone; fewer than a batch: there are no more. -> how many are gone altogether"""
    gone = 0
    for _ in range(_MOST):
        deleted = step()
        gone += deleted
        if deleted < batch:
            break
    return gone
