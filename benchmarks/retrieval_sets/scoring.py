"""What a ranking is worth to each question of a set."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from benchmarks.ranking import Judged, ndcg
from benchmarks.retrieval_sets.candidates import Passage
from benchmarks.retrieval_sets.sets import Corpus, Question, Source

Passages = Mapping[int, Passage]
Score = Callable[[Question, Sequence[int], Passages, Corpus], float]
_HITS = 5
_SENTENCE_END = re.compile(r"\n|(?<=[.!?]) ")


def ndcg_at_10(question: Question, ranking: Sequence[int], passages: Passages, corpus: Corpus) -> float:
    """A document is worth as much as its best passage."""
    names = dict.fromkeys(passages[one].document for one in ranking)
    return ndcg(Judged(list(names), question.gold), 10)


def hit_at_5(question: Question, ranking: Sequence[int], passages: Passages, corpus: Corpus) -> float:
    """One of the first five passages is of a document that answers."""
    return float(any(passages[one].document in question.gold for one in ranking[:_HITS]))


def characters_at_5(question: Question, ranking: Sequence[int], passages: Passages, corpus: Corpus) -> float:
    """The share of the answer's characters that stand in the first five passages."""
    (name,) = question.gold
    places = Places.of(next(source for source in corpus.sources if source.name == name))
    wanted = {at for begin, end in question.excerpts for at in range(begin, end)} & places.known
    shown: set[int] = set()
    for one in ranking[:_HITS]:
        if passages[one].document == name:
            shown |= places.shown_by(passages[one].text)
    return len(wanted & shown) / len(wanted)


class Places:
    """Where sentences stand in a text, whatever white space a parser left between its words."""

    def __init__(self, text: str) -> None:
        self._at = [at for at, character in enumerate(text) if not character.isspace()]
        self._text = "".join(text[at] for at in self._at)
        self.known = frozenset(self._at)
        self.shown_by = lru_cache(maxsize=None)(self._shown_by)

    @staticmethod
    @lru_cache(maxsize=8)
    def of(source: Source) -> Places:
        return Places(source.text or (source.path.read_text() if source.path else ""))

    def _shown_by(self, passage: str) -> frozenset[int]:
        shown: set[int] = set()
        after = 0
        for sentence in _SENTENCE_END.split(passage):
            wanted = "".join(sentence.split())
            begin = self._text.find(wanted, after)
            begin = self._text.find(wanted) if begin < 0 else begin
            if wanted and begin >= 0:
                after = begin + len(wanted)
                shown.update(self._at[begin:after])
        return frozenset(shown)
