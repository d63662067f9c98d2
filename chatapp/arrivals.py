"""Whose bodies one process receives at once. Who sends slowly makes way: neither strangers nor one person alone keep
others out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from chatapp.errors import ChatAppError

MOST = 500  # bodies that are on their way to one process
MOST_OF_STRANGERS, MOST_OF_ADDRESS, MOST_OF_PERSON = 200, 40, 250
_NOT_ASKED = 20  # of which it need not be known whose they are; below what one address may have


class TooManyBodies(ChatAppError):
    code, http_status, retryable = "busy", 503, True
    user_message = "Too many requests are being received."
    advice = "Try again in a moment."


class Body(Protocol):
    def give_up(self) -> None:
        """What waits for it ends."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Arrival:
    body: Body
    address: str  # of IPv6 the network, which one household has
    person: str = ""  # empty: a stranger's, or nobody has looked


class Arrivals:
    """Bodies that are not whole yet. What is answered later, and for how long, is no matter of this place."""

    def __init__(self) -> None:
        self._here: dict[Arrival, None] = {}  # the oldest first

    def must_know(self) -> bool:
        """Whether it matters by now who sends what comes next: finding that out takes a query."""
        return len(self._strangers()) >= _NOT_ASKED

    def take(self, arrival: Arrival) -> None:
        """Raises TooManyBodies."""
        if arrival.person:
            self._make_room([one for one in self._here if one.person == arrival.person], MOST_OF_PERSON)
        else:
            self._make_room([one for one in self._strangers() if one.address == arrival.address], MOST_OF_ADDRESS)
            self._make_room(self._strangers(), MOST_OF_STRANGERS)
        if len(self._here) >= MOST:
            self._make_room(self._strangers(), 0)
        self._here[arrival] = None

    def free(self, arrival: Arrival) -> None:
        self._here.pop(arrival, None)

    def _strangers(self) -> list[Arrival]:
        return [one for one in self._here if not one.person]

    def _make_room(self, of: Sequence[Arrival], most: int) -> None:
        """The one that has been on its way for longest is given up."""
        if len(of) < most:
            return
        if not of:
            raise TooManyBodies
        self.free(of[0])
        of[0].body.give_up()
