"""What the network learns from: the question sets, as the product's index answers them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from benchmarks.retrieval_sets.candidates import Answered
from benchmarks.retrieval_sets.learning import Example
from benchmarks.retrieval_sets.scoring import Passages, Places
from benchmarks.retrieval_sets.sets import Corpus, Question
from benchmarks.retrieval_sets.systems import cosines
from retrieval.ranking.features import features

_ENOUGH = 0.3  # of an answer's characters, or
_CHARACTERS = 40


def thinned(corpus: Corpus, most: int) -> Corpus:
    """At most so many questions, evenly spread."""
    count = len(corpus.questions)
    if count <= most:
        return corpus
    return replace(corpus, questions=tuple(corpus.questions[at * count // most] for at in range(most)))


def examples(
    questions: Sequence[Question],
    found: Sequence[Answered],
    corpus: Corpus,
    passages: Passages,
    folds: Mapping[str, int],
) -> list[Example]:
    """Of the questions for which anything was found."""
    return [
        Example(folds[question.id], features(one.words.question, one.words, cosines(one)), right)
        for question, one in zip(questions, found, strict=True)
        if len(right := _right(question, one, corpus, passages))
    ]


def _right(question: Question, found: Answered, corpus: Corpus, passages: Passages) -> npt.NDArray[np.bool_]:
    numbers = [one.passage_id for one in found.words.evidence]
    if not question.excerpts:
        return np.array([passages[one].document in question.gold for one in numbers], dtype=np.bool_)
    return np.array([_answers(question, passages[one].document, passages[one].text, corpus) for one in numbers])


def _answers(question: Question, document: str, text: str, corpus: Corpus) -> bool:
    """Passages of a long text answer where they hold enough of what is known to answer."""
    if document not in question.gold:
        return False
    places = Places.of(next(one for one in corpus.sources if one.name == document))
    wanted = {at for begin, end in question.excerpts for at in range(begin, end)} & places.known
    return len(wanted & places.shown_by(text)) > min(_ENOUGH * len(wanted), _CHARACTERS)
