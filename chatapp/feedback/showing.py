"""What a curator is shown of what somebody sent: the words, the question and the answer, and the passages behind it.

As with shared conversations: an answer that rests on what they may not read is withheld whole, and so is one that
follows such an answer, for it may repeat it; their own rules about content hold; what is masked stays masked. Who sent
it is not told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote
from uuid import UUID

from django.db import connection
from django.urls import reverse

from chatapp import access
from chatapp.accounts.models import User
from chatapp.conversations.engines import engine_label
from chatapp.conversations.models import Citation, Message
from chatapp.documents.bench import place_of, served_cuts
from chatapp.documents.search import readable_passages
from chatapp.feedback.curating import stamp
from chatapp.feedback.models import Handled, Rating
from chatapp.feedback.services import sources_of
from chatapp.governance.services import record
from chatapp.privacy.fields import opened
from chatapp.privacy.sealing import prepare
from chatapp.safety.askers import rules_for
from chatapp.safety.gates import shown_to
from chatapp.safety.policy import Policy, Where
from chatapp.sharing.reading import ABOVE, ITSELF, without_quotes
from inference.engines.extractive import ExtractiveEngine
from retrieval.models import Document, Passage

_LONG = 1500  # characters of an answer that a list does not open by itself

# Of each answer, the messages from the beginning of its branch down to it, with the documents behind them.
_BRANCHES = """
WITH RECURSIVE branch AS (
    SELECT id AS answer, id, parent_id, role, documents FROM conversations_message WHERE id = ANY(%s)
    UNION ALL
    SELECT branch.answer, above.id, above.parent_id, above.role, above.documents
    FROM branch JOIN conversations_message AS above ON above.id = branch.parent_id
)
SELECT answer, id, documents FROM branch WHERE role = %s
"""


@dataclass(frozen=True, slots=True)
class Words:
    """Of one of the texts. Without text: why not."""

    text: str = ""
    why_not: str = ""  # ITSELF, ABOVE, "blocked", "unreadable"


@dataclass(frozen=True, slots=True)
class ShownPassage:
    number: int
    name: str  # of its document
    address: str  # "": they do not look after the document
    collection: str
    page: int | None
    heading: str
    locator: str
    text: str  # "": the document was read anew since
    score: float | None
    cited: bool


@dataclass(frozen=True, slots=True)
class Entry:
    pk: int
    good: bool
    reasons: tuple[str, ...]
    sent_at: datetime | None
    stamp: str
    text: Words
    correction: Words
    question: Words
    answer: Words
    engine: str
    passages: tuple[ShownPassage, ...]
    hidden: int  # passages that are gone, or not for this curator
    handled: Handled | None
    note: str | None

    @property
    def numbers(self) -> str:
        return " ".join(str(one.number) for one in self.passages)

    @property
    def long(self) -> bool:
        return len(self.answer.text) > _LONG

    @property
    def quoted(self) -> bool:
        return self.engine == ExtractiveEngine.name

    @property
    def writer(self) -> str:
        """As the chat names it."""
        return engine_label(self.engine)

    @property
    def search(self) -> str:
        """The search test bench with the question filled in: behind a #, which browsers send to no server, so that it
        stands in no log."""
        question = self.question.text.strip()
        return f"{reverse('search_bench_page')}#question={quote(question, safe='')}" if question else ""


@dataclass(frozen=True, slots=True)
class _May:
    """What this curator may be shown, looked up once for all that is on the page."""

    withheld: Mapping[UUID, str]  # by answer
    documents: Mapping[UUID, Document]
    looked_after: frozenset[UUID]  # collections
    passages: Mapping[int, Passage]
    cuts: Mapping[UUID, str]
    question: Policy
    answer: Policy


def entries(curator: User, rows: Sequence[Rating]) -> list[Entry]:
    """`rows`: of those that access.feedback gives this curator, with message, question and conversation. What is shown
    stands in the audit trail before it is."""
    prepare({row.person_id for row in rows})
    sources = {row.pk: _sent_sources(row) for row in rows}
    may = _looked_up(curator, rows, sources)
    cited = _cited([row.message_id for row in rows])
    shown = [_entry(row, sources[row.pk], cited[row.message_id], may) for row in rows]
    if rows:
        record("feedback.shown", "feedback", curator, organisation=curator.tenant, feedback=[row.pk for row in rows])
    return shown


def _sent_sources(row: Rating) -> list[dict[str, Any]]:
    """Those that were there when it was sent."""
    sent = {*(row.sent_passages or ())}
    return [one for one in sources_of(row.message) if one["passage"] in sent]


def _sent_answer(row: Rating) -> str | None:
    """As far as it was written when it was sent: it may have been continued since."""
    text = opened(row.message, "text")
    return None if text is None else text[: row.sent_length]


def _cited(answers: Sequence[UUID]) -> dict[UUID, set[int]]:
    found = defaultdict[UUID, set[int]](set)
    for answer, number in Citation.objects.filter(message__in=answers).values_list("message", "number"):
        found[answer].add(number)
    return found


def _looked_up(curator: User, rows: Sequence[Rating], sources: Mapping[int, list[dict[str, Any]]]) -> _May:
    behind = _behind([row.message_id for row in rows])
    named = {pk for above in behind.values() for documents in above.values() for pk in documents or ()}
    documents = Document.objects.readable_by(curator).select_related("collection").in_bulk(named)
    passages = readable_passages(curator, {one["passage"] for some in sources.values() for one in some})
    rules = rules_for([curator], [Where.QUESTION, Where.ANSWER])
    return _May(
        withheld={answer: _withheld(answer, above, documents) for answer, above in behind.items()},
        documents=documents,
        looked_after=frozenset(access.looked_after_and_read(curator).values_list("pk", flat=True)),
        passages=passages,
        cuts=served_cuts(passages.values()),
        question=rules.policy(curator, Where.QUESTION, None),
        answer=rules.policy(curator, Where.ANSWER, None),
    )


def _behind(answers: Sequence[UUID]) -> dict[UUID, dict[UUID, list[UUID] | None]]:
    """By answer: the documents behind it and behind each answer above it; None where that is not known."""
    found: dict[UUID, dict[UUID, list[UUID] | None]] = {pk: {} for pk in answers}
    with connection.cursor() as cursor:
        cursor.execute(_BRANCHES, [list(answers), Message.Role.ASSISTANT])
        for answer, pk, documents in cursor.fetchall():
            found[answer][pk] = documents
    return found


def _withheld(answer: UUID, behind: Mapping[UUID, list[UUID] | None], readable: Mapping[UUID, Document]) -> str:
    """A document that is gone counts as one that nobody may read."""
    closed = {pk for pk, documents in behind.items() if documents is None or not {*documents} <= readable.keys()}
    if answer in closed:
        return ITSELF
    return ABOVE if closed else ""


def _entry(row: Rating, sources: Sequence[dict[str, Any]], cited: set[int], may: _May) -> Entry:
    withheld = may.withheld.get(row.message_id, ITSELF)
    answer = _sent_answer(row)
    cited = {number for number in cited if f"[{number}]" in (answer or "")}
    passages = [one for source in sources if (one := _passage(source, cited, may)) is not None]
    question, handled = row.message.parent, getattr(row, "handled", None)
    return Entry(
        pk=row.pk,
        good=row.value == Rating.Value.GOOD,
        reasons=tuple(str(Rating.Reason(one).label) for one in row.reasons),
        sent_at=row.sent_at,
        stamp=stamp(row),
        text=_words(opened(row, "text"), may.question),
        correction=_words(opened(row, "correction"), may.question),
        question=_question(question, withheld, may) if question else Words(),
        answer=Words(why_not=withheld) if withheld else _words(answer, may.answer),
        engine=row.message.engine,
        passages=tuple(passages),
        hidden=len(sources) - len(passages),
        handled=handled,
        note=opened(handled, "note") if handled else None,
    )


def _question(row: Message, withheld: str, may: _May) -> Words:
    """What it quotes comes from answers above."""
    text = opened(row, "text")
    return _words(without_quotes(text) if withheld and text else text, may.question)


def _words(text: str | None, rules: Policy) -> Words:
    if text is None:
        return Words(why_not="unreadable")
    if not text or not (rules.filters or rules.whole):
        return Words(text)
    left = shown_to(rules, text)
    return Words(why_not="blocked") if left is None else Words(left)


def _passage(source: dict[str, Any], cited: set[int], may: _May) -> ShownPassage | None:
    """None: it may not be shown, nor may its document be named. One whose document was read anew has no words."""
    now = may.passages.get(source["passage"])
    document = now.document if now else may.documents.get(_id_of(source))
    if document is None:
        return None
    theirs = document.collection_id in may.looked_after
    address = place_of(now, may.cuts) if now else reverse("document_page", args=[document.pk])
    return ShownPassage(
        number=source["number"],
        name=document.name,
        address=address if theirs else "",
        collection=document.collection.name,
        page=now.page if now else None,
        heading=now.heading if now else "",
        locator=now.locator if now else "",
        text=now.text if now else "",
        score=source.get("score"),
        cited=source["number"] in cited,
    )


def _id_of(source: dict[str, Any]) -> UUID:
    return UUID(source["document"]["id"])
