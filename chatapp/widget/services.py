"""Making, changing, renewing and removing widgets, each with its line in the audit trail; and finding one by its key.

What visitors without an account read, they read as a service account of the widget's own, which is in one group of
the widget's own, which reads the widget's collections. So every accessor decides for them as for anybody else, and
"who can read this" names them. The group and the account say what the row says, and nothing more.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.contrib.auth.models import Group
from django.db import transaction
from django.utils import timezone

from chatapp.accounts.models import User
from chatapp.conversations.services import delete_conversation
from chatapp.governance.services import record
from chatapp.limits.models import Limit, Resource
from chatapp.limits.rules import rules
from chatapp.organisations.boundaries import name_within, person_name
from chatapp.widget.asking import visited
from chatapp.widget.models import Widget, new_key
from chatapp.widget.tickets import Ticket
from retrieval.models import Collection

_HOUR_S = 3600


def find(key: str, origin: str) -> Widget | None:
    """One that is in use, for a page of this origin; else None, whatever the reason is."""
    found = Widget.objects.filter(key=key, is_on=True, organisation__is_active=True).first()
    return found if found is not None and origin in found.origin_list else None


@transaction.atomic
def settle(widget: Widget, *, by: User, made: bool, changed: Sequence[str] = ()) -> None:
    """Once the row and its collections are stored: what visitors may is made so, and written down."""
    if widget.visitors and widget.is_on:
        _open_to_visitors(widget)
    else:
        _close_to_visitors(widget)
    detail = {
        "key": widget.key,
        "in_use": widget.is_on,
        "origins": widget.origin_list,
        "collections": sorted(one.name for one in widget.collections.all()),
        "answers_visitors": widget.visitors,
    }
    more = {} if made else {"changed": sorted(changed)}
    record("widget.made" if made else "widget.changed", widget.name, by, organisation=widget.tenant, **detail, **more)


@transaction.atomic
def renew_key(widget: Widget, *, by: User) -> None:
    """Pages with the old one show nothing, and frames that are open end within seconds."""
    widget.key, widget.renewed_at = new_key(), timezone.now()
    widget.save(update_fields=["key", "renewed_at"])
    record("widget.key_renewed", widget.name, by, organisation=widget.tenant, key=widget.key)


@transaction.atomic
def switch_off(widget: Widget, *, by: User) -> None:
    widget.is_on = False
    widget.save(update_fields=["is_on"])
    settle(widget, by=by, made=False, changed=["is_on"])


@transaction.atomic
def remove(widget: Widget, *, by: User) -> None:
    """With its group and its limits. Its account is closed and stays, for the trail names it; what visitors asked goes
    with the other temporary chats."""
    _close_to_visitors(widget)
    if widget.readers is not None:
        widget.readers.delete()
    if widget.account is not None:
        Limit.objects.filter(user=widget.account).delete()
        rules.changed()
    record("widget.removed", widget.name, by, organisation=widget.tenant, key=widget.key)
    widget.delete()


def leave(ticket: Ticket, conversation: UUID) -> bool:
    """A visitor begins anew, or their page is left: what was said is deleted. False: it is not theirs, or gone."""
    found = visited(ticket, conversation)
    if found is None:
        return False
    delete_conversation(conversation=found.conversation)
    return True


def _open_to_visitors(widget: Widget) -> None:
    account, group = widget.account or _new_account(widget), widget.readers or _new_group(widget)
    if not account.is_active:
        account.is_active = True
        account.save(update_fields=["is_active"])
    account.groups.set([group])
    wanted = set(widget.collections.values_list("pk", flat=True))
    for collection in Collection.objects.filter(readers=group).exclude(pk__in=wanted):
        collection.readers.remove(group)
    for collection in Collection.objects.filter(pk__in=wanted).exclude(readers=group):
        collection.readers.add(group)
    _limit(account, Resource.TURNS, widget.visitor_answers)
    _limit(account, Resource.QUESTIONS, widget.visitor_questions)


def _close_to_visitors(widget: Widget) -> None:
    """What is being written for them ends with the account."""
    if widget.account is not None and widget.account.is_active:
        widget.account.is_active = False
        widget.account.save(update_fields=["is_active"])
    if widget.readers is not None:
        for collection in Collection.objects.filter(readers=widget.readers):
            collection.readers.remove(widget.readers)


def _new_account(widget: Widget) -> User:
    name = person_name(f"widget-{widget.pk.hex[:12]}", widget.tenant)
    account = User(username=name, is_service=True, organisation_id=widget.tenant, contact=f"Widget {widget.name}")
    account.set_unusable_password()
    account.save()
    widget.account = account
    widget.save(update_fields=["account"])
    return account


def _new_group(widget: Widget) -> Group:
    group = Group(name=name_within(f"Visitors of {widget.name} ({widget.pk.hex[:6]})", widget.tenant))
    group.home = widget.tenant  # type: ignore[attr-defined]
    group.save()
    widget.readers = group
    widget.save(update_fields=["readers"])
    return group


def _limit(account: User, resource: Resource, amount: int) -> None:
    Limit.objects.update_or_create(
        resource=resource, user=account, together=False, defaults={"amount": amount, "seconds": _HOUR_S}
    )
    rules.changed()
