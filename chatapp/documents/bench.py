"""Searching as a test: with the scores of each step, as somebody else, and from two index versions side by side.

Nothing is stored but lines of the audit trail: that a curator searched, what was shown, and as whom.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import Group
from django.urls import reverse

from chatapp import access
from chatapp.accounts.models import User
from chatapp.database import in_database
from chatapp.documents.filters import EVERYTHING
from chatapp.documents.search import search_request, within_reach
from chatapp.errors import NotFound
from chatapp.governance.services import record
from retrieval.contracts import SearchFilters, SearchTrace, TracedHit
from retrieval.models import Passage, Reach
from retrieval.service.client import shared_client
from retrieval.versions.current import serving
from retrieval.versions.models import IndexedDocument

MOST_RESULTS = 50
_SECOND_LOOK = "second_look"  # a step that a search has where a model for it is configured
_BEFORE = 2  # passages that stand above the one that a link leads to


@dataclass(frozen=True, slots=True)
class Trial:
    question: str
    k: int = 10
    collections: frozenset[UUID] | None = None  # None: all that the curator looks after
    filters: SearchFilters = EVERYTHING
    person: str = ""  # the user name of whom to ask as
    group: str = ""  # or the name of a group, as somebody who is in no other
    versions: tuple[int | None, ...] = (None,)  # None: the one that serves


@dataclass(frozen=True, slots=True)
class Tried:
    """What one index version answered."""

    trace: SearchTrace
    passages: dict[int, Passage]  # those that still may be shown
    milliseconds: dict[str, float]
    served_cuts: dict[UUID, str]

    @property
    def shown(self) -> list[TracedHit]:
        return [one for one in self.trace.hits if one.hit.passage_id in self.passages]


async def try_search(curator: User, trial: Trial) -> list[Tried]:
    """Of each version. Raises NotFound, Invalid, IndexUnavailable and VersionNotHeld."""
    search_request(trial.question, trial.k, Reach(), trial.filters)  # refused before anything is written
    await in_database(_note)(curator, trial)
    tried = [await _tried(curator, trial, version) for version in trial.versions]
    await in_database(_note_shown)(curator, trial, tried)
    return tried


async def _tried(curator: User, trial: Trial, version: int | None) -> Tried:
    clock = _Clock()
    within = await in_database(_reach)(curator, trial)
    clock.lap("permissions")
    request = search_request(trial.question, trial.k, within, trial.filters)
    trace = await shared_client(settings.RETRIEVAL).trace(request, version=version)
    clock.lap("index")
    passages, cuts = await in_database(_check_again)(curator, trial, trace)
    clock.lap("check")
    spent = clock.milliseconds
    on_the_way = spent.pop("index") - sum(trace.milliseconds.values())
    steps = {**trace.milliseconds, "transfer": round(max(on_the_way, 0.0), 1), **spent}
    return Tried(trace, passages, steps, cuts)


def _reach(curator: User, trial: Trial) -> Reach:
    """What may be found, never beyond what the curator looks after. Raises NotFound."""
    own = frozenset(access.looked_after_and_read(curator).values_list("pk", flat=True))
    if trial.collections is not None and not trial.collections <= own:
        raise NotFound("There is no such collection that you look after.", advice="Reload the page.")
    within = own if trial.collections is None else trial.collections
    may = _reach_of(_whom(curator, trial))
    return replace(may, collections=may.collections & within) if may else Reach(within, None)


def _whom(curator: User, trial: Trial) -> User | Group | None:
    if trial.person:
        found = access.shown_people(curator).filter(username__iexact=trial.person).order_by("username").first()
        if found is None:
            raise NotFound(f"There is nobody named {trial.person[:150]!r} here.", advice="Type a user name in full.")
        return found
    if trial.group:
        group = access.shown_groups(curator).filter(name=trial.group).first()
        if group is None:
            raise NotFound(f"There is no group named {trial.group[:150]!r} here.", advice="Reload the page.")
        return group
    return None


def _reach_of(whom: User | Group | None) -> Reach | None:
    if isinstance(whom, User):
        return access.reach(whom)
    return None if whom is None else access.reach_of_group(whom)


def _note(curator: User, trial: Trial) -> None:
    """Whoever searches as somebody else learns what that person reads: the trail says who did."""
    whom = _whom(curator, trial)
    if whom is None or whom == curator:
        return
    kind = "person" if isinstance(whom, User) else "group"
    record("search.tried_as", whom if isinstance(whom, User) else whom.name, curator, kind=kind)


def _note_shown(curator: User, trial: Trial, tried: Sequence[Tried]) -> None:
    """Before anything of it is shown: who looks after a collection finds what others may not read. Passages as in the
    line of a question, the question itself not."""
    shown = {one.hit.passage_id: each.passages[one.hit.passage_id] for each in tried for one in each.shown}
    chosen = None if trial.collections is None else sorted(map(str, trial.collections))
    record(
        "search.tried",
        "search test bench",
        curator,
        collections=chosen,
        characters=len(trial.question),
        passages=[_passage_noted(passage) for passage in shown.values()],
    )


def _passage_noted(passage: Passage) -> dict[str, Any]:
    document = passage.document
    said = {"passage": passage.pk, "document": str(document.pk), "name": document.name}
    return said | ({"restricted": True} if document.restricted else {})


def _check_again(curator: User, trial: Trial, trace: SearchTrace) -> tuple[dict[int, Passage], dict[UUID, str]]:
    """An index may be a moment behind."""
    (passages,) = within_reach([(_reach(curator, trial), {one.hit.passage_id for one in trace.hits})])
    return passages, served_cuts(passages.values())


def served_cuts(passages: Iterable[Passage]) -> dict[UUID, str]:
    """How the documents of these passages are cut where questions are answered from."""
    documents = {passage.document_id for passage in passages}
    places = IndexedDocument.objects.filter(version=serving().id, document__in=documents)
    return dict(places.values_list("document", "cut"))


def place_of(passage: Passage, cuts: Mapping[UUID, str]) -> str:
    """The address of the passage among those of its document, for who looks after it."""
    address = reverse("document_passages", args=[passage.document_id])
    if cuts.get(passage.document_id, passage.cut) == passage.cut:
        address += f"?start={max(passage.ordinal - _BEFORE, 0)}#passage-{passage.ordinal + 1}"
    return address


# -- as JSON -----------------------------------------------------------------------------------------------------------
def tried_json(tried: Tried) -> dict[str, Any]:
    trace = tried.trace
    return {
        "version": trace.version,
        "model": trace.model,
        "confidence": trace.hits[0].hit.confidence if trace.hits else None,
        "ranked": trace.found,
        "milliseconds": tried.milliseconds,
        "results": [
            {
                **_passage_json(tried, tried.passages[one.hit.passage_id]),
                "score": round(one.hit.score, 4),
                "similarity": round(one.hit.dense, 4),
                "by_meaning": one.by_meaning,
                "words": round(one.hit.lexical, 3),
                "by_words": one.by_words,
                "ranked": one.ranked if _SECOND_LOOK in trace.milliseconds else None,
            }
            for one in tried.shown
        ],
    }


def _passage_json(tried: Tried, passage: Passage) -> dict[str, Any]:
    document = passage.document
    return {
        "passage": passage.pk,
        "document": {
            "id": str(document.pk),
            "name": document.name,
            "path": document.path,
            "collection": document.collection.name,
            "restricted": document.restricted,
        },
        "heading": passage.heading,
        "page": passage.page,
        "locator": passage.locator,
        "number": passage.ordinal + 1,
        "text": passage.text,
        "address": place_of(passage, tried.served_cuts),
    }


def moves(before: Sequence[dict[str, Any]], after: Sequence[dict[str, Any]]) -> list[dict[str, int | None]]:
    """For each result of `after`, where the same words, and where the best passage of the same document, stood before.

    By words rather than keys: another version may have cut the document anew. Places count from 1.
    """
    words, documents = _first_places(before, _words_of), _first_places(before, _document_of)
    return [{"before": words.get(_words_of(one)), "document_before": documents.get(_document_of(one))} for one in after]


def _first_places(results: Sequence[dict[str, Any]], key: Any) -> dict[Any, int]:
    return {key(one): place for place, one in reversed(list(enumerate(results, start=1)))}


def _words_of(result: dict[str, Any]) -> tuple[str, str]:
    return result["document"]["id"], " ".join(result["text"].split())


def _document_of(result: dict[str, Any]) -> str:
    return str(result["document"]["id"])


class _Clock:
    """Milliseconds between laps."""

    def __init__(self) -> None:
        self.milliseconds: dict[str, float] = {}
        self._last = time.monotonic()

    def lap(self, step: str) -> None:
        now = time.monotonic()
        self.milliseconds[step], self._last = round(1000 * (now - self._last), 1), now
