"""Questions as a whole, before they are asked: the vector that tells their meaning is that of the search behind it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

import structlog
from django.conf import settings

from chatapp.accounts.models import User
from chatapp.database import in_database
from chatapp.governance.findings import written_down
from chatapp.safety import moderation
from chatapp.safety.askers import arules_for
from chatapp.safety.errors import ContentNotChecked
from chatapp.safety.learned import judging
from chatapp.safety.learned.remembered import Remembered
from chatapp.safety.policy import Policy, Where
from chatapp.safety.whole_texts import decided
from retrieval.errors import IndexUnavailable
from retrieval.models import Collection as Stored

log = structlog.get_logger(__name__)

_moderated = Remembered()


@dataclass(frozen=True, slots=True)
class About:
    """What a question may be about: no endpoint gets one that may be about what stays in the house."""

    collections: Collection[UUID] | None = None  # that are searched for it; None: any that its asker reads
    conversation: UUID | None = None
    asked_of: Collection[UUID] = ()  # chosen before, for it or for what stands above it


async def require_allowed(
    user: User,
    text: str,
    collections: Collection[UUID] | None,
    conversation: UUID | None = None,
    *,
    with_earlier: bool = False,
) -> None:
    """Before it is stored. What was found is written down. `with_earlier`: some of it may have been about any
    collection. Raises ContentBlocked, ContentNotChecked."""
    about = About(None if with_earlier else collections, conversation)
    rules, found = await _judged(user, text, collections, about)
    if found:
        await in_database(_written_down)(user, rules, found)


async def reply_instead(
    user: User,
    text: str,
    collections: Collection[UUID] | None,
    conversation: UUID | None = None,
    *,
    asked_of: Collection[UUID] = (),
    with_earlier: bool = False,
) -> str:
    """What is said instead of an answer; mostly nothing. Raises the same."""
    about = About(None if with_earlier else collections, conversation, asked_of)
    rules, found = await _judged(user, text, collections, about)
    return decided(rules, found)


async def _judged(
    user: User, text: str, collections: Collection[UUID] | None, about: About
) -> tuple[Policy, frozenset[str]]:
    rules = (await arules_for(user, [Where.QUESTION])).policy(user, Where.QUESTION, collections)
    return rules, await kinds_of(user, rules, text, about)


async def kinds_of(user: User, rules: Policy, text: str, about: About) -> frozenset[str]:
    """Those of the rules that a question is of as a whole. Raises ContentNotChecked."""
    if not rules.whole:
        return frozenset()
    return await _by_heads(rules, text) | await _by_endpoint(user, rules, text, about)


async def _by_heads(rules: Policy, text: str) -> frozenset[str]:
    try:
        return await judging.by_meaning(text, rules.whole)
    except IndexUnavailable as error:
        _require_open(rules, rules.whole, error)
        return judging.by_letters(text, rules.whole)


async def _by_endpoint(user: User, rules: Policy, text: str, about: About) -> frozenset[str]:
    """It gets the question as a model would, and none that may be about what stays in the house."""
    kinds = rules.whole & moderation.KINDS
    asked = moderation.endpoint()
    if asked is None or not kinds or await in_database(_may_stay_in_house)(user, about):
        return frozenset()
    text = rules.applied(text)
    if (known := _moderated.get(asked.url, text, kinds)) is not None:
        return known
    try:
        return _moderated.keep(asked.url, text, kinds, kinds & await asked.kinds_of(text))
    except moderation.ModerationAway as error:
        _require_open(rules, kinds, error)
        return frozenset()


def _require_open(rules: Policy, kinds: frozenset[str], error: Exception) -> None:
    log.warning("safety.not_judged", error=str(error)[:200])
    if rules.closed & kinds:
        raise ContentNotChecked from error


def _may_stay_in_house(user: User, about: About) -> bool:
    """What was attached to the conversation may be a copy of whatever its person reads, however it is narrowed; a key
    or a widget cannot tell what that is. Of a collection that is gone nobody knows whether it stayed."""
    collections, before = about.collections, set(about.asked_of)
    if before and Stored.objects.filter(pk__in=before, stays_in_house=False).count() < len(before):
        return True
    if about.conversation and _has_files(user, about.conversation):
        if settings.ATTACHMENTS_STAY_IN_HOUSE or user.grant is not None:
            return True
        collections = None
    mine = Stored.objects.readable_by(user).filter(stays_in_house=True)
    return (mine if collections is None else mine.filter(pk__in=collections)).exists()


def _has_files(user: User, conversation: UUID) -> bool:
    """Whoever else names this conversation is told nothing."""
    of_theirs = {"attached_to__conversation": conversation, "attached_to__conversation__owner": user}
    return Stored.with_attached.filter(**of_theirs).exists()


def _written_down(user: User, rules: Policy, found: frozenset[str]) -> None:
    with written_down(Where.QUESTION, user):
        decided(rules, found)
