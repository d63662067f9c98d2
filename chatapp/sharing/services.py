"""Letting somebody read a branch, and ending it; callers have fetched objects through access.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict
from uuid import UUID

from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import Q, Value
from django.db.models.functions import Concat, Trim
from django.utils import timezone

from chatapp import access
from chatapp.accounts.models import User
from chatapp.conversations.models import Conversation, Message
from chatapp.errors import Invalid, NotFound
from chatapp.governance.services import record
from chatapp.organisations.boundaries import person_name
from chatapp.privacy.fields import opened
from chatapp.sharing.branches import branch_to, messages_of
from chatapp.sharing.models import Share

MOST_OF_ONE = 50  # with whom a conversation is shared
MOST = 500  # of one owner


class _Stand(TypedDict):
    messages: list[UUID]
    lengths: list[int]


def share(
    user: User, conversation: Conversation, last: UUID | None, *, person: User | None, group: Group | None
) -> Share:
    """With one of the two. Shared with them already: renewed. Raises Invalid and NotFound."""
    stand = _stand(conversation, last)
    with transaction.atomic():
        list(User.objects.select_for_update(no_key=True).filter(pk=user.pk).values_list("pk"))
        known = Share.objects.filter(conversation=conversation, person=person, group=group).first()
        if known is None:
            _require_room(user, conversation)
        row = known or Share(owner=user, conversation=conversation, person=person, group=group)
        row.messages, row.lengths, row.renewed_at = stand["messages"], stand["lengths"], timezone.now()
        row.save()
        _written_down("conversation.shared", row, user)
    return row


def renew(user: User, row: Share, last: UUID | None) -> None:
    """To the branch as it stands now. Raises Invalid and NotFound."""
    stand = _stand(row.conversation, last)
    with transaction.atomic():
        row.messages, row.lengths, row.renewed_at = stand["messages"], stand["lengths"], timezone.now()
        there = Share.objects.filter(pk=row.pk)
        if not there.update(renewed_at=row.renewed_at, **stand):  # another tab has ended it
            raise NotFound
        _written_down("conversation.shared", row, user)


def revoke(user: User, row: Share) -> None:
    """Raises NotFound where another tab has ended it."""
    with transaction.atomic():
        deleted, _ = Share.objects.filter(pk=row.pk).delete()
        if not deleted:
            raise NotFound
        _written_down("conversation.unshared", row, user)


def person_named(user: User, name: str) -> User:
    """By user name, e-mail address or the full name that is shown, of the same organisation. Raises Invalid."""
    name = name.strip()
    people = access.people_to_share_with(user)
    by_name = Q(username__iexact=name) | Q(username__iexact=person_name(name, user.tenant))
    full_name = people.annotate(full=Trim(Concat("first_name", Value(" "), "last_name"))).filter(full__iexact=name)
    ways = (people.filter(by_name), people.filter(email__iexact=name), full_name) if name else ()
    found = next((some for way in ways if (some := list(way[:2]))), [])
    if len(found) != 1:
        raise Invalid(
            "There is nobody of this name whom you can share with.", advice="Check the name, or their address."
        )
    return found[0]


def branch_of(row: Share) -> tuple[list[Message], list[int]]:
    """What stands there still, with how much of each."""
    rows = Message.objects.filter(pk__in=row.messages, conversation=row.conversation_id)
    there = rows.select_related("conversation").prefetch_related("citations").in_bulk()
    shown = [(there[pk], length) for pk, length in zip(row.messages, row.lengths, strict=True) if pk in there]
    return [one for one, _ in shown], [length for _, length in shown]


def _stand(conversation: Conversation, last: UUID | None) -> _Stand:
    """Without what is still being written."""
    branch = branch_to(messages_of(conversation), last)
    ended = [one for one in branch if one.status not in (Message.Status.STREAMING, Message.Status.FAILED)]
    if not any(one.role == Message.Role.ASSISTANT for one in ended):
        raise Invalid("There is no answer to share yet.", advice="Share it when an answer has ended.")
    return {"messages": [one.pk for one in ended], "lengths": _lengths(ended)}


def _lengths(rows: Sequence[Message]) -> list[int]:
    return [len(opened(row, "text") or "") for row in rows]


def _require_room(user: User, conversation: Conversation) -> None:
    if Share.objects.filter(conversation=conversation).count() >= MOST_OF_ONE:
        raise Invalid(
            f"A conversation can be shared with at most {MOST_OF_ONE} people and groups.",
            advice="Share it with a group.",
        )
    if Share.objects.filter(owner=user).count() >= MOST:
        raise Invalid(f"At most {MOST} shares are possible.", advice="End some that are not needed any more.")


def _written_down(action: str, row: Share, by: User) -> None:
    """Names of people are sealed."""
    about = row.person if row.person is not None else f"group {row.group}"
    facts = {"share": str(row.pk), "conversation": str(row.conversation_id), "messages": len(row.messages)}
    record(action, about, by, organisation=by.tenant, **facts)
