"""What became of each engine in the line of one question, for people who want to know why this answer was written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from inference.engine import Usage
from inference.routing.attempt import PASSED_BY, Attempted

MOST_STEPS = 30
_LONGEST_WHY = 400  # characters
Fate = Literal["", "not meant", "passed by", "failed", "stopped", "overtaken", "wrote"]
_FATES: dict[str, Fate] = {"stopped": "stopped", "overtaken": "overtaken", "": "wrote"}


@dataclass(slots=True)
class Step:
    """One engine. `fate`: '' where it was not needed."""

    engine: str
    fate: Fate = ""
    why: str = ""  # a sentence for people
    first_token_ms: int | None = None
    writing_ms: int = 0
    version: UUID | None = None
    usage: Usage | None = None
    counted: bool = True  # False: nobody counted the tokens, they are estimated


@dataclass(slots=True)
class Followed:
    """Filled while an answer is written; a stopped or failed one leaves what was known by then."""

    route: str = ""
    steps: list[Step] = field(default_factory=list)

    def begin(self, route: str, not_meant: Iterable[tuple[str, str]], line: Iterable[str]) -> None:
        """`not_meant`: engines whose conditions the question does not meet, with why; `line`: the others in turn."""
        self.route = route
        found = [Step(engine, "not meant", why[:_LONGEST_WHY]) for engine, why in not_meant]
        found += [Step(engine) for engine in line]
        *first, last = found  # the last resort is always there
        self.steps = [*first[: MOST_STEPS - 1], last]

    def passed_by(self, engine: str, why: str) -> None:
        """Without a reason, which people need not be told, there is no engine to speak of: a service without model."""
        step = self._step(engine)
        if step.fate:
            return
        step.fate, step.why = "passed by", why[:_LONGEST_WHY]
        if not why:
            self.steps.remove(step)

    def failed(self, engine: str, why: str) -> None:
        step = self._step(engine)
        step.fate, step.why = "failed", why[:_LONGEST_WHY]

    def ended(self, attempted: Attempted) -> None:
        """Copies of one service share a name: their tokens are summed, and the last one's fate is told."""
        if attempted.code == PASSED_BY:
            return
        step = self._step(attempted.engine)
        step.fate = "failed" if attempted.failed else _FATES.get(attempted.code, "failed")
        if step.fate != "failed":
            step.why = ""
        step.first_token_ms, step.version = attempted.first_token_ms, attempted.version
        step.writing_ms += attempted.writing_ms
        used = attempted.usage or attempted.estimated
        if used is not None:
            step.counted = step.counted and attempted.usage is not None
            before = step.usage or Usage(0, 0)
            step.usage = Usage(
                before.prompt_tokens + used.prompt_tokens,
                before.completion_tokens + used.completion_tokens,
                before.cached_tokens + used.cached_tokens,
            )

    def _step(self, engine: str) -> Step:
        """One that changed its name meanwhile is a step of its own, while there is room; then the last one's."""
        for step in self.steps:
            if step.engine == engine and step.fate != "not meant":
                return step
        if self.steps and len(self.steps) >= MOST_STEPS:
            return self.steps[-1]
        self.steps.append(Step(engine))
        return self.steps[-1]
