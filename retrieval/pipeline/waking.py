"""The word that a stage has work."""

from __future__ import annotations

from typing import Literal

from django.db import transaction


def wake_after_commit(stage: Literal["parse", "embed"]) -> None:
    """The row says what is owed; the message only that there is something."""
    from retrieval import tasks

    transaction.on_commit(lambda: tasks.wake(stage))
