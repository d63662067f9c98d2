"""The socket of a widget's frame: the frames of the chat page, fewer of them, about the widget's collections alone."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from uuid import UUID

from allauth.core.internal.ratelimit import truncate_ip

from chatapp.accounts.models import User
from chatapp.conversations import frames
from chatapp.conversations.admission import Started
from chatapp.conversations.consumer import TOO_MANY, ChatConsumer
from chatapp.database import Together, in_database
from chatapp.errors import Invalid, NotFound
from chatapp.widget import asking, tickets
from chatapp.widget.asking import Frame
from chatapp.widget.errors import Gone, SignInFirst

OF_ONE_ADDRESS = 100  # sockets of visitors in one process: a proxy or a router may stand for a whole house
OF_ONE_WIDGET = 1000
_KNOWN = (frames.Ask, frames.Stop, frames.Resume, frames.Ping)

_asker = Together[Frame, User](asking.askers)
_narrowed, _take_of_address = in_database(asking.narrowed), in_database(asking.take_of_address)
_note_visit = in_database(asking.note_visit)
_open: Counter[UUID | str] = Counter()


class WidgetConsumer(ChatConsumer):
    held: tuple[UUID | str, ...] = ()  # what it is counted as, beside its person or visitor

    async def connect(self) -> None:
        offered = self.scope.get("subprotocols", [])
        await self.accept(subprotocol=tickets.SUBPROTOCOL if tickets.SUBPROTOCOL in offered else None)
        try:
            if (ticket := tickets.among(offered)) is None:
                raise Gone
            self.frame_shown = Frame(ticket, self.scope["session"].session_key)
            self.user = await _asker(self.frame_shown)
        except NotFound as refused:
            return await self.close(getattr(refused, "close_code", Gone.close_code))
        if not self._hold():
            return await self.close(TOO_MANY)
        await self._admit()

    def _hold(self) -> bool:
        """A place among those of its widget and address, where it is a visitor's."""
        if not asking.is_visitor(self.user):
            return True
        places: tuple[UUID | str, ...] = (self.user.pk, f"{self.user.pk} {self._address()}")
        if any(_open[place] >= most for place, most in zip(places, (OF_ONE_WIDGET, OF_ONE_ADDRESS), strict=True)):
            return False
        self.held = places
        _open.update(places)
        return True

    def _leave(self) -> None:
        places, self.held = self.held, ()
        _open.subtract(places)
        for place in places:
            if _open[place] <= 0:
                del _open[place]
        super()._leave()

    @property
    def whose(self) -> UUID:
        """A visitor's sockets are counted apart from those of others."""
        grant = self.user.grant
        return grant.visitor if grant is not None and grant.visitor is not None else self.user.pk

    async def _greet(self) -> None:
        """It hears of no other page of its person: an intranet's page needs nothing of those."""
        self.watch = asyncio.create_task(self._watch())
        asks_as = "visitor" if asking.is_visitor(self.user) else "person"
        about = {"asks_as": asks_as, "asker": asking.told_apart_by(self.user)}
        await self.put({"type": "hello", "protocol": frames.PROTOCOL, "running": [], **about})

    async def _tell_others(self, event: dict[str, object]) -> None:
        """Other pages of the person find it when they are loaded."""

    async def _handle(self, frame: frames.ClientFrame) -> None:
        if not isinstance(frame, _KNOWN):
            raise Invalid("The frame's type is not known.", advice="Use one of: ask, stop, resume, ping.")
        await super()._handle(frame)

    async def _asked(self, frame: frames.Ask | frames.Edit | frames.Regenerate | frames.Continue) -> Started:
        if asking.is_visitor(self.user):
            # Of an address what is refused counts as well: nobody tries filters out for nothing.
            await _take_of_address(self.user, self._address())
        return await super()._asked(frame)

    async def _begun(self, frame: frames.Ask | frames.Edit | frames.Regenerate | frames.Continue) -> Started:
        if not isinstance(frame, frames.Ask):
            raise TypeError(frame)  # _handle lets none through
        return await super()._begun(await _narrowed(self.user, frame))

    async def _launched(self, admit: Callable[[], Awaitable[Started]]) -> Started:
        async def noted() -> Started:
            started = await admit()
            await _note_visit(self.user, started)
            return started

        return await super()._launched(noted)

    async def _require_session(self) -> None:
        found = await _asker(self.frame_shown)
        if found.pk != self.user.pk:  # signed out where visitors are answered: who asks now is somebody else
            raise SignInFirst
        self.user = found

    def _address(self) -> str:
        """As trusted proxies have it; of IPv6 the network."""
        client = self.scope.get("client") or ("",)  # a Unix socket has none
        return str(truncate_ip(client[0]))
