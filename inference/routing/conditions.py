"""The conditions under which a candidate of a route is asked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from inference.engine import Generation, Task
from inference.routing.language import language_of, name_of

_TASKS: dict[Task, str] = {
    "answer": "answers from passages",
    "talk": "answers without passages",
    "program": "answers for programs",
}
_SENSITIVITY = {
    "any": "",
    "free": "where nothing must stay in the house",
    "in_house": "where something must stay in the house",
}
_OF_BUDGET = "Of its budget of this month"
_CLOSED = "It is not asked at the moment, because of its budget of this month."


def without_budget(sentence: str) -> str:
    """A sentence of `Conditions` as everybody may read it: what is left of a budget is for administrators."""
    return _CLOSED if sentence.startswith(_OF_BUDGET) else sentence


@dataclass(frozen=True, slots=True)
class Conditions:
    """Empty sets and None: no condition."""

    tasks: frozenset[Task] = frozenset()
    least_characters: int | None = None
    most_characters: int | None = None
    languages: frozenset[str] = frozenset()
    groups: frozenset[int] = frozenset()
    sensitivity: Literal["any", "free", "in_house"] = "any"
    least_budget_percent: int = 0

    def unmet(self, asked: Generation, budget_percent: float | None) -> str:
        """'' when it may be asked, else a sentence that says why not. `budget_percent` is left; None: no bound."""
        checks = (self._task(asked), self._length(asked), self._person(asked), self._sensitivity(asked))
        found = next((why for why in (*checks, self.spent(budget_percent)) if why), "")
        return found or self._language(asked)  # last: it costs most

    def _task(self, asked: Generation) -> str:
        if not self.tasks or asked.task in self.tasks:
            return ""
        return f"It is for {' and '.join(sorted(_TASKS[task] for task in self.tasks))} only."

    def _length(self, asked: Generation) -> str:
        length = len(asked.question)
        if self.least_characters is not None and length < self.least_characters:
            return f"It is for questions of {self.least_characters} characters and more; this one has {length}."
        if self.most_characters is not None and length > self.most_characters:
            return f"It is for questions of up to {self.most_characters} characters; this one has {length}."
        return ""

    def _person(self, asked: Generation) -> str:
        return "" if not self.groups or self.groups & asked.groups else "It is for people of certain groups only."

    def _sensitivity(self, asked: Generation) -> str:
        if self.sensitivity == "free" and asked.in_house:
            return "It is only for questions of which nothing must stay in the house."
        if self.sensitivity == "in_house" and not asked.in_house:
            return "It is only for questions of which something must stay in the house."
        return ""

    def spent(self, percent: float | None) -> str:
        if percent is None or (percent > 0 and percent >= self.least_budget_percent):
            return ""
        return f"{_OF_BUDGET} {max(percent, 0):.0f} % are left."

    def when_named(self) -> Conditions:
        """Who asks an engine by its name has chosen it for the question; what it must not see or cost stays."""
        return replace(self, tasks=frozenset(), languages=frozenset(), least_characters=None, most_characters=None)

    def restrict(self) -> bool:
        """Whether it depends on the question or the person. What is left of the budget does not."""
        return bool(self._questions())

    def meant_for(self, *, administrator: bool) -> str:
        """'' for everything, else whom and what it is asked for, as the end of a sentence."""
        return ", ".join(part for part in (*self._questions(), self._budget(administrator=administrator)) if part)

    def _questions(self) -> list[str]:
        parts = [
            f"for {' and '.join(sorted(_TASKS[task] for task in self.tasks))}" if self.tasks else "",
            f"for questions in {_names(self.languages)}" if self.languages else "",
            self._lengths(),
            "for people of certain groups" if self.groups else "",
            _SENSITIVITY[self.sensitivity],
        ]
        return [part for part in parts if part]

    def _budget(self, *, administrator: bool) -> str:
        if not self.least_budget_percent:
            return ""
        if administrator:
            return f"while {self.least_budget_percent} % of its budget are left"
        return "while enough of its budget is left"

    def _lengths(self) -> str:
        least, most = self.least_characters, self.most_characters
        if least is None and most is None:
            return ""
        if most is None:
            return f"for questions of {least} characters and more"
        return (
            f"for questions of up to {most} characters"
            if least is None
            else f"for questions of {least} to {most} characters"
        )

    def _language(self, asked: Generation) -> str:
        if not self.languages:
            return ""
        found = language_of(asked.question, self.languages)
        if found in self.languages:
            return ""
        return f"It is for questions in {_names(self.languages)} only; this one seems to be in {name_of(found)}."


def _names(languages: frozenset[str]) -> str:
    return " or ".join(sorted(map(name_of, languages)))
