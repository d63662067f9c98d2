"""What the groups of a provider give here: at each sign-in they are given and taken, and nothing else is touched."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction

from chatapp.accounts.models import User
from chatapp.governance.services import record
from chatapp.organisations.boundaries import name_within
from chatapp.signon import credentials
from chatapp.signon.config import Rule
from chatapp.signon.homes import home_of
from chatapp.signon.identity import Identity
from chatapp.signon.models import Grant
from retrieval.tenants import HOUSE


@transaction.atomic
def apply(user: User, identity: Identity) -> None:
    """A membership that was given here stays, whatever the provider says."""
    person = User.objects.select_for_update().get(pk=user.pk)
    rules = [rule for rule in identity.provider.rules if rule.value in identity.groups]
    slug = identity.provider.slug
    home = home_of(identity.provider)
    wanted = [] if home is None else _groups(rules, home)  # None: closed a moment ago, behind `admit`
    added, removed = _memberships(person, slug, wanted)
    if added or removed:
        record("sign_on.groups", person, provider=slug, added=added, removed=removed)
    is_named = any(not rule.group for rule in rules)
    _administration(person, identity, is_named and home == person.tenant == HOUSE)
    user.is_superuser, user.is_staff = person.is_superuser, person.is_staff
    user.password = person.password  # the session that begins now is bound to it


def _groups(rules: Iterable[Rule], home: UUID) -> list[Group]:
    """A group that a rule of the environment names is made when it is first needed."""
    return [_group(name_within(name, home), home) for name in sorted({rule.group for rule in rules if rule.group})]


def _group(name: str, home: UUID) -> Group:
    found = Group.objects.filter(name=name).first()
    if found is not None:
        return found
    made = Group(name=name)
    made.home = home  # type: ignore[attr-defined]  # read where new groups are placed
    try:
        with transaction.atomic():
            made.save()
    except IntegrityError:  # twice at once
        return Group.objects.get(name=name)
    return made


def _memberships(user: User, slug: str, wanted: list[Group]) -> tuple[list[str], list[str]]:
    """-> the names of those that were added and removed."""
    theirs = set(user.groups.all())
    added = [group.name for group in wanted if _give(user, slug, group, group in theirs)]
    grants = Grant.objects.filter(user=user, provider=slug, group__isnull=False).exclude(group__in=wanted)
    removed = []
    for grant in grants.select_related("group"):
        grant.delete()
        if grant.group in theirs and not _is_given(user, grant.group):
            user.groups.remove(grant.group)
            removed.append(grant.group.name)
    return added, sorted(removed)


def _give(user: User, slug: str, group: Group, is_member: bool) -> bool:
    """Whether they were not in it."""
    if is_member and not _is_given(user, group):
        return False  # given here
    Grant.objects.get_or_create(user=user, provider=slug, group=group)
    if not is_member:
        user.groups.add(group)
    return not is_member


def _administration(user: User, identity: Identity, wanted: bool) -> None:
    """People of other organisations become no administrators by a claim. Who becomes one keeps nothing that opened the
    account before, but for the identity: whoever looked after it may know it."""
    slug = identity.provider.slug
    if wanted and user.is_superuser and not _is_given(user, None):
        return  # given here
    before = user.is_superuser
    if wanted:
        Grant.objects.get_or_create(user=user, provider=slug, group=None)
        user.is_superuser = True
    elif Grant.objects.filter(user=user, provider=slug, group=None).delete()[0]:
        user.is_superuser = _is_given(user, None)
    if user.is_superuser != before:
        user.is_staff = user.is_superuser
        user.save(update_fields=["is_superuser", "is_staff"])
        change = "sign_on.administrator_made" if user.is_superuser else "sign_on.administrator_ended"
        record(change, user, provider=slug)
        if user.is_superuser:
            credentials.end_all(user, by=None, way="made an administrator", came_by=(slug, identity.subject))


def _is_given(user: User, group: Group | None) -> bool:
    """By some provider."""
    return Grant.objects.filter(user=user, group=group).exists()


@transaction.atomic
def give_to(group: Group, people: Sequence[User], giver: str) -> None:
    """To many at once, by another name than a provider's. Who is in it by what was given here stays as they are."""
    inside = set(group.user_set.filter(pk__in=[one.pk for one in people]).values_list("pk", flat=True))
    by_somebody = set(Grant.objects.filter(group=group, user__in=people).values_list("user_id", flat=True))
    given = [one for one in people if one.pk not in inside or one.pk in by_somebody]
    rows = [Grant(user=one, provider=giver, group=group) for one in given]
    Grant.objects.bulk_create(rows, ignore_conflicts=True, batch_size=1000)
    group.user_set.add(*(one for one in people if one.pk not in inside))


@transaction.atomic
def take_from(group: Group, people: Sequence[User], giver: str) -> None:
    """What it gave itself, and nobody else did."""
    mine = Grant.objects.filter(group=group, provider=giver, user__in=people)
    taken = set(mine.values_list("user_id", flat=True))
    mine.delete()
    kept = set(Grant.objects.filter(group=group, user__in=taken).values_list("user_id", flat=True))
    group.user_set.remove(*(one for one in people if one.pk in taken - kept))


def take_all(user: User, giver: str) -> None:
    for group in Group.objects.filter(pk__in=Grant.objects.filter(user=user, provider=giver).values("group")):
        take_from(group, [user], giver)


def let_go(giver: str) -> None:
    """What it gave stays, as if it had been given here."""
    Grant.objects.filter(provider=giver).delete()
