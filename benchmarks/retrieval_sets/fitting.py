"""Fits what the product ships, the networks that it is judged by, and those that have not seen a whole set."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.retrieval_sets import learning
from benchmarks.retrieval_sets.groups import FOLDS
from benchmarks.retrieval_sets.kept import code, kept, key_of
from benchmarks.retrieval_sets.learning import Lesson
from retrieval.ranking.network import WEIGHTS, Network, read

FOLDED = Path(__file__).with_name("folds.json")  # networks that have not seen one fold of the questions each
Lessons = Mapping[str, tuple[str, Lesson]]  # by the name of the set, with the key of all that it was made of


def fit(lessons: Lessons, model: str, folder: Path) -> None:
    """The networks of the folds, and the product's own, which knows all questions."""
    folds = [json.dumps(_fitted(lessons, model, folder, f"fold-{fold}", fold)) for fold in range(FOLDS)]
    FOLDED.write_text("[\n" + ",\n".join(folds) + "\n]\n")
    WEIGHTS.write_text(json.dumps(_fitted(lessons, model, folder, "all", None)) + "\n")


def folded() -> list[Network]:
    """The network of each fold has not seen that fold's questions."""
    return [read(one) for one in json.loads(FOLDED.read_text())]


def without_family(lessons: Lessons, name: str, model: str, folder: Path) -> Network:
    """A network that knows nothing of this set, nor of the same texts in other languages or other company."""
    others = {one: lesson for one, lesson in lessons.items() if family(one) != family(name)}
    return read(_fitted(others, model, folder, f"without-{family(name)}", None))


def family(name: str) -> str:
    return {"refusing": "squad"}.get(name, name.split("-")[0])


def _fitted(lessons: Lessons, model: str, folder: Path, label: str, fold: int | None) -> dict[str, Any]:
    learner = code("benchmarks/retrieval_sets/learning.py", "retrieval/ranking/network.py")
    key = key_of([model, label, *(key for key, _ in lessons.values()), *learner])

    def make() -> dict[str, Any]:
        print(f"fitting: {label}", flush=True)
        return learning.fit([lesson for _, lesson in lessons.values()], model, without=fold)

    return kept(folder, f"fit-{label}", key, make)
