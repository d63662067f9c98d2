"""The learned part of the filters: for each kind a weight for every bucket of letters and every number of a vector.

What they were taught with, their figures and their limits: heads.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from chatapp.safety.learned.letters import Numbers, strengths
from retrieval.contracts import Vectors

FILE = Path(__file__).with_name("heads.npz")


@dataclass(frozen=True, slots=True)
class Head:
    """Says how strongly a text is of its kind; above 0 it is."""

    letters: Numbers
    meaning: Numbers  # empty where the head reads letters alone
    bias: float  # less the threshold


@dataclass(frozen=True, slots=True)
class Heads:
    model: str  # of the vectors
    whole: dict[str, Head]  # letters and meaning
    alone: dict[str, Head]  # letters alone: for passages and answers, and where no vectors can be had

    @property
    def dimension(self) -> int:
        """Of the vectors."""
        return len(next(iter(self.whole.values())).meaning)

    def by_letters(self, texts: Sequence[str], kinds: Sequence[str]) -> dict[str, float]:
        """For each kind, how strong it is in the text that is most of it."""
        chosen = [self.alone[kind] for kind in kinds]
        found = strengths(texts, [head.letters for head in chosen])
        return _strongest(found, chosen, kinds)

    def by_meaning(self, texts: Sequence[str], vectors: Vectors, kinds: Sequence[str]) -> dict[str, float]:
        chosen = [self.whole[kind] for kind in kinds]
        meant = np.stack([vectors @ head.meaning for head in chosen], axis=1)
        return _strongest(strengths(texts, [head.letters for head in chosen]) + meant, chosen, kinds)


def _strongest(found: Numbers, chosen: Sequence[Head], kinds: Sequence[str]) -> dict[str, float]:
    most = found.max(axis=0, initial=-np.inf)
    return {kind: float(one) + head.bias for kind, one, head in zip(kinds, most, chosen, strict=True)}


@cache
def heads() -> Heads:
    """Read once, when the first rule asks for them."""
    with np.load(FILE, allow_pickle=False) as kept:
        return Heads(str(kept["model"]), _named(kept, "whole"), _named(kept, "alone"))


def _named(kept: np.lib.npyio.NpzFile, which: str) -> dict[str, Head]:
    found = {}
    for name in kept.files:
        if name.startswith(f"{which}.letters."):
            kind = name.rpartition(".")[2]
            letters, meaning = kept[name].astype(np.float32), kept[f"{which}.meaning.{kind}"].astype(np.float32)
            found[kind] = Head(letters, meaning, float(kept[f"{which}.bias.{kind}"]))
    return found
