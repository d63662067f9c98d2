"""An engine in its place in the line of one question, and what became of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from inference.engine import Engine, Usage

PASSED_BY = "passed by"


@dataclass(frozen=True, slots=True)
class Choice:
    """One engine that may be asked. `rollout` is set where its answer counts in the comparison of two versions."""

    engine: Engine
    version: UUID | None = None
    rollout: UUID | None = None


@dataclass(frozen=True, slots=True)
class Attempted:
    """One engine's part in one answer; `code` is the error's, "stopped" by the asker, "overtaken" by another,
    "passed by" where it was its turn and it could not be asked."""

    turn_id: str
    route: str
    engine: str
    version: UUID | None
    rollout: UUID | None
    failed: bool
    code: str = ""
    first_token_ms: int | None = None
    writing_ms: int = 0  # from the first text to the last
    usage: Usage | None = None
    estimated: Usage | None = None  # of what was asked and written, where nobody counted it
    asker: str = ""


Observe = Callable[[Attempted], None]
