"""How much one web process does at once: turns of the page, and what programs ask for."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

from django.conf import settings

from chatapp.accounts.models import User
from chatapp.conversations.running import RUNNING
from chatapp.errors import Busy
from chatapp.limits.slots import hold, let_go

_programs: Counter[UUID] = Counter()


def room() -> int:
    return int(settings.TURNS_PER_PROCESS) - len(RUNNING) - _programs.total()


def require_room() -> None:
    if room() <= 0:
        raise Busy("Footnote is answering as many questions as it can.", advice="Try again in a moment.")


class Place:
    """One of the answers, or requests for vectors, that a person may have running over the API, in all processes
    together. `take` raises Busy."""

    def __init__(self, person: User) -> None:
        self._person = person
        self._slot: UUID | None = None

    async def take(self) -> None:
        require_room()
        _programs[self._person.pk] += 1
        try:
            self._slot = await hold(self._person)
        finally:
            if self._slot is None:
                self._leave()

    async def free(self) -> None:
        if self._slot is not None:
            slot, self._slot = self._slot, None
            self._leave()
            await let_go(slot)

    def _leave(self) -> None:
        _programs[self._person.pk] -= 1
        if _programs[self._person.pk] <= 0:
            del _programs[self._person.pk]
