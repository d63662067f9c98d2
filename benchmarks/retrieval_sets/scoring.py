"""What a ranking is worth to each question of a set."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmarks.ranking import Judged, ndcg
from benchmarks.retrieval_sets.candidates import Found
from benchmarks.retrieval_sets.sets import Corpus, Question
from benchmarks.retrieval_sets.systems import Ranking

Score = Callable[[Question, Sequence[int], Found, Corpus], float]
_HITS = 5


def ndcg_at_10(question: Question, ranking: Sequence[int], found: Found, corpus: Corpus) -> float:
    """A document is worth as much as its best passage."""
    names = dict.fromkeys(found.passages[one].document for one in ranking)
    return ndcg(Judged(list(names), question.gold), 10)


def hit_at_5(question: Question, ranking: Sequence[int], found: Found, corpus: Corpus) -> float:
    """One of the first five passages is of a document that answers."""
    return float(any(found.passages[one].document in question.gold for one in ranking[:_HITS]))


def characters_at_5(question: Question, ranking: Sequence[int], found: Found, corpus: Corpus) -> float:
    """The share of the answer's characters that stand in the first five passages."""
    (name,) = question.gold
    text = next(source.text for source in corpus.sources if source.name == name)
    wanted = {at for begin, end in question.excerpts for at in range(begin, end) if not text[at].isspace()}
    shown: set[int] = set()
    for one in ranking[:_HITS]:
        if found.passages[one].document == name:
            shown |= _places(text, found.passages[one].text)
    return len(wanted & shown) / len(wanted)


def _places(text: str, passage: str) -> set[int]:
    """Where a passage stands, line by line: passages may repeat headings, and spaces may differ."""
    places: set[int] = set()
    at = 0
    for line in passage.split("\n"):
        begin = text.find(line, at)
        begin = text.find(line) if begin < 0 else begin
        if line.strip() and begin >= 0:
            places |= set(range(begin, begin + len(line)))
            at = begin + len(line)
    return places


def scores(rank: Ranking, score: Score, found: Found, corpus: Corpus) -> list[float]:
    lists = zip(found.dense, found.lexical, strict=True)
    rankings = (rank(dense, lexical) for dense, lexical in lists)
    pairs = zip(corpus.questions, rankings, strict=True)
    return [score(question, ranking, found, corpus) for question, ranking in pairs]
