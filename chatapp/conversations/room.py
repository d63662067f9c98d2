"""How many answers may be written at the same time: of one person, and of all of an organisation that has a limit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from chatapp.accounts.models import User
from chatapp.conversations.models import Turn
from chatapp.errors import Busy
from chatapp.limits.rules import groups_of, most_turns, most_turns_together

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('turns of ' || %s, 0))"


class Room:
    """In a transaction, until whose end nobody else counts the same people: two tabs cannot pass the bound together."""

    def __init__(self, people: Sequence[User], alive: QuerySet[Turn]) -> None:
        keys = {one.pk for one in people}
        list(User.objects.select_for_update().filter(pk__in=keys).order_by("pk").values_list("pk"))
        self._together = {one.tenant: most for one in people if (most := most_turns_together(one)) is not None}
        self._lock_organisations()
        self._running = Counter[UUID](alive.filter(asker__in=keys).values_list("asker", flat=True))
        self._running += self._of_organisations(alive)
        self._groups = groups_of(people)

    def require(self, person: User) -> None:
        """Raises Busy."""
        if self._running[person.pk] >= most_turns(person, self._groups[person.pk]):
            raise Busy
        together = self._together.get(person.tenant)
        if together is not None and self._running[person.tenant] >= together:
            raise Busy

    def take(self, person: User) -> None:
        self._running.update((person.pk, person.tenant))

    def _lock_organisations(self) -> None:
        """Behind all people, and in one order for all: no two wait for each other."""
        with connection.cursor() as cursor:
            for organisation in sorted(self._together):
                cursor.execute(_LOCK, [str(organisation)])

    def _of_organisations(self, alive: QuerySet[Turn]) -> Counter[UUID]:
        if not self._together:
            return Counter()
        askers = alive.filter(asker__organisation__in=self._together)
        return Counter[UUID](askers.values_list("asker__organisation", flat=True))
