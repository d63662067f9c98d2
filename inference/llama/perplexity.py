"""How well a model foretells a text, and how often two models agree.

The measures are those of llama.cpp's tool `perplexity` (tools/perplexity/perplexity.cpp, with --kl-divergence): the
text in windows, the second half of each is scored; the mean divergence of the parent's distribution from the model's;
and the share of places where both put the same token first ("same top p").
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from inference.batching.contract import Row
from inference.llama.context import LlamaContext
from inference.llama.library import ll
from inference.llama.model import LlamaModel

WINDOW = 512
LEAST_TOKENS = 32
_ROWS_AT_ONCE = 64  # of a large vocabulary's distributions
_LEAST_LOGPROB = -100.0  # what a sampler's mask or a rounding makes of "never"

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Quality:
    tokens: int  # that were scored
    perplexity: float
    agreement: float | None = None  # share of places with the parent's first choice
    divergence: float | None = None  # mean Kullback-Leibler divergence from the parent, in nats


class ScoringContext(LlamaContext):
    """Gives the distributions of many rows at once."""

    def score(self, tokens: Sequence[int], scored_from: int) -> Floats:
        """The logits behind each of tokens[scored_from:], one row for each; valid until the next call."""
        self.clear()
        self.decode([Row(token, place, 0, place >= scored_from) for place, token in enumerate(tokens)])
        pointer = ll.llama_get_logits(self._context)
        return np.ctypeslib.as_array(pointer, (len(tokens) - scored_from, self.model.size))

    def next_choice(self, token: int, place: int) -> int:
        """What the model puts first behind one more token."""
        self.decode([Row(token, place, 0, True)])
        pointer = ll.llama_get_logits(self._context)
        return int(np.ctypeslib.as_array(pointer, (self.model.size,)).argmax())


def windows_of(model: LlamaModel, tokens: Sequence[int], most_tokens: int) -> list[list[int]]:
    """Whole windows alone; one shorter one where the text is short. Empty: far too short."""
    size = min(WINDOW, model.trained_tokens or WINDOW, len(tokens))
    if size < LEAST_TOKENS:
        return []
    count = max(min(len(tokens), most_tokens) // size, 1)
    windows = [list(tokens[at * size : (at + 1) * size]) for at in range(count)]
    if ll.llama_vocab_get_add_bos(model.vocabulary):
        for window in windows:
            window[0] = ll.llama_vocab_bos(model.vocabulary)
    return windows


def judge(
    context: ScoringContext,
    windows: Sequence[Sequence[int]],
    *,
    keep: Path | None,
    against: Path | None,
    progress: Callable[[float], None],
) -> Quality:
    """`keep`: writes the distributions there, for a child of this model. `against`: compares with a parent's."""
    with ExitStack() as files:
        kept = files.enter_context(keep.open("wb")) if keep else None
        parents = files.enter_context(against.open("rb")) if against else None
        sums = _Sums(kept, parents)
        for number, window in enumerate(windows):
            first = len(window) // 2
            logits = context.score(window[:-1], first)
            for start in range(0, len(logits), _ROWS_AT_ONCE):
                rows = logits[start : start + _ROWS_AT_ONCE]
                sums.add(_log_softmax(rows), np.asarray(window[first + 1 + start :][: len(rows)]))
            progress((number + 1) / len(windows))
    return sums.quality()


class _Sums:
    def __init__(self, kept: BinaryIO | None, parents: BinaryIO | None) -> None:
        self._kept, self._parents = kept, parents
        self._tokens = self._same = 0
        self._surprise = self._divergence = 0.0

    def add(self, found: Floats, wanted: npt.NDArray[np.int64]) -> None:
        best = found.argmax(axis=1).astype(np.int32)
        self._tokens += len(wanted)
        self._surprise -= float(found[np.arange(len(wanted)), wanted].sum(dtype=np.float64))
        if self._kept:  # the first choices as well: 16 bits make ties
            best.tofile(self._kept)
            found.astype(np.float16).tofile(self._kept)
        if self._parents:
            parents_best = np.fromfile(self._parents, dtype=np.int32, count=len(found))
            parent = np.fromfile(self._parents, dtype=np.float16, count=found.size).reshape(found.shape)
            parent = parent.astype(np.float32)
            self._same += int((parents_best == best).sum())
            self._divergence += float((np.exp(parent) * (parent - found)).sum(dtype=np.float64))

    def quality(self) -> Quality:
        perplexity = math.exp(min(self._surprise / self._tokens, 700.0))
        if self._parents is None:
            return Quality(self._tokens, perplexity)
        divergence = max(self._divergence / self._tokens, 0.0)
        return Quality(self._tokens, perplexity, self._same / self._tokens, divergence)


def _log_softmax(logits: Floats) -> Floats:
    shifted = logits - logits.max(axis=1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return np.maximum(shifted, np.float32(_LEAST_LOGPROB))
