"""Which filters look at a text, and what is done about what they find."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import structlog
from django.utils import translation

from chatapp.governance.findings import note
from chatapp.safety.contracts import Filter
from chatapp.safety.errors import ContentBlocked
from chatapp.safety.found_before import spans_in
from chatapp.safety.hidden.as_seen import AsSeen
from chatapp.safety.hidden.marks import HiddenTextFilter
from chatapp.safety.masking.placeholders import Placeholders
from chatapp.safety.models import WHOLE, FilterRule, What
from chatapp.safety.personal.filtering import PersonalFilter
from chatapp.safety.personal.finding import KINDS
from chatapp.safety.secrets import SecretFilter
from chatapp.safety.spans import Span
from chatapp.safety.stream import replaced
from chatapp.safety.words import word_filter
from retrieval.tenants import HOUSE

log = structlog.get_logger(__name__)

_FRESH_S = 1.0  # a rule that was changed holds everywhere after so long
_MOST = 512  # policies that are kept
_STRICT = {one: at for at, one in enumerate(FilterRule.Action.values)}
Where = FilterRule.Where
Action = FilterRule.Action


@dataclass(frozen=True, slots=True)
class Policy:
    """For one text. `actions`: by the kind of a span; kinds that are allowed are not looked for.

    `whole`: kinds that a text is of as a whole or not at all; `replies`: what the house says where those
    are blocked.
    """

    filters: tuple[Filter, ...]
    actions: dict[str, str]
    whole: frozenset[str] = frozenset()
    closed: frozenset[str] = frozenset()  # kinds for which a text that cannot be judged is refused
    replies: dict[str, str] = field(default_factory=dict)
    placeholders: Placeholders | None = None  # of the conversation; without it, what would be sealed is masked
    looking_for: bytes = b""  # the same where the filters find the same; empty: that is not known

    @property
    def seals(self) -> bool:
        return Action.SEAL in self.actions.values()

    def shown(self, span: Span, text: str) -> str:
        """Instead of a span. Raises ContentBlocked."""
        action = self.actions[span.kind]
        log.info("safety.found", kind=span.kind, action=str(action))
        note(span.kind, str(action))
        if action == Action.BLOCK:
            raise ContentBlocked(
                f"This contains {label(span.kind)}, which the rules of your organisation do not allow here."
            )
        if action == Action.WARN:
            return text
        stand_in = self.placeholders.stand_in(span.kind, text) if action == Action.SEAL and self.placeholders else None
        return stand_in or placeholder(span.kind)

    def applied(self, text: str) -> str:
        """What is left of the text. Raises ContentBlocked."""
        return replaced(text, spans_in(text, self.filters, self.looking_for), self.shown)


_Key = tuple[str, frozenset[int], frozenset[UUID | None], UUID]


class Rules:
    """Those of the house, with the policies that were made of them: making one takes longer than most texts do."""

    def __init__(self, rules: Sequence[FilterRule]) -> None:
        self._all = tuple(rules)
        self._places = frozenset(rule.where for rule in rules)
        self._groups = frozenset(rule.group_id for rule in rules if rule.group_id is not None)
        self._collections = frozenset(rule.collection_id for rule in rules if rule.collection_id is not None)
        self._made: dict[_Key, Policy] = {}

    def is_empty(self, where: str) -> bool:
        return where not in self._places

    def ask_for_groups(self, places: Iterable[str]) -> bool:
        """Whether it matters in any of these places which groups somebody is in."""
        return any(rule.group_id is not None and rule.where in places for rule in self._all)

    def policy(
        self, where: str, groups: Collection[int], collections: Collection[UUID] | None, organisation: UUID
    ) -> Policy:
        key = where, self._groups.intersection(groups), self._searched(collections), organisation
        made = self._made.get(key)
        if made is None:
            if len(self._made) >= _MOST:
                self._made.clear()
            made = self._made[key] = self._of(*key)
        return made

    def _searched(self, collections: Collection[UUID] | None) -> frozenset[UUID | None]:
        """None: one that no rule names. Where none is chosen, any may be asked."""
        if not collections:
            return self._collections | {None}
        return frozenset(one if one in self._collections else None for one in collections)

    def _of(self, where: str, groups: Collection[int], searched: Collection[UUID | None], organisation: UUID) -> Policy:
        there = [rule for rule in self._all if rule.where == where and rule.holds_in(organisation)]
        mine = [rule for rule in there if rule.group_id is None or rule.group_id in groups]
        actions = {kind: _strictest(rules, searched) for kind, rules in _by_kind(mine).items()}
        wanted = {kind: action for kind, action in actions.items() if action != Action.ALLOW}
        whole = WHOLE.intersection(wanted)
        about = [rule for rule in mine if rule.what in whole and rule.action == wanted[rule.what]]
        return Policy(
            tuple(_filters(wanted, mine)),
            wanted,
            frozenset(map(str, whole)),
            frozenset(rule.what for rule in about if rule.when_away == FilterRule.WhenAway.CLOSED),
            {rule.what: rule.reply for rule in about if rule.reply},
            looking_for=_looking_for(wanted, mine),
        )


@dataclass(frozen=True, slots=True)
class _Kept:
    rules: Rules
    written: tuple[Any, ...]  # all that they say
    read_at: float

    @property
    def is_fresh(self) -> bool:
        return time.monotonic() - self.read_at <= _FRESH_S


_kept = _Kept(Rules(()), (), float("-inf"))


def is_empty(where: str) -> bool:
    return rules_now().is_empty(where)


def policy(
    where: str, groups: Collection[int], collections: Collection[UUID] | None, organisation: UUID = HOUSE
) -> Policy:
    """`collections`: those that are searched; None: any, so that rules for each of them hold. `organisation`: of the
    asker, or of the document: what others have ruled does not hold there."""
    return rules_now().policy(where, groups, collections, organisation)


def rules_at_hand() -> Rules | None:
    """Without asking the database: None where that is to be done first."""
    kept = _kept
    return kept.rules if kept.is_fresh else None


def rules_now() -> Rules:
    """Kept for a second. A database that is away is no reason to let anything through: the error goes on."""
    global _kept
    kept = _kept
    if not kept.is_fresh:
        read_at = time.monotonic()
        found = tuple(FilterRule.objects.select_related("words", "collection"))
        written = tuple(_written(rule) for rule in found)
        _kept = kept = _Kept(kept.rules if written == kept.written else Rules(found), written, read_at)
    return kept.rules


def forget() -> None:
    """The rules are read again by whoever asks next."""
    global _kept
    _kept = _Kept(_kept.rules, _kept.written, float("-inf"))


def _written(rule: FilterRule) -> tuple[Any, ...]:
    """All that decides, of what it points to as well."""
    words = (rule.words.kind, rule.words.terms, rule.words.patterns) if rule.words else ()
    own = tuple(getattr(rule, field.attname) for field in FilterRule._meta.concrete_fields)
    return own, words, rule.collection.tenant if rule.collection else None


def label(kind: str) -> str:
    """English, as everything that is kept with an answer; pages look it up."""
    with translation.override("en"):
        return str(dict(What.choices).get(kind, "words that are not to be said"))


def placeholder(kind: str) -> str:
    return f"[{kind.replace('_', ' ')} removed]" if kind in What.values else "[removed]"


def _by_kind(rules: Iterable[FilterRule]) -> dict[str, list[FilterRule]]:
    kinds: dict[str, list[FilterRule]] = {}
    for rule in rules:
        kinds.setdefault(rule.kind, []).append(rule)
    return kinds


def _strictest(rules: Sequence[FilterRule], searched: Collection[UUID | None]) -> str:
    """Each collection that is searched is judged by itself: what one of them allows, the others need not."""
    return max((_decided(rules, one) for one in searched), key=_STRICT.__getitem__)


def _decided(rules: Sequence[FilterRule], collection: UUID | None) -> str:
    """Those of an organisation are decided apart: its organisers open nothing that is closed to all."""
    held = [rule for rule in rules if rule.collection_id in (None, collection)]
    of_all = [rule for rule in held if rule.organisation_id is None]
    of_one = [rule for rule in held if rule.organisation_id is not None]
    return max(_most_special(of_all), _most_special(of_one), key=_STRICT.__getitem__)


def _most_special(rules: Sequence[FilterRule]) -> str:
    special = max(map(_special, rules), default=None)
    return max((r.action for r in rules if _special(r) == special), key=_STRICT.__getitem__, default=Action.ALLOW)


def _special(rule: FilterRule) -> tuple[bool, bool]:
    return rule.collection_id is not None, rule.group_id is not None


def _filters(wanted: Collection[str], rules: Iterable[FilterRule]) -> Iterable[Filter]:
    if personal := [kind for kind in KINDS if kind in wanted]:
        yield AsSeen(PersonalFilter(frozenset(personal)))
    if What.SECRET in wanted:
        yield AsSeen(SecretFilter())
    if What.HIDDEN_TEXT in wanted:
        yield HiddenTextFilter()
    lists = {rule.kind: rule.words for rule in rules if rule.words and rule.kind in wanted}
    for kind, words in lists.items():
        yield AsSeen(word_filter(kind, words.terms.splitlines(), words.pattern_lines()), words=True)


def _looking_for(wanted: Collection[str], rules: Iterable[FilterRule]) -> bytes:
    """With the words of lists, which may be changed."""
    lists = {rule.kind: rule.words for rule in rules if rule.words and rule.kind in wanted}
    words = sorted((kind, words.terms, words.patterns) for kind, words in lists.items())
    return hashlib.sha256(repr((sorted(map(str, wanted)), words)).encode()).digest()
