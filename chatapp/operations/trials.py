"""What the rules about content would do with a text: as they look at a question, a passage or an answer.

Nothing of the text is kept, and it is sent nowhere but to the index service of the house, for its meaning. What is
found is found by the same filters that look at the real ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from asgiref.sync import async_to_sync
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chatapp.accounts.models import User
from chatapp.governance.services import record
from chatapp.safety import gates, policy
from chatapp.safety.contracts import Filter
from chatapp.safety.egress import guard
from chatapp.safety.egress.errors import InstructionsRepeated
from chatapp.safety.errors import ContentBlocked
from chatapp.safety.hidden.as_seen import AsSeen
from chatapp.safety.hidden.marks import HiddenTextFilter
from chatapp.safety.learned import judging
from chatapp.safety.masking.placeholders import Placeholders
from chatapp.safety.models import WHOLE, FilterRule, What
from chatapp.safety.personal.filtering import PersonalFilter
from chatapp.safety.personal.finding import KINDS
from chatapp.safety.policy import Action, Policy
from chatapp.safety.secrets import SecretFilter
from chatapp.safety.spans import Span
from chatapp.safety.stream import found
from chatapp.safety.whole_texts import decided
from inference.engine import Source
from retrieval.errors import IndexUnavailable
from retrieval.tenants import HOUSE

MOST_CHARACTERS = 8000
Where = FilterRule.Where
WHERE = (Where.QUESTION, Where.PASSAGES, Where.ANSWER)
NO_RULE = _("no rule")
_ALWAYS = _("taken out of every answer")
_ACTIONS = {str(value): label for value, label in Action.choices}
_KINDS = dict(What.choices)
_OF_EGRESS = {
    "link": _("addresses that the asker was not shown"),
    "link_target": _("addresses that the asker was not shown"),
    "canary": _("the instructions of the model"),
}


@dataclass(frozen=True, slots=True)
class Piece:
    """Of the text as it was typed; `kind` is '' where nothing was found."""

    text: str
    kind: str = ""
    label: str = ""
    action: str = ""
    ruled: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    label: str
    action: str
    times: int
    whole: bool = False  # of the text as a whole: there is no piece to mark


@dataclass(frozen=True, slots=True)
class Trial:
    """`leaves`: what would go on; `instead`: why nothing does, or what is said in its place."""

    pieces: Sequence[Piece]
    findings: Sequence[Finding]
    leaves: str
    instead: str
    by_meaning: bool  # False: the index service was away, or this place is judged by its letters alone


@dataclass(frozen=True, slots=True)
class Asker:
    """For whom the rules are looked up, as `policy` takes them. `collections`: None for all."""

    groups: Collection[int] = ()
    collections: Collection[UUID] | None = None
    organisation: UUID = HOUSE


def attempt(text: str, where: str, asker: Asker, *, by: User) -> Trial:
    """Written down without the text."""
    found_rules = policy.policy(where, asker.groups, asker.collections, asker.organisation)
    rules = replace(found_rules, placeholders=Placeholders())
    spans = _found(text, where, rules)
    whole, by_meaning = _whole_kinds(text, where)
    leaves, instead = _outcome(text, where, rules, whole)
    times = Counter(span.kind for span in spans)
    record("filters.tried", where, by, characters=len(text), found=dict(times) | dict.fromkeys(sorted(whole), 1))
    findings = [Finding(_label(kind), _done(rules, kind), number) for kind, number in times.items()]
    findings += [Finding(_label(kind), _done(rules, kind), 1, whole=True) for kind in sorted(whole)]
    return Trial(_pieces(text, spans, rules), findings, leaves, instead, by_meaning)


def _found(text: str, where: str, rules: Policy) -> list[Span]:
    """What rules find, and beside it what filters would find that no rule asks for."""
    ruled = found((*rules.filters, *_egress(where)), text)
    asked = {kind for kind in KINDS if kind in rules.actions}
    others = found((AsSeen(PersonalFilter(frozenset(KINDS) - asked)), AsSeen(SecretFilter()), HiddenTextFilter()), text)
    free = [one for one in others if one.kind not in rules.actions and not any(_overlap(one, each) for each in ruled)]
    return sorted([*ruled, *free])


def _overlap(one: Span, other: Span) -> bool:
    return one.start < other.end and other.start < one.end


def _egress(where: str) -> tuple[Filter, ...]:
    return guard.egress_filters(()) if where == Where.ANSWER else ()


def _whole_kinds(text: str, where: str) -> tuple[frozenset[str], bool]:
    """Of all kinds that are learned. Questions are judged by their meaning too; the others by their letters alone."""
    kinds = frozenset(map(str, WHOLE))
    if where != Where.QUESTION:
        return judging.by_letters(text, kinds), False
    try:
        return async_to_sync(judging.by_meaning)(text, kinds), True
    except IndexUnavailable:
        return judging.by_letters(text, kinds), False


def _outcome(text: str, where: str, rules: Policy, whole: frozenset[str]) -> tuple[str, str]:
    """-> what goes on, and what is said instead or behind it."""
    try:
        if where == Where.QUESTION:
            instead = decided(rules, whole & rules.whole)
            return ("", instead) if instead else (rules.applied(text), "")
        if where == Where.PASSAGES:
            return _read(text, rules)
    except ContentBlocked as error:
        return "", error.user_message
    return _written(text, rules)


def _read(text: str, rules: Policy) -> tuple[str, str]:
    sources = gates.clean_sources(rules, [Source(number=1, document="", text=text)])
    return (sources[0].text, "") if sources else ("", "The passage is kept from the model.")


def _written(text: str, rules: Policy) -> tuple[str, str]:
    """As an answer that is written in one piece: what its reader sees, up to where it ends."""
    judge, window, shown = gates.answer_judge(rules), gates.answer_window(rules), ""
    try:
        for part in (judge.push(text), judge.rest()):
            shown += window.push(part)
        shown += window.rest()
    except (ContentBlocked, InstructionsRepeated) as error:
        return shown, error.user_message
    return shown, ""


def _pieces(text: str, spans: Sequence[Span], rules: Policy) -> list[Piece]:
    pieces, at = [], 0
    for span in spans:
        if span.start > at:
            pieces.append(Piece(text[at : span.start]))
        pieces.append(
            Piece(text[span.start : span.end], span.kind, _label(span.kind), *_what_is_done(rules, span.kind))
        )
        at = span.end
    return [*pieces, Piece(text[at:])] if text[at:] else pieces


def _done(rules: Policy, kind: str) -> str:
    if guard.is_of_egress(kind):
        return str(_ALWAYS)
    return str(_ACTIONS.get(str(rules.actions.get(kind, "")), NO_RULE))


def _what_is_done(rules: Policy, kind: str) -> tuple[str, bool]:
    """-> in words, and whether a rule asks for it."""
    return _done(rules, kind), guard.is_of_egress(kind) or kind in rules.actions


def _label(kind: str) -> str:
    if kind in _OF_EGRESS:
        return str(_OF_EGRESS[kind])
    if kind.startswith("words:"):
        return gettext("words of the list %(name)s") % {"name": kind.removeprefix("words:")}
    return str(_KINDS.get(kind, policy.label(kind)))
