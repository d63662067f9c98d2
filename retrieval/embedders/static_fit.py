"""The only module that imports scipy: fits token vectors to texts whose vectors by the full model are known.

A static vector of a text is a sum over its tokens, so the best token vectors are a least-squares problem: sparse, and
solved for all dimensions at once by conjugate gradients (Hestenes and Stiefel, 1952). The ridge pulls towards what
each token is by itself, which is what tokens keep that no text holds.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import sparse
from tokenizers import Tokenizer

Floats = npt.NDArray[np.float32]

_RIDGE = 3e-4
_STEPS = 20
_BATCH = 500


def fit(texts: Sequence[str], vectors: Floats, tokenizer: Tokenizer, alone: Floats, weights: Floats) -> Floats:
    """-> vectors of tokens, weights included. `alone` and `weights` have a row for each token of the vocabulary."""
    means = _means(texts, tokenizer, weights)
    wanted = np.asarray(vectors - vectors.mean(axis=0), dtype=np.float32)
    start = alone * (_length(wanted) / max(_length(means @ alone), 1e-9))
    return np.asarray(_solved(means, wanted, start) * weights[:, None], dtype=np.float32)


def _means(texts: Sequence[str], tokenizer: Tokenizer, weights: Floats) -> sparse.csr_matrix:
    """A row for each text: how much of its mean each token is."""
    parts = []
    for start in range(0, len(texts), _BATCH):
        encoded = tokenizer.encode_batch(list(texts[start : start + _BATCH]), add_special_tokens=False)
        ids = [np.asarray(one.ids, dtype=np.int64) for one in encoded]
        rows = np.repeat(np.arange(len(ids)), [len(one) for one in ids])
        columns = np.concatenate(ids) if ids else np.zeros(0, dtype=np.int64)
        share = np.repeat([1 / max(len(one), 1) for one in ids], [len(one) for one in ids])
        values = (share * weights[columns]).astype(np.float32)
        parts.append(sparse.csr_matrix((values, (rows, columns)), shape=(len(ids), len(weights))))
    return sparse.vstack(parts, format="csr", dtype=np.float32)


def _solved(means: sparse.csr_matrix, wanted: Floats, start: Floats) -> Floats:
    """min |means @ x - wanted|² + ridge |x - start|², each column a problem of its own."""
    across = means.T.tocsr()
    found = start.copy()
    rest = across @ (wanted - means @ found)
    direction, size = rest.copy(), (rest * rest).sum(axis=0)
    for _ in range(_STEPS):
        moved = across @ (means @ direction) + _RIDGE * direction
        step = size / np.maximum((direction * moved).sum(axis=0), 1e-12)
        found += direction * step
        rest -= moved * step
        before, size = size, (rest * rest).sum(axis=0)
        direction = rest + direction * (size / np.maximum(before, 1e-12))
    return np.asarray(found, dtype=np.float32)


def _length(vectors: Floats) -> float:
    return float(np.linalg.norm(vectors, axis=1).mean())
