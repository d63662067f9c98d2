"""Where content passes: questions before they are stored, passages before a model reads them, answers as they leave."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from uuid import UUID

from chatapp.accounts.models import User
from chatapp.governance.findings import written_down
from chatapp.safety.askers import RulesFor, rules_for
from chatapp.safety.egress import guard
from chatapp.safety.errors import ContentBlocked
from chatapp.safety.masking.placeholders import Placeholders
from chatapp.safety.policy import Policy, Where
from chatapp.safety.spans import Span
from chatapp.safety.stream import HoldBack
from chatapp.safety.whole_texts import AnswerJudge, is_kept_from_models
from inference.engine import ChatMessage, Source


def clean_question(
    user: User,
    text: str,
    collections: Collection[UUID] | None,
    placeholders: Placeholders | None = None,
    rules: RulesFor | None = None,
) -> str:
    """What is stored and asked. `rules`: where they were looked up for many. Raises ContentBlocked."""
    rules = rules or rules_for([user], [Where.QUESTION])
    with written_down("question", user):
        return rules.policy(user, Where.QUESTION, collections, placeholders).applied(text)


def clean_as_whole(user: User, text: str, placeholders: Placeholders, rules: RulesFor) -> str:
    """What comes from elsewhere: by the rules for questions, with what they say of a text as a whole, which is judged
    by its letters alone: no service is asked, however much comes. It may be about any collection. Raises
    ContentBlocked."""
    policy = rules.policy(user, Where.QUESTION, None, placeholders)
    with written_down("question", user):
        if is_kept_from_models(policy, text):
            raise ContentBlocked
        return policy.applied(text)


def clean_title(user: User, text: str, placeholders: Placeholders) -> str:
    """One that a person types, by the rules for questions, which those that are made of them have passed. It may be
    about any collection. Raises ContentBlocked."""
    rules = of(user, Where.QUESTION, None, placeholders)
    with written_down("title", user):
        if is_kept_from_models(rules, text):
            raise ContentBlocked
        return rules.applied(text)


def clean_messages(
    user: User,
    messages: Sequence[ChatMessage],
    collections: Collection[UUID] | None,
    placeholders: Placeholders | None = None,
) -> tuple[ChatMessage, ...]:
    """What a program sends: all of it is asked. Raises ContentBlocked."""
    rules = of(user, Where.QUESTION, collections, placeholders)
    with written_down("question", user):
        return tuple(replace(one, content=rules.applied(one.content)) for one in messages)


def of(
    user: User, where: str, collections: Collection[UUID] | None, placeholders: Placeholders | None = None
) -> Policy:
    """The policy for a person."""
    return rules_for([user], [where]).policy(user, where, collections, placeholders)


def shown_to(rules: Policy, text: str) -> str | None:
    """What somebody else's words are to a reader with these rules; None: nothing of them may be shown."""
    try:
        return None if is_kept_from_models(rules, text) else rules.applied(text)
    except ContentBlocked:
        return None


def clean_sources(rules: Policy, sources: Sequence[Source]) -> list[Source]:
    """Without those that may not be read to a model; the others keep their numbers."""
    cleaned = []
    for source in sources:
        if is_kept_from_models(rules, f"{source.before} {source.text} {source.after}"):
            continue
        try:
            text, before, after = (rules.applied(one) for one in (source.text, source.before, source.after))
        except ContentBlocked:
            continue
        cleaned.append(replace(source, text=text, before=before, after=after) if rules.filters else source)
    return cleaned


def answer_window(rules: Policy, written: str = "", known: Iterable[str] = ()) -> HoldBack:
    """`written`: what stands already, of an answer that goes on; `known`: what the asker wrote or was shown."""

    def shown(span: Span, text: str) -> str:
        return guard.shown(span) if guard.is_of_egress(span.kind) else rules.shown(span, text)

    return HoldBack((*rules.filters, *guard.egress_filters(known)), shown, written)


def answer_judge(rules: Policy, written: str = "") -> AnswerJudge:
    """Before the window: it judges what was written, not what is left of it."""
    return AnswerJudge(rules, written)
