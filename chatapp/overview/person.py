"""One person at a glance: what they are, what opens their account, what they use, and what they may read and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.db.models import Max, Q

from chatapp import access
from chatapp.accounts.models import ApiKey, User
from chatapp.conversations.models import Turn
from chatapp.documents.readership import Subject, verdicts
from chatapp.limits import standing
from chatapp.limits.models import Budget
from chatapp.organisations.boundaries import groups_that_count
from chatapp.roles.models import Appointment
from retrieval.models import Collection

MOST = 20  # rows of each kind that are shown


@dataclass(frozen=True, slots=True)
class Reads:
    collection: Collection
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Glance:
    roles: list[Appointment]
    keys: list[ApiKey]  # in use
    providers: list[SocialAccount]
    factors: list[Authenticator]
    last_question: datetime | None
    budgets: list[standing.Standing]  # of their groups and their organisation
    reads: list[Reads]
    reads_more: int  # collections beyond those that are shown


def glance(person: User, viewer: User) -> Glance:
    """Of collections, those of organisations that `viewer` looks after: who administers Footnote reads those of all."""
    groups = groups_that_count([person.pk])[person.pk]
    budgets = Budget.objects.filter(Q(organisation=person.tenant) | Q(group__in=groups)).select_related(
        "organisation", "group"
    )
    within = access.administered(viewer).values("pk")
    roles = Appointment.objects.filter(Q(collection=None) | Q(collection__tenant__in=within))
    readable = access.listed_collections(person).filter(tenant__in=within).order_by("name")
    asked = Turn.objects.filter(asker=person, question__conversation__in=access.conversations(person))
    return Glance(
        list(roles.filter(Q(user=person) | Q(group__in=groups)).select_related("collection", "group")),
        list(ApiKey.objects.filter(user=person, revoked_at=None).order_by("-created_at")[:MOST]),
        list(SocialAccount.objects.filter(user=person).order_by("provider")[:MOST]),
        list(Authenticator.objects.filter(user=person).order_by("type")[:MOST]),
        asked.aggregate(last=Max("created_at"))["last"],
        standing.standings(list(budgets.order_by("pk")[:MOST])),
        [_reads(one, person) for one in readable[:MOST]],
        max(0, readable.count() - MOST),
    )


def _reads(collection: Collection, person: User) -> Reads:
    (verdict,) = verdicts(Subject.of(collection), [person])
    return Reads(collection, verdict.reasons)
