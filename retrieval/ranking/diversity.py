"""Passages that say the same as a better one stand behind those that do not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

_ALIKE = 0.97  # of all words of both: quarters of a report differ in more, copies do not
_LEAST = 8  # words; shorter passages are alike by chance


def without_repeats_first(order: Sequence[int], stems: Sequence[npt.NDArray[np.uint32]], k: int) -> list[int]:
    """The first k of `order`, which are positions in `stems`; repeats among twice as many come last."""
    looked_at = list(order[: 2 * k])
    if len(looked_at) < 2:
        return looked_at[:k]
    shared = _shared([stems[at] for at in looked_at])
    sizes = shared.diagonal()
    alike = shared / np.maximum(sizes[:, None] + sizes[None, :] - shared, 1)
    fresh: list[int] = []
    repeats: list[int] = []
    for place in range(len(looked_at)):
        repeated = sizes[place] >= _LEAST and bool((alike[place, fresh] >= _ALIKE).any())
        (repeats if repeated else fresh).append(place)
    return [looked_at[place] for place in (fresh + repeats)[:k]]


def _shared(stems: Sequence[npt.NDArray[np.uint32]]) -> npt.NDArray[np.float32]:
    """How many different words each two of them have in common."""
    _, numbers = np.unique(np.concatenate(stems), return_inverse=True)
    rows = np.repeat(np.arange(len(stems)), [len(one) for one in stems])
    having = np.zeros((len(stems), int(numbers.max(initial=-1)) + 1), dtype=np.float32)
    having[rows, numbers] = 1
    return np.asarray(having @ having.T)
