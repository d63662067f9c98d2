"""What is recorded whichever door it came through: sign-ins that failed, and changes of accounts and groups."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.contrib.auth.signals import user_login_failed
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_save
from django.http import HttpRequest

from chatapp.accounts.models import User
from chatapp.governance import acting
from chatapp.governance.personal import Personal
from chatapp.governance.services import is_a_command, record
from chatapp.organisations.boundaries import organisation_of

_FLAGS = {
    "is_active": ("account.enabled", "account.disabled"),
    "is_superuser": ("account.administrator_made", "account.administrator_ended"),
    "is_staff": ("account.staff_made", "account.staff_ended"),
}
_NAMES = ("username", "email", "first_name", "last_name")
_WATCHED = (*_FLAGS, *_NAMES, "password")
_MEMBERS = {"post_add": "group.member_added", "post_remove": "group.member_removed"}


def connect() -> None:
    user_login_failed.connect(sign_in_failed, dispatch_uid="audit.sign_in_failed")
    pre_save.connect(_remember, sender=User, dispatch_uid="audit.account_before")
    post_save.connect(account_saved, sender=User, dispatch_uid="audit.account_saved")
    post_delete.connect(account_removed, sender=User, dispatch_uid="audit.account_removed")
    m2m_changed.connect(members_changed, sender=User.groups.through, dispatch_uid="audit.members")
    post_save.connect(group_saved, sender=Group, dispatch_uid="audit.group_saved")
    post_delete.connect(group_removed, sender=Group, dispatch_uid="audit.group_removed")


def sign_in_failed(credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
    """A name that nobody has may be a password that was typed into the wrong field: only a digest of it is kept."""
    if request is None or not request.path:
        return  # not through a door
    name = str(credentials.get("username") or credentials.get("email") or "")[:300]
    person = User.objects.filter(username=name).first() or User.objects.filter(email__iexact=name or "-").first()
    address = str(request.META.get("REMOTE_ADDR", ""))
    if person is not None:
        record("sign_in.failed", person, address=Personal(address, person.pk))
    else:
        record("sign_in.failed", f"unknown name {_digest(name)}", address=address)


def account_saved(instance: User, created: bool, **_: Any) -> None:
    before: dict[str, Any] | None = getattr(instance, "_audit_before", None)
    if not _is_somebody_acting() or (before is None and not created):
        return
    by = acting.person()
    if created:
        record("account.added", instance, by, administrator=instance.is_superuser)
        return
    now = _picture(instance)
    changed = [name for name in _WATCHED if (before or {}).get(name) != now[name]]
    for name in _FLAGS.keys() & {*changed}:
        record(_FLAGS[name][0 if now[name] else 1], instance, by)
    if "password" in changed:
        record("account.password_changed", instance, by)
    if fields := [name for name in _NAMES if name in changed]:
        record("account.changed", instance, by, fields=fields)


def account_removed(instance: User, **_: Any) -> None:
    if _is_somebody_acting():
        record("account.removed", instance, acting.person())


def members_changed(instance: User | Group, action: str, reverse: bool, pk_set: set[Any] | None, **_: Any) -> None:
    if not _is_somebody_acting():
        return
    if action == "pre_clear":
        found = (instance.user_set if isinstance(instance, Group) else instance.groups).values_list("pk", flat=True)
        _record_members("group.member_removed", instance, set(found))
    elif action in _MEMBERS and pk_set:
        _record_members(_MEMBERS[action], instance, pk_set)


def group_saved(instance: Group, created: bool, **_: Any) -> None:
    if created and _is_somebody_acting():
        record("group.added", instance.name, acting.person(), organisation=organisation_of(instance))


def group_removed(instance: Group, **_: Any) -> None:
    if _is_somebody_acting():
        record("group.removed", instance.name, acting.person(), organisation=organisation_of(instance))


def _remember(instance: User, update_fields: Iterable[str] | None = None, **_: Any) -> None:
    """What was there before, where one of the fields that count may change."""
    instance.__dict__.pop("_audit_before", None)
    touched = update_fields is None or {*update_fields} & {*_WATCHED}
    if touched and not instance._state.adding and _is_somebody_acting():
        found = User.objects.filter(pk=instance.pk).first()
        if found is not None:
            instance.__dict__["_audit_before"] = _picture(found)


def _record_members(action: str, instance: User | Group, keys: set[Any]) -> None:
    pairs: list[tuple[User, Group]]
    if isinstance(instance, Group):
        pairs = [(user, instance) for user in User.objects.filter(pk__in=keys)]
    else:
        pairs = [(instance, group) for group in Group.objects.filter(pk__in=keys)]
    for user, group in pairs:
        record(action, group.name, acting.person(), organisation=user.tenant, member=user)


def _picture(user: User) -> dict[str, Any]:
    return {name: getattr(user, name) for name in _WATCHED}


def _is_somebody_acting() -> bool:
    """Not what Footnote does by itself, which says so where it does it."""
    return acting.is_a_request() or is_a_command()


def _digest(name: str) -> str:
    """Tells equal names apart from others, without telling what they are."""
    return hmac.new(settings.SECRET_KEY.encode(), name.casefold().encode(), hashlib.sha256).hexdigest()[:12]
