"""Fits the ranking's network to questions whose answers are known, and its confidence to questions without one.

Each set counts with the square root of its questions. No set, document or language is known by name.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from retrieval.ranking.features import OF_PASSAGES, OF_QUESTIONS, Features
from retrieval.ranking.network import Network, read

_HIDDEN, _EPOCHS, _BATCH, _RATE, _DECAY = 24, 24, 256, 8e-3, 1e-2
_SEEDS = (20, 21, 22, 23, 24)  # networks that differ in how they began, joined to one: their mean errs less than each
_TRUST, _SHUT = 5.0, 100.0  # for each unit of cosine; 1 for the words
_MOST = 70  # passages a question, the better ones: the others hardly ever answer
_CONFIDENCE_STEPS, _CONFIDENCE_DECAY = 400, 1e-3


@dataclass(frozen=True, slots=True)
class Example:
    fold: int
    seen: Features
    right: npt.NDArray[np.bool_]  # which passages answer


@dataclass(frozen=True, slots=True)
class Lesson:
    """One set: questions that its documents answer, and others that they do not."""

    answered: list[Example]
    foreign: list[Example]
    ranked: bool = True  # whether the ranking learns from it, or the confidence alone


def fit(lessons: Sequence[Lesson], model: str, *, without: int | None = None) -> dict[str, Any]:
    """-> the network as it is stored; of questions outside the fold `without`."""
    ranked = (lesson.answered for lesson in lessons if lesson.ranked)
    groups = [[one for one in answered if one.fold != without] for answered in ranked]
    parts = [_stacked(group) for group in groups if group]
    passages, questions, known, right = (torch.cat([part[at] for part in parts]) for at in range(4))
    weights = torch.cat([torch.full((len(group),), len(group) ** -0.5) for group in groups if group])
    useful = right.any(1) & (known & ~right).any(1)
    learned = []
    for seed in _SEEDS:
        torch.manual_seed(seed)
        ranker = _Ranker(passages[known], questions)
        ranker.learn(passages[useful], questions[useful], known[useful], right[useful], weights[useful])
        learned.append(ranker.stored())
    stored = trusting(_mean(learned))
    confidence = _confidence(lessons, read(_file(model, stored)), without)
    return _file(model, {**stored, **confidence})


def _file(model: str, weights: dict[str, Any]) -> dict[str, Any]:
    unknown = {"confidence": [0.0] * (len(OF_PASSAGES) + len(OF_QUESTIONS)), "confidence_bias": 0.0}
    names = {"of_passages": list(OF_PASSAGES), "of_questions": list(OF_QUESTIONS)}
    return {"embedding_models": [model], **names, "weights": {**unknown, **weights}}


def _stacked(group: Sequence[Example]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    passages = torch.zeros(len(group), _MOST, len(OF_PASSAGES))
    known, right = (torch.zeros(len(group), _MOST, dtype=torch.bool) for _ in range(2))
    cosine, words, covered = (OF_PASSAGES.index(name) for name in ("cosine below best", "words of best", "covered"))
    for at, one in enumerate(group):
        seen = one.seen.passages
        best = np.argsort(-(1.5 * seen[:, cosine] + seen[:, words] + seen[:, covered]), kind="stable")[:_MOST]
        passages[at, : len(best)] = torch.tensor(seen[best], dtype=torch.float32)
        known[at, : len(best)] = True
        right[at, : len(best)] = torch.tensor(one.right[best])
    questions = torch.tensor(np.stack([one.seen.question for one in group]), dtype=torch.float32)
    return passages, questions, known, right


class _Ranker(torch.nn.Module):
    def __init__(self, passages: torch.Tensor, questions: torch.Tensor) -> None:
        super().__init__()
        self.middle, self.spread = passages.mean(0), passages.std(0) + 1e-6
        self.question_middle, self.question_spread = questions.mean(0), questions.std(0) + 1e-6
        self.linear = torch.nn.Linear(passages.shape[-1], 1, bias=False)
        self.hidden = torch.nn.Linear(passages.shape[-1], _HIDDEN)
        self.hidden_question = torch.nn.Linear(questions.shape[-1], _HIDDEN, bias=False)
        self.out = torch.nn.Linear(_HIDDEN, 1, bias=False)

    def forward(self, passages: torch.Tensor, questions: torch.Tensor) -> torch.Tensor:
        units = self.hidden(passages) + self.hidden_question(questions)[:, None]
        scores: torch.Tensor = (self.linear(passages) + self.out(torch.relu(units))).squeeze(-1)
        return scores

    def learn(
        self,
        passages: torch.Tensor,
        questions: torch.Tensor,
        known: torch.Tensor,
        right: torch.Tensor,
        weights: torch.Tensor,
    ) -> None:
        """So that the passages that answer together get the chance of one (list-wise cross-entropy)."""
        passages = (passages - self.middle) / self.spread
        questions = (questions - self.question_middle) / self.question_spread
        weights = weights / weights.mean()
        optimizer = torch.optim.AdamW(self.parameters(), lr=_RATE, weight_decay=_DECAY)
        steps = _EPOCHS * math.ceil(len(passages) / _BATCH)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _RATE, total_steps=steps)
        for _ in range(_EPOCHS):
            for some in torch.randperm(len(passages)).split(_BATCH):
                scores = self(passages[some], questions[some]).masked_fill(~known[some], -1e9)
                chances = scores.log_softmax(1).masked_fill(~right[some], -1e9)
                loss = -(torch.logsumexp(chances, 1) * weights[some]).mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()

    def stored(self) -> dict[str, Any]:
        return {
            **{name: _list(getattr(self, name)) for name in ("middle", "spread")},
            **{name: _list(getattr(self, name)) for name in ("question_middle", "question_spread")},
            "linear": _list(self.linear.weight[0]),
            "hidden": _list(self.hidden.weight),
            "hidden_bias": _list(self.hidden.bias),
            "hidden_question": _list(self.hidden_question.weight),
            "out": _list(self.out.weight[0]),
        }


def _mean(networks: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One network that scores as these do on average: their hidden units side by side."""
    linear = np.mean([one["linear"] for one in networks], axis=0)
    side_by_side = {
        name: [row for one in networks for row in one[name]] for name in ("hidden", "hidden_bias", "hidden_question")
    }
    out = [value / len(networks) for one in networks for value in one["out"]]
    return {**networks[0], **side_by_side, "linear": linear.tolist(), "out": out}


def trusting(stored: dict[str, Any]) -> dict[str, Any]:
    """With a fixed say for similarity and words, which holds for texts and questions unlike any that were learned from.

    One more hidden unit, shut by questions in scripts that the embedding model hardly knows.
    """
    cosine, words = OF_PASSAGES.index("cosine below best"), OF_PASSAGES.index("words of best")
    question = OF_QUESTIONS.index("is latin")
    unit, gate = [0.0] * len(OF_PASSAGES), [0.0] * len(OF_QUESTIONS)
    unit[cosine], unit[words] = -_TRUST * stored["spread"][cosine], -stored["spread"][words]
    gate[question] = _SHUT * stored["question_spread"][question]
    bias = 1 - _TRUST * stored["middle"][cosine] - stored["middle"][words]
    bias += _SHUT * (stored["question_middle"][question] - 1)
    return {
        **stored,
        "hidden": [*stored["hidden"], unit],
        "hidden_bias": [*stored["hidden_bias"], bias],
        "hidden_question": [*stored["hidden_question"], gate],
        "out": [*stored["out"], -1.0],
    }


def _list(numbers: torch.Tensor) -> Any:
    return np.round(numbers.detach().numpy().astype(np.float64), 5).tolist()


def _confidence(lessons: Sequence[Lesson], network: Network, without: int | None) -> dict[str, Any]:
    """Logistic regression over the best passage; of each set, both kinds of questions count alike."""
    rows: list[npt.NDArray[np.float64]] = []
    truths: list[float] = []
    weights: list[float] = []
    for lesson in lessons:
        for group, truth in ((lesson.answered, 1.0), (lesson.foreign, 0.0)):
            kept = [one for one in group if one.fold != without] if lesson.foreign else []
            rows += [_of_best(network, one.seen) for one in kept]
            truths += [truth] * len(kept)
            weights += [max(len(kept), 1) ** -0.5] * len(kept)
    seen = torch.tensor(np.stack(rows), dtype=torch.float64)
    line = torch.nn.Linear(seen.shape[1], 1, dtype=torch.float64)
    optimizer = torch.optim.Adam(line.parameters(), lr=0.05)
    weight, truth_of = torch.tensor(weights, dtype=torch.float64), torch.tensor(truths, dtype=torch.float64)
    for _ in range(_CONFIDENCE_STEPS):
        losses = torch.nn.functional.binary_cross_entropy_with_logits(line(seen)[:, 0], truth_of, reduction="none")
        loss = (losses * weight).sum() / weight.sum() + _CONFIDENCE_DECAY * line.weight.square().sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return {"confidence": _list(line.weight[0]), "confidence_bias": float(_list(line.bias)[0])}


def _of_best(network: Network, seen: Features) -> npt.NDArray[np.float64]:
    best = int(network.scores(seen).argmax())
    passage = (seen.passages[best] - network.middle) / network.spread
    return np.concatenate([passage, (seen.question - network.question_middle) / network.question_spread])
