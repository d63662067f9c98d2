"""What is gathered of a turn for those who ask later why the answer is as it is: numbers, kinds and names of engines.

No words of documents and no masked value: passages stand with the message, and what was masked is told by its kind. It
is bounded by the number of passages, kinds and engines, some 10 kB at most.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from chatapp.conversations.models import Explanation, Message
from chatapp.documents.search import FoundPassage
from chatapp.governance.findings import gathered
from chatapp.privacy.fields import opened
from inference.engine import Source
from inference.outcomes import costs_of
from inference.routing.following import Followed, Step

Stage = Literal["question", "passages", "answer"]
Found = list[dict[str, Any]]  # {"kind", "action", "times"}
_OF_THE_SEARCH = ("version", "scores")


@dataclass
class Explained:
    """Of one turn. What filters find counts for the stage that it is in."""

    followed: Followed = field(default_factory=Followed)
    version: int | None = None  # of the index; None: nothing was searched or found
    scores: dict[str, tuple[float, float]] = field(default_factory=dict)  # by number: by meaning, by words
    withheld: list[int] = field(default_factory=list)  # numbers of passages that rules kept from the model
    cached: bool = False
    stage: Stage = "question"
    _found: dict[Stage, Counter[tuple[str, str]]] = field(default_factory=dict)
    _before: Counter[tuple[str, str]] = field(default_factory=Counter)

    def searched(self, shown: Sequence[FoundPassage]) -> None:
        """`shown`: in their order, which numbers them from 1."""
        self.version = shown[0].version if shown else None
        pairs = enumerate(shown, start=1)
        self.scores = {str(number): (round(one.dense, 4), round(one.lexical, 4)) for number, one in pairs}

    def read_by_the_model(self, frames: Sequence[dict[str, Any]], given: Sequence[Source]) -> None:
        numbers = {source.number for source in given}
        self.withheld = [frame["number"] for frame in frames if frame["number"] not in numbers]

    def reached(self, stage: Stage) -> None:
        """What was found until now belongs to the stage before."""
        self._settle()
        self.stage = stage

    def _settle(self) -> None:
        now = Counter({(one["kind"], one["action"]): one["times"] for one in gathered()})
        self._found.setdefault(self.stage, Counter()).update(now - self._before)
        self._before = now

    def as_kept(self) -> dict[str, Any]:
        self._settle()
        kept: dict[str, Any] = {
            "route": self.followed.route,
            "line": self.followed.steps,
            "version": self.version,
            "scores": self.scores,
            "withheld": self.withheld,
            "cached": self.cached,
            "found": {stage: _as_list(found) for stage, found in self._found.items() if found},
        }
        return {name: value for name, value in kept.items() if value not in (None, "", [], {}, False)}


def _as_list(found: Counter[tuple[str, str]]) -> Found:
    return [{"kind": kind, "action": action, "times": times} for (kind, action), times in found.items()]


def keep(answer: Message, kept: dict[str, Any], *, continued: bool) -> None:
    """In the transaction that stores the answer. A continued one keeps what is known of its search."""
    told = kept | {"line": _priced(kept.get("line", []))}
    if continued:
        before = _kept_of(Explanation.objects.filter(message=answer).first()) or {}
        told = {name: before[name] for name in _OF_THE_SEARCH if name in before} | told | {"continued": True}
    keep_all([Explanation(message=answer, kept=told)])


def keep_all(rows: Sequence[Explanation]) -> None:
    if rows:
        Explanation.objects.bulk_create(rows, update_conflicts=True, unique_fields=["message"], update_fields=["kept"])


def of_question(question: Message, found: Found) -> Explanation:
    """What filters found in it when it was asked; answers that come later have it as well."""
    return Explanation(message=question, kept={"found": {"question": found}})


def _kept_of(row: Explanation | None) -> dict[str, Any] | None:
    """None: nothing was kept, or nobody can open it."""
    found: dict[str, Any] | None = opened(row, "kept") if row else None
    return found


def kept_of(message: Message) -> dict[str, Any] | None:
    return _kept_of(Explanation.objects.filter(message=message).first())


def _priced(steps: Sequence[Step]) -> list[dict[str, Any]]:
    """As JSON, each with what it cost where its version has a price."""
    used = [(step.version, step.usage) for step in steps if step.version and step.usage]
    costs = iter(costs_of(used))
    return [_step(step, str(next(costs) or "") if step.version and step.usage else "") for step in steps]


def _step(step: Step, cost: str) -> dict[str, Any]:
    usage = step.usage
    told = {
        "engine": step.engine,
        "fate": step.fate,
        "why": step.why,
        "first_token_ms": step.first_token_ms,
        "writing_ms": step.writing_ms,
        "read": usage.prompt_tokens if usage else 0,
        "read_before": usage.cached_tokens if usage else 0,
        "written": usage.completion_tokens if usage else 0,
        "estimated": not step.counted,
        "cost": cost,
    }
    return {name: value for name, value in told.items() if value not in (None, "", 0, False)}
