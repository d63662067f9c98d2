"""Finding one's own conversations by words, of which the database holds only numbers made with the owner's key."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q, QuerySet

from chatapp import access
from chatapp.accounts.models import User
from chatapp.conversations.models import Conversation, FoundBy, Message
from chatapp.errors import Invalid
from chatapp.privacy.errors import Unreadable
from chatapp.privacy.word_tokens import BEGINNING, token_of_beginning, token_of_word, tokens_of
from retrieval.ranking.words import normalised, without_accents, words

LONGEST_QUERY = 200  # characters
MOST_WORDS = 12
MOST_RESULTS = 50  # conversations
_LOOKED_AT = 300  # messages whose numbers match, the newest first
_STEP = 50  # of them are read at once
_INDEXED = 4000  # different words of one message
_AROUND = 70  # characters of a snippet before and behind the first word that was found
_RUN = re.compile(r"[^\W_]+(?:[’'ʼ]s\b)?")
_DE_SHARP_S = str.maketrans({"ß": "ss"})


@dataclass(frozen=True, slots=True)
class Hit:
    conversation: Conversation
    message: Message | None  # None: the title
    snippet: str
    marks: list[tuple[int, int]]  # places of what was asked for in the snippet


def index_new(conversations: Iterable[Conversation], messages: Iterable[Message]) -> None:
    """What was stored a moment ago, in the caller's transaction, with one query."""
    FoundBy.objects.bulk_create(row for row in [*_of_titles(conversations), *_of_messages(messages)] if row.tokens)


def index(messages: Iterable[Message]) -> None:
    """In the caller's transaction, and anew where it was done before. Of temporary chats nothing is kept."""
    rows = _of_messages(messages)
    if empty := [row.message_id for row in rows if not row.tokens]:
        FoundBy.objects.filter(message__in=empty).delete()
    found = [row for row in rows if row.tokens]
    FoundBy.objects.bulk_create(found, update_conflicts=True, unique_fields=["message"], update_fields=["tokens"])


def index_titles(conversations: Collection[Conversation]) -> None:
    """The same for their titles."""
    FoundBy.objects.filter(message=None, conversation__in=[one.pk for one in conversations]).delete()
    index_new(conversations, [])


def _of_messages(messages: Iterable[Message]) -> list[FoundBy]:
    return [
        FoundBy(conversation_id=one.conversation_id, message=one, tokens=_tokens(one.conversation.owner_id, one.text))
        for one in messages
        if not one.conversation.temporary
    ]


def _of_titles(conversations: Iterable[Conversation]) -> list[FoundBy]:
    kept = (one for one in conversations if not one.temporary)
    return [FoundBy(conversation=one, tokens=_tokens(one.owner_id, one.title)) for one in kept]


def _tokens(person: UUID, text: str) -> list[int]:
    return tokens_of(person, list(dict.fromkeys(folded(text)))[:_INDEXED])


def folded(text: str) -> list[str]:
    """Words as they are compared: small letters without accents; ß as ss."""
    return [without_accents(word).translate(_DE_SHARP_S) for word in words(text)]


# -- searching ---------------------------------------------------------------------------------------------------------
def find(user: User, query: str, limit: int = 20) -> list[Hit]:
    """Conversations in which a message, or the title, holds all words; the last one may be a beginning.

    Raises Invalid where the query cannot be.
    """
    wanted = _wanted(query)
    found: dict[UUID, Hit] = {}
    candidates = _candidates(user, wanted)
    for begin in range(0, _LOOKED_AT, _STEP):
        entries = list(candidates[begin : begin + _STEP])
        for entry in entries:
            hit = None if entry.conversation_id in found else _hit(entry, wanted)
            if hit is not None:
                found[entry.conversation_id] = hit
                if len(found) == limit:
                    return list(found.values())
        if len(entries) < _STEP:
            break
    return list(found.values())


def _wanted(query: str) -> list[str]:
    if len(query) > LONGEST_QUERY:
        raise Invalid(f"A search has at most {LONGEST_QUERY} characters.", advice="Look for fewer words.")
    wanted = list(dict.fromkeys(folded(query)))
    if not wanted:
        raise Invalid("There is no word to look for.", advice="Write a word.")
    if len(wanted) > MOST_WORDS:
        raise Invalid(f"A search has at most {MOST_WORDS} words.", advice="Look for fewer words.")
    return wanted


def _candidates(user: User, wanted: Sequence[str]) -> QuerySet[FoundBy]:
    """The newest first; without what nobody looks for, which is sealed and long."""
    tokens = [token_of_word(user.pk, word) for word in wanted]
    if None in tokens:
        return FoundBy.objects.none()
    *others, last = tokens
    matches = Q(tokens__contains=[last])
    if len(wanted[-1]) >= BEGINNING:
        matches |= Q(tokens__contains=[token_of_beginning(user.pk, wanted[-1])])
    own = FoundBy.objects.filter(matches, conversation__in=access.conversations(user).filter(temporary=False))
    if others:
        own = own.filter(tokens__contains=others)
    rows = own.select_related("conversation", "message").defer("tokens", "message__sources")
    return rows.order_by("-conversation__updated_at", "-pk")


def _hit(entry: FoundBy, wanted: Sequence[str]) -> Hit | None:
    """None where the numbers said more than the text does, or where it cannot be opened."""
    try:
        text = entry.message.text if entry.message else entry.conversation.title
    except Unreadable:
        return None
    held = set(folded(text))
    *others, last = wanted
    if not held.issuperset(others) or not any(_matches(word, last) for word in held):
        return None
    return Hit(entry.conversation, entry.message, *_snippet(text, wanted))


def _matches(word: str, last: str) -> bool:
    return word == last or (len(last) >= BEGINNING and word.startswith(last))


def _snippet(text: str, wanted: Sequence[str]) -> tuple[str, list[tuple[int, int]]]:
    places = _places(text, wanted)
    first = places[0][0] if places else 0
    start, end = _border(text, first - _AROUND), min(len(text), first + 2 * _AROUND)
    before, behind = "…" if start else "", "…" if end < len(text) else ""
    shown = f"{before}{text[start:end]}{behind}".replace("\n", " ")
    moved = len(before) - start
    return shown, [(a + moved, b + moved) for a, b in places if a >= start and b <= end]


def _border(text: str, at: int) -> int:
    """The beginning of a word near there."""
    if at <= 0:
        return 0
    space = text.find(" ", at, at + 20)
    return space + 1 if space >= 0 else at


def _places(text: str, wanted: Sequence[str]) -> list[tuple[int, int]]:
    """Where the words stand. Those that normalising lengthens or splits are found, but not marked."""
    *others, last = wanted
    found: list[tuple[int, int]] = []
    for match in _RUN.finditer(text):
        for word in folded(normalised(match[0])):
            if word in others or _matches(word, last):
                found.append(match.span())
                break
    return found
