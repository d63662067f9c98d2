"""Who can read a collection or a document, and why; and why somebody cannot.

Who reads is said by the accessors alone. What stands here finds those that are worth asking about, and gives reasons.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.contrib.auth.models import Group
from django.db.models import Count, Q, QuerySet

from chatapp import access
from chatapp.accounts.models import User
from chatapp.roles.models import Appointment, Role
from retrieval.models import Collection, Document, Reach
from retrieval.stored_text import storable

A_PAGE = 50
MOST_ASKED_ABOUT = 20  # people of one name
NAME_CHARACTERS = 150
_NAMED = 10  # groups in one sentence


@dataclass(frozen=True, slots=True)
class Verdict:
    person: User
    reads: bool
    reasons: tuple[str, ...]  # why, or why not


@dataclass(frozen=True, slots=True)
class GroupShown:
    name: str
    members: int  # who can sign in
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReadersPage:
    people: list[Verdict]
    total: int
    number: int
    pages: int


@dataclass(frozen=True, slots=True)
class Subject:
    """What is read, with all that decides about it."""

    collection: Collection
    document: Document | None
    readers: dict[int, str]  # groups that read the collection, by key
    own: dict[int, str] | None  # those of a document with readers of its own
    curators: frozenset[UUID]  # people, by role of their own
    organisers: frozenset[UUID]
    curating: dict[int, str]  # groups
    organising: dict[int, str]

    @classmethod
    def of(cls, subject: Collection | Document) -> Subject:
        document = subject if isinstance(subject, Document) else None
        collection = subject.collection if isinstance(subject, Document) else subject
        there = Q(user__organisation=collection.tenant) | Q(group__place__organisation=collection.tenant)
        given = Appointment.objects.filter(there).select_related("group")
        curators = list(given.filter(role=Role.CURATOR, collection=collection))
        organisers = list(given.filter(role=Role.ORGANISER))
        restricted = document is not None and document.restricted
        return cls(
            collection,
            document,
            _by_key(collection.readers.all()),
            _by_key(document.readers.all()) if document is not None and restricted else None,
            frozenset(one.user_id for one in curators if one.user_id),
            frozenset(one.user_id for one in organisers if one.user_id),
            _by_key(one.group for one in curators if one.group),
            _by_key(one.group for one in organisers if one.group),
        )


def verdicts(subject: Subject, people: Sequence[User]) -> list[Verdict]:
    """Of each person, as the accessors have it at this moment."""
    own = None if subject.own is None else subject.own.keys()
    answers = []
    for person, may in zip(people, access.reach_of_each(people), strict=True):
        reads = may.has(subject.collection.pk, own)
        reasons = _why(subject, person, may) if reads else _why_not(subject, person, may)
        answers.append(Verdict(person, reads, tuple(reasons)))
    return answers


def readers_page(subject: Subject, *, name: str = "", number: int = 1) -> ReadersPage:
    """Those who read it, by name."""
    people = _named(_who_may_be(subject), name).order_by("username")
    total = people.count()
    pages = max(1, -(-total // A_PAGE))
    number = min(number, pages)
    asked = verdicts(subject, list(people[(number - 1) * A_PAGE : number * A_PAGE]))
    return ReadersPage([one for one in asked if one.reads], total, number, pages)


def asked_about(curator: User, subject: Subject, name: str) -> list[Verdict]:
    """People of that name, or with it in theirs, whether they read it or not; nobody where there is none."""
    if not name:
        return []
    people = _named(access.shown_people(curator), name).order_by("-is_active", "username")
    return verdicts(subject, list(people[:MOST_ASKED_ABOUT]))


def groups_shown(subject: Subject) -> list[GroupShown]:
    """Groups that make a difference, by name."""
    organisation = subject.collection.tenant
    known = {**subject.readers, **(subject.own or {}), **subject.curating, **subject.organising}
    counting = Q(user__is_active=True, user__organisation=organisation)
    beside = access.groups_beside(subject.collection).filter(pk__in=known)
    rows = beside.annotate(members=Count("user", filter=counting)).order_by("name")
    return [GroupShown(row.name, row.members, tuple(_of_group(subject, row.pk))) for row in rows]


def _by_key(groups: Iterable[Group]) -> dict[int, str]:
    return {group.pk: group.name for group in groups}


def _named(people: QuerySet[User], name: str) -> QuerySet[User]:
    for word in storable(name)[:NAME_CHARACTERS].split():
        columns = ("username", "first_name", "last_name", "email")
        fits = Q()
        for column in columns:
            fits |= Q(**{f"{column}__icontains": word})
        people = people.filter(fits)
    return people


def _who_may_be(subject: Subject) -> QuerySet[User]:
    """All who read it are among them. Each is asked about before they are shown."""
    people = User.objects.filter(organisation=subject.collection.tenant, is_active=True)
    in_groups = User.groups.through.objects.values("user_id")
    if not subject.collection.everyone:
        keys = [*subject.readers, *subject.curating, *subject.organising]
        by_group = Q(pk__in=in_groups.filter(group__in=keys))
        by_role = Q(pk__in=subject.curators | subject.organisers)
        people = people.filter(Q(is_superuser=True) | by_group | by_role)
    if subject.own is not None:
        people = people.filter(Q(is_superuser=True) | Q(pk__in=in_groups.filter(group__in=list(subject.own))))
    return people


# -- reasons -----------------------------------------------------------------------------------------------------------
def _why(subject: Subject, person: User, may: Reach) -> Iterator[str]:
    if may.groups is None:
        yield "Administrator"
        return
    if subject.collection.everyone:
        yield "Everybody reads the collection"
    for key, name in subject.readers.items():
        if key in may.groups:
            yield f"In {name}, which reads the collection"
    yield from _by_role(subject, person, may.groups)
    for key, name in (subject.own or {}).items():
        if key in may.groups:
            yield f"In {name}, one of the document's own readers"


def _by_role(subject: Subject, person: User, groups: frozenset[int]) -> Iterator[str]:
    if person.pk in subject.curators:
        yield "Curator of the collection"
    if person.pk in subject.organisers:
        yield "Organiser"
    yield from (
        f"In {name}, which looks after the collection" for key, name in subject.curating.items() if key in groups
    )
    yield from (
        f"In {name}, which administers the organisation" for key, name in subject.organising.items() if key in groups
    )


def _why_not(subject: Subject, person: User, may: Reach) -> Iterator[str]:
    if not person.is_active:
        yield "The account is closed"
    if person.tenant != subject.collection.tenant:
        yield "Is of another organisation"
    if subject.collection.pk in may.collections:
        yield _only("Reads the collection, but the document has readers of its own", subject.own or {})
    elif person.is_active and person.tenant == subject.collection.tenant:
        yield _only("Does not look after the collection, and it is not open to everybody", subject.readers)


def _only(but: str, groups: dict[int, str]) -> str:
    if not groups:
        return f"{but}: no group is named"
    names = sorted(groups.values())
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{but}; is in none of its groups: {', '.join(names[:_NAMED])}{more}"


def _of_group(subject: Subject, key: int) -> Iterator[str]:
    reads = (
        subject.collection.everyone or key in subject.readers or key in subject.curating or key in subject.organising
    )
    if key in subject.readers:
        yield "Reads the collection"
    if key in subject.curating:
        yield "Looks after the collection"
    if key in subject.organising:
        yield "Administers the organisation"
    if subject.own is not None and key in subject.own:
        yield "One of the document's own readers"
        if not reads:
            yield "Does not read the collection: it lets nobody in who does not read that another way"
    elif subject.own is not None:
        yield "Not one of the document's own readers: does not find the document"
