"""The weights that were fitted to questions with known answers, and the little arithmetic around them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from retrieval.ranking.features import OF_PASSAGES, OF_QUESTIONS, Features
from retrieval.ranking.occurrences import Floats

WEIGHTS = Path(__file__).with_name("weights.json")


@dataclass(frozen=True, slots=True)
class Network:
    """One hidden layer beside a linear part; the question's features only turn the hidden units on and off."""

    embedding_models: frozenset[str]  # whose similarities it was fitted to
    middle: Floats
    spread: Floats
    question_middle: Floats
    question_spread: Floats
    linear: Floats
    hidden: Floats
    hidden_bias: Floats
    hidden_question: Floats
    out: Floats
    confidence: Floats
    confidence_bias: float

    def scores(self, seen: Features) -> Floats:
        passages = (seen.passages - self.middle) / self.spread
        question = (seen.question - self.question_middle) / self.question_spread
        units = passages @ self.hidden.T + self.hidden_bias + self.hidden_question @ question
        return np.asarray(passages @ self.linear + np.maximum(units, 0.0) @ self.out)

    def confidence_of(self, seen: Features, best: int) -> float:
        """The chance that the documents answer at all, from the question and the best passage."""
        passage = (seen.passages[best] - self.middle) / self.spread
        question = (seen.question - self.question_middle) / self.question_spread
        evidence = float(np.concatenate([passage, question]) @ self.confidence) + self.confidence_bias
        return float(1 / (1 + np.exp(-np.clip(evidence, -30, 30))))


@lru_cache(maxsize=1)
def fitted() -> Network:
    return read(json.loads(WEIGHTS.read_text()))


def read(stored: dict[str, Any]) -> Network:
    if stored["of_passages"] != list(OF_PASSAGES) or stored["of_questions"] != list(OF_QUESTIONS):
        raise ValueError("The weights are of other features.")
    numbers = {name: np.array(value, dtype=np.float64) for name, value in stored["weights"].items()}
    bias = float(numbers.pop("confidence_bias"))
    return Network(frozenset(stored["embedding_models"]), **numbers, confidence_bias=bias)
