"""Whether a search tells questions that the documents answer from those that they do not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.retrieval_sets.learning import Example
from benchmarks.retrieval_sets.sets import Corpus, Question, asked_elsewhere
from retrieval.ranking.features import OF_QUESTIONS
from retrieval.ranking.network import Network

FOREIGN = 120  # at most so many of each set


def foreign_questions(data: Path, corpus: Corpus, most: int = FOREIGN) -> list[Question]:
    """Questions of sets none of whose answers stand in these documents."""
    here = {source.name for source in corpus.sources}
    found: list[Question] = []
    for questions in asked_elsewhere(data):
        if not any(here & question.gold for question in questions):
            found += questions[:: max(1, len(questions) // most)][:most]
    return found


def report(label: str, answered: Sequence[Example], foreign: Sequence[Example], networks: Sequence[Network]) -> None:
    """Each question is judged by the network that has not seen its fold."""
    print(f"  {label:22}{len(answered):6}{len(foreign):6}", end="")
    for name in ("best cosine", "best words"):
        at = OF_QUESTIONS.index(name)
        pair = [[one.seen.question[at] for one in group] for group in (answered, foreign)]
        print(f"{auroc(*pair):9.3f}", end="")
    judged = [[confidence(one, networks) for one in group] for group in (answered, foreign)]
    kept = float(np.quantile(judged[0], 0.05))
    print(f"{auroc(*judged):9.3f}{float((np.array(judged[1]) < kept).mean()):9.1%}", flush=True)


def confidence(one: Example, networks: Sequence[Network]) -> float:
    network = networks[one.fold]
    return network.confidence_of(one.seen, int(network.scores(one.seen).argmax()))


def auroc(positive: Sequence[float], negative: Sequence[float]) -> float:
    """The chance that one of the first is above one of the second (Mann and Whitney, 1947)."""
    above = np.asarray(positive)[:, None] - np.asarray(negative)[None, :]
    return float((above > 0).mean() + (above == 0).mean() / 2)
