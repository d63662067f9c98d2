"""Of which kinds a text is as a whole: by its letters, and by its meaning where the index service gives vectors."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TypeVar

from chatapp.safety.learned.heads import Heads, heads
from chatapp.safety.learned.phrases import orders
from chatapp.safety.learned.remembered import Remembered
from chatapp.safety.learned.vectors import vectors_of
from chatapp.safety.learned.views import views
from chatapp.safety.learned.windows import sentences, windows
from chatapp.safety.models import What
from retrieval.contracts import Vectors

_T = TypeVar("_T")

_BY_MEANING = 3  # views of a text that are embedded; mostly there is one
_LONG = 4000  # characters of a text that is judged in a thread
_EMBEDDED = 2000  # characters: more than the model reads
_ORDERS = frozenset({What.JAILBREAK.value, What.INJECTION.value})

_BY_SENTENCE = frozenset({What.INJECTION.value})  # what is hidden in a document is short

_judged = Remembered()


@dataclass(frozen=True, slots=True)
class Look:
    """What of a text is looked at: all of its windows by their letters, the beginnings of its views by their meaning.

    `embedded`: of an ordinary question the very text that the search embeds, which keeps vectors: it costs no other.
    """

    views: tuple[str, ...]
    windows: tuple[str, ...]
    begun: tuple[str, ...]
    embedded: tuple[str, ...]

    @classmethod
    def at(cls, text: str) -> Look:
        seen = tuple(view for view in views(text) if view.strip())
        pieces = [windows(view) for view in seen]
        some = range(min(len(seen), _BY_MEANING))
        return cls(
            seen,
            tuple(piece for of_view in pieces for piece in of_view),
            tuple(pieces[at][0] for at in some),
            tuple(seen[at].strip()[:_EMBEDDED] for at in some),
        )


async def by_meaning(text: str, kinds: Collection[str]) -> frozenset[str]:
    """Raises IndexUnavailable."""
    if (known := _judged.get("meaning", text, kinds)) is not None:
        return known
    look = await _aside(text, lambda: Look.at(text))
    vectors = await vectors_of(look.embedded) if look.embedded else None
    found = await _aside(text, lambda: meant(heads(), look, vectors, kinds))
    return _judged.keep("meaning", text, kinds, found)


def by_letters(text: str, kinds: Collection[str]) -> frozenset[str]:
    """Without waiting for anything."""
    if (known := _judged.get("letters", text, kinds)) is not None:
        return known
    return _judged.keep("letters", text, kinds, spelled(heads(), text, kinds))


def meant(judges: Heads, look: Look, vectors: Vectors | None, kinds: Collection[str]) -> frozenset[str]:
    if vectors is None:
        return frozenset()
    wanted = sorted(kinds)
    found = _above(judges.by_meaning(look.begun, vectors, wanted))
    if len(look.windows) > len(look.begun):
        found |= _above(judges.by_letters(look.windows, wanted))
    return found | _ordered(look.views, kinds)


def spelled(judges: Heads, text: str, kinds: Collection[str]) -> frozenset[str]:
    seen, found = views(text), frozenset[str]()
    for cut, some in ((sentences, _BY_SENTENCE.intersection(kinds)), (windows, set(kinds) - _BY_SENTENCE)):
        pieces = [piece for view in seen for piece in cut(view)] if some else []
        if pieces:
            found |= _above(judges.by_letters(pieces, sorted(some)))
    return found | _ordered(seen, kinds)


async def _aside(text: str, work: Callable[[], _T]) -> _T:
    """What takes more than some milliseconds does not keep others waiting."""
    return work() if len(text) <= _LONG else await asyncio.to_thread(work)


def _above(scores: dict[str, float]) -> frozenset[str]:
    return frozenset(kind for kind, score in scores.items() if score > 0)


def _ordered(seen: Sequence[str], kinds: Collection[str]) -> frozenset[str]:
    wanted = _ORDERS.intersection(kinds)
    return wanted if wanted and any(map(orders, seen)) else frozenset()
