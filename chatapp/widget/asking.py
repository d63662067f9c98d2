"""As whom a frame asks, decided at its beginning, at each of its frames and every two seconds in between.

Somebody who is signed in asks as themselves, narrowed to the widget's collections. Who is not asks as the widget's
own account, where the widget answers visitors; what they said before is theirs alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from typing import NamedTuple
from uuid import UUID

from django.utils.crypto import salted_hmac

from chatapp import access
from chatapp.accounts.models import User
from chatapp.accounts.scopes import Grant
from chatapp.conversations.admission import Started
from chatapp.conversations.frames import Ask
from chatapp.documents.filters import EVERYTHING
from chatapp.limits import buckets
from chatapp.limits.buckets import Bucket, Fill
from chatapp.limits.models import Resource
from chatapp.limits.services import LimitReached
from chatapp.widget.errors import Gone, NothingToRead, OfAnother, SignInFirst
from chatapp.widget.models import Visit, Widget
from chatapp.widget.tickets import Ticket

_HOUR_S = 3600


class Frame(NamedTuple):
    """One that is open, and the session that its socket came with, if any."""

    ticket: Ticket
    session: str | None


def askers(frames: Sequence[Frame]) -> list[User | Exception]:
    """For each as whom it asks, or Gone, SignInFirst or OfAnother. As many queries as for one."""
    rows = Widget.objects.filter(pk__in={one.ticket.widget for one in frames}, is_on=True, organisation__is_active=True)
    widgets = {row.pk: row for row in rows.select_related("account").prefetch_related("collections")}
    people = access.people_of_sessions([one.session for one in frames])
    return [_asker(one.ticket, widgets.get(one.ticket.widget), who) for one, who in zip(frames, people, strict=True)]


def _asker(ticket: Ticket, widget: Widget | None, person: User | None) -> User | Exception:
    if widget is None or widget.key != ticket.key or ticket.origin not in widget.origin_list:
        return Gone()
    searched = frozenset(one.pk for one in widget.collections.all())
    if person is not None and person.tenant == widget.tenant:
        return _granted(person, Grant(key=widget.pk, collections=searched))
    visitor = widget.account
    if widget.visitors and visitor is not None and visitor.is_active:
        return _granted(visitor, Grant(key=widget.pk, collections=searched, visitor=ticket.visitor))
    return SignInFirst() if person is None else OfAnother()


def _granted(person: User, grant: Grant) -> User:
    asker = copy(person)  # the same row may stand for another frame in the same moment
    asker.grant = grant
    return asker


def is_visitor(asker: User) -> bool:
    return asker.grant is not None and asker.grant.visitor is not None


def told_apart_by(asker: User) -> str:
    """The same for the same person or visitor at the same widget, another for anybody else, and nothing is read from
    it: by it a frame knows whose chat it shows. Its asker came from `askers`."""
    if (grant := asker.grant) is None:
        raise TypeError(asker)
    return salted_hmac("chatapp.widget.asker", f"{grant.key} {grant.visitor or asker.pk}").hexdigest()[:32]


def narrowed(asker: User, asked: Ask) -> Ask:
    """To what the widget searches and its asker may read, whatever the frame says; stored with the turn, so that it
    holds for whoever takes the turn over. A visitor's chat is temporary. Raises NothingToRead."""
    readable = access.reach(asker).collections
    if not readable:
        raise NothingToRead
    begins = is_visitor(asker) and asked.conversation is None
    return replace(asked, collections=tuple(sorted(readable)), filters=EVERYTHING, temporary=begins)


def take_of_address(asker: User, address: str) -> None:
    """A question of a visitor from this address. Raises LimitReached."""
    most = Widget.objects.filter(account=asker.pk).values_list("pk", "address_questions").first()
    if most is None:
        raise Gone
    widget, amount = most
    digest = salted_hmac("chatapp.widget.address", address).hexdigest()[:20]  # the table holds no addresses
    bucket = Bucket(f"questions:widget:{widget}:{digest}:{amount}", amount, _HOUR_S, Resource.QUESTIONS)
    (outcome,) = buckets.take([[Fill(bucket, 1)]])
    if not outcome.allowed:
        raise LimitReached(outcome.levels, [1])


def note_visit(asker: User, started: Started) -> None:
    """Whose a new conversation is, before anything of it is told."""
    grant = asker.grant
    if grant is None or grant.visitor is None:
        return
    Visit.objects.get_or_create(
        conversation_id=started.conversation, defaults={"widget_id": grant.key, "visitor": grant.visitor}
    )


def visited(ticket: Ticket, conversation: UUID) -> Visit | None:
    """A conversation of this very visitor."""
    found = Visit.objects.filter(conversation=conversation, widget=ticket.widget, visitor=ticket.visitor)
    return found.select_related("conversation").first()
