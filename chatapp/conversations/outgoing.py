"""An answer on its way out: marks of sources that do not exist are dropped, then the filters look at it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from uuid import UUID

from chatapp.accounts.models import User
from chatapp.conversations.citing import MarkFilter
from chatapp.database import in_database
from chatapp.safety import gates
from chatapp.safety.askers import arules_for
from chatapp.safety.history import Sent
from chatapp.safety.masking.placeholders import Placeholders, Unbroken
from chatapp.safety.policy import Policy, Where
from chatapp.safety.questions import About

_SIDES = (Where.QUESTION, Where.PASSAGES, Where.ANSWER)


class Outgoing:
    """Raises ContentBlocked or InstructionsRepeated, in either method: the answer ends there.

    `known`: what the asker wrote or was shown, whose addresses may be repeated.
    """

    def __init__(self, numbers: frozenset[int], rules: Policy, written: str = "", known: Iterable[str] = ()) -> None:
        self._marks = MarkFilter(numbers)
        self._judge = gates.answer_judge(rules, written)
        self._window = gates.answer_window(rules, written, known)
        self._unbroken = Unbroken()
        self._taken = self._border = 0  # characters taken in, by all and by those who wrote before

    def push(self, text: str) -> str:
        self._taken += len(text)
        return self._unbroken.push(self._window.push(self._judge.push(self._marks.push(text))))

    @property
    def unchanged(self) -> bool:
        """Nothing was masked or removed."""
        return not self._window.changed

    def begins(self) -> None:
        """Somebody else writes from here on."""
        self._border = self._taken

    def border_in(self, text: str) -> int | None:
        """Where in this text, which has just come out, the next one began; None: what was before is still held."""
        held = self._marks.held + self._judge.held + self._window.held + self._unbroken.held
        behind = self._taken - held - self._border
        return None if behind < 0 else max(0, len(text) - behind)

    def rest(self) -> str:
        rest = self._window.push(self._judge.push(self._marks.rest()) + self._judge.rest()) + self._window.rest()
        return self._unbroken.push(rest) + self._unbroken.rest()


@dataclass(frozen=True, slots=True)
class HouseRules:
    """Of one turn."""

    sent: Sent
    passages: Policy
    answer: Policy
    placeholders: Placeholders


async def house_rules(
    user: User,
    collections: Collection[UUID] | None,
    placeholders: Placeholders | None = None,
    before: About | None = None,
) -> HouseRules:
    """`collections`: those that are searched now (None: any). `placeholders`: of the conversation, or of what a program
    has sent. `before`: what was said may have been about."""
    placeholders = placeholders or Placeholders()
    rules = await arules_for(user, _SIDES)
    question, passages, answer = (rules.policy(user, one, collections, placeholders) for one in _SIDES)
    if question.seals or passages.seals or answer.seals:
        await in_database(placeholders.read)()
    return HouseRules(Sent(user, before or About(), question, passages, answer), passages, answer, placeholders)
