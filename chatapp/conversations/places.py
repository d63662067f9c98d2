"""How much one web process does at once: turns of the page, and what programs ask for."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

from django.conf import settings

from chatapp.accounts.models import User
from chatapp.conversations.running import RUNNING
from chatapp.errors import Busy

_programs: Counter[UUID] = Counter()


def room() -> int:
    return int(settings.TURNS_PER_PROCESS) - len(RUNNING) - _programs.total()


def require_room() -> None:
    if room() <= 0:
        raise Busy("Footnote is answering as many questions as it can.", advice="Try again in a moment.")


class Place:
    """One of the answers, or requests for vectors, that a person may have running over the API. `take` raises Busy."""

    def __init__(self, person: User) -> None:
        self._person, self._taken = person.pk, False

    def take(self) -> None:
        if _programs[self._person] >= settings.TURNS_PER_USER:
            raise Busy
        require_room()
        _programs[self._person] += 1
        self._taken = True

    def free(self) -> None:
        if self._taken:
            self._taken = False
            _programs[self._person] -= 1
            if _programs[self._person] <= 0:
                del _programs[self._person]
