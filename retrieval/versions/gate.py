"""The seam to the evaluation: a version may have to hold its own on a question set before it serves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Verdict:
    passed: bool
    summary: str  # a sentence for people
    report: dict[str, Any] = field(default_factory=dict)  # what the page and the command show


class Gate(Protocol):
    def __call__(self, question_set: str, version: int, baseline: int) -> Verdict:
        """Ask both (IndexClient.search_batch takes `version`). Raises IndexUnavailable while one is not loaded."""


_gate: list[Gate] = []


def install(gate: Gate) -> None:
    """The evaluation does this when Django starts."""
    _gate[:] = [gate]


def installed() -> Gate | None:
    return _gate[0] if _gate else None
