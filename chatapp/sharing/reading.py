"""What somebody who reads a branch is shown of it: texts as they are stored, with placeholders where something was
masked, and of what it rests on no more than they may read. Somebody else is shown it as the rules for their own
questions and answers leave it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from chatapp.accounts.models import User
from chatapp.conversations.citing import later_quotes
from chatapp.conversations.engines import engine_label, is_quoting
from chatapp.conversations.models import Citation, Message
from chatapp.conversations.services import documents_of
from chatapp.documents.search import readable_ids
from chatapp.privacy.fields import opened
from chatapp.safety.askers import RulesFor, rules_for
from chatapp.safety.gates import shown_to
from chatapp.safety.policy import Where
from chatapp.sharing.doubts import Places, confidence_of, doubted, places_of
from retrieval.models import Document, Passage

IMPORTED = "imported"  # the engine of answers that were written elsewhere
MOST_LOOKED_AT = 500_000  # characters of a branch that rules look at in one reading; what is behind them is not shown
ITSELF, ABOVE = "itself", "above"
_QUOTED = re.compile(r"^ {0,3}>.*$\n?", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ShownSource:
    number: int
    name: str
    page: int | None
    quote: str  # of the first mark
    later: tuple[str, ...]  # of those behind it, where they rest on other sentences
    document: UUID | None  # None: the reader may not open it


@dataclass(frozen=True, slots=True)
class Shown:
    ordinal: int  # 1, 2, 3 ... in the branch
    role: str
    text: str
    engine: str
    status: str
    created_at: datetime
    sources: tuple[ShownSource, ...] = ()
    withheld: str = ""  # ITSELF: it rests on documents that the reader may not read; ABOVE: one above it does
    unreadable: bool = False  # nobody can open it
    blocked: bool = False  # the reader's rules do not let them see it
    unsupported: Places | None = None  # of sentences that no passage named holds; None: not looked at
    altered: bool = False  # rules changed the text, so that no place in it can be told
    doubt: int | None = None  # per cent: the search was no surer that the documents answer this
    confidence: float | None = None

    @property
    def imported(self) -> bool:
        return self.engine == IMPORTED

    @property
    def quoted(self) -> bool:
        return is_quoting(self.engine)

    @property
    def writer(self) -> str:
        return engine_label(self.engine)

    @property
    def places(self) -> str:
        """For the page, which underlines them; '' where there is nothing to underline."""
        return json.dumps(self.unsupported) if self.unsupported and not self.altered else ""

    @property
    def numbers(self) -> str:
        return " ".join(str(one.number) for one in self.sources)


def own(reader: User, branch: Sequence[Message]) -> list[Shown]:
    """For the owner: as in their history, but for masked values."""
    return _shown(reader, branch, [None] * len(branch), [""] * len(branch))


def of_another(reader: User, branch: Sequence[Message], lengths: Sequence[int]) -> list[Shown]:
    """For somebody else: an answer that rests on what they may not read is withheld whole, and so is every later one,
    for it may repeat it. `lengths`: so much of each message is theirs to read."""
    shown = _shown(reader, branch, list(lengths), _withheld(reader, branch))
    return _as_ruled(reader, rules_for([reader], [Where.QUESTION, Where.ANSWER]), shown)


def titles_of_others(reader: User, titles: Sequence[str]) -> list[str]:
    """By the rules for the reader's questions, of which titles are made. Empty: it may not be shown."""
    rules = rules_for([reader], [Where.QUESTION]).policy(reader, Where.QUESTION, None)
    return [shown_to(rules, title) or "" for title in titles]


def _as_ruled(reader: User, rules: RulesFor, shown: Sequence[Shown]) -> list[Shown]:
    """It may be about any collection, so that rules for each of them hold."""
    question, answer = (rules.policy(reader, where, None) for where in (Where.QUESTION, Where.ANSWER))
    left, ruled = MOST_LOOKED_AT, []
    for one in shown:
        policy = question if one.role == Message.Role.USER else answer
        if not one.text or not (policy.filters or policy.whole):
            ruled.append(one)
            continue
        left -= len(one.text)
        text = shown_to(policy, one.text) if left >= 0 else None
        ruled.append(_blocked(one) if text is None else replace(one, text=text, altered=text != one.text))
    return ruled


def _blocked(one: Shown) -> Shown:
    return replace(one, text="", sources=(), unsupported=None, doubt=None, confidence=None, blocked=True)


def _withheld(reader: User, branch: Sequence[Message]) -> list[str]:
    """Of each message, whether it, or one above it, rests on what the reader may not read, or on what is gone."""
    behind = [_documents(row) for row in branch]
    named = {pk for documents in behind for pk in documents or ()}
    readable = set(Document.objects.readable_by(reader).filter(pk__in=named).values_list("pk", flat=True))
    withheld, above = [], ""
    for documents in behind:
        itself = documents is None or not documents <= readable
        withheld.append(ITSELF if itself else above)
        above = ABOVE if itself else above
    return withheld


def _documents(row: Message) -> set[UUID] | None:
    """None: nobody can tell."""
    if row.role == Message.Role.USER:
        return set()
    if row.documents is not None:
        return set(row.documents)
    sources = opened(row, "sources")
    return None if sources is None else set(documents_of(sources))


def _shown(
    reader: User, branch: Sequence[Message], lengths: Sequence[int | None], withheld: Sequence[str]
) -> list[Shown]:
    cited = {one.passage_id for row in branch for one in row.citations.all() if one.passage_id}
    readable = readable_ids(reader, cited) if cited else set()
    places = dict(Passage.objects.filter(pk__in=readable).values_list("pk", "document_id"))
    passages = {} if _is_ruled(reader) else places
    rows = zip(branch, lengths, withheld, strict=True)
    return [_one(number, *row, places, passages) for number, row in enumerate(rows, start=1)]


def _is_ruled(reader: User) -> bool:
    """The quote of a first mark was made of what rules had left of its passage. The others are found in passages as
    they are, when they are read, and so for nobody whose passages or answers rules change."""
    rules = rules_for([reader], [Where.PASSAGES, Where.ANSWER])
    policies = [rules.policy(reader, where, None) for where in (Where.PASSAGES, Where.ANSWER)]
    return any(one.filters or one.whole for one in policies)


def _one(
    ordinal: int, row: Message, length: int | None, withheld: str, places: dict[int, UUID], passages: Container[int]
) -> Shown:
    question = row.role == Message.Role.USER
    whole: str | None = opened(row, "text")
    text = whole and whole[:length]
    if withheld:  # what is quoted in a later question comes from there
        text = without_quotes(text or "") if question else ""
    cited = (
        [] if withheld else [one for one in row.citations.all() if length is None or f"[{one.number}]" in (text or "")]
    )
    later = _later(row, text or "", [one for one in cited if one.passage_id in passages])
    sources = tuple(_source(one, places, later.get(one.number, ())) for one in cited)
    said = not question and bool(text)  # of what is not shown, nothing is told
    return Shown(
        ordinal, row.role, text or "", row.engine, row.status, row.created_at, sources,
        withheld="" if question else withheld, unreadable=text is None,
        unsupported=places_of(row, length) if said else None, doubt=doubted(row, text or "") if said else None,
        confidence=confidence_of(row) if said else None,
    )  # fmt: skip


def _later(row: Message, text: str, cited: Sequence[Citation]) -> dict[int, list[str]]:
    """Sentences of later marks, by source."""
    if not any(text.count(f"[{one.number}]") > 1 for one in cited):
        return {}
    words = {one["passage"]: one.get("text", "") for one in opened(row, "sources") or ()}
    return later_quotes(text, {one.number: words.get(one.passage_id, "") for one in cited})


def without_quotes(question: str) -> str:
    return _QUOTED.sub("", question).strip()


def _source(row: Citation, places: dict[int, UUID], later: Sequence[str]) -> ShownSource:
    document = places.get(row.passage_id) if row.passage_id else None
    quote = (opened(row, "quote") or "") if document else ""
    return ShownSource(
        row.number,
        opened(row, "document_name") or "",
        row.page,
        quote,
        tuple(one for one in later if one != quote),
        document,
    )
