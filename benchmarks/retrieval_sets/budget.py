"""What reaches a model that is given so many characters of passages, however many passages that makes."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.retrieval_sets.scoring import Passages, Places
from benchmarks.retrieval_sets.sets import Corpus, Question

CHARACTERS = 4000  # five passages of 800, as the baseline was given


def characters_in_budget(question: Question, ranking: Sequence[int], passages: Passages, corpus: Corpus) -> float:
    """The share of the answer's characters among the first ones; the passage that is too long is cut off."""
    (name,) = question.gold
    places = Places.of(next(source for source in corpus.sources if source.name == name))
    wanted = {at for begin, end in question.excerpts for at in range(begin, end)} & places.known
    shown: set[int] = set()
    left = CHARACTERS
    for one in ranking:
        text = passages[one].text[:left]
        if passages[one].document == name:
            shown |= places.shown_by(text)
        left -= len(text)
        if left <= 0:
            break
    return len(wanted & shown) / len(wanted)
