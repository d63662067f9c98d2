"""Writes a static model distilled from a sentence-transformers model: one vector for each token of its vocabulary.

The method of model2vec (Tulkens and van Dongen, 2024): each token alone goes through the model, principal components
take the common direction away, and frequent tokens count less (Arora et al., 2017). Its own distillation wants an
older transformers than ours; what is written here is its format.

Run as a process of its own (`python -m retrieval.embedders.static_distil`): torch is not wanted in any other.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from retrieval.embedders.sentence_transformer import load_modules
from retrieval.embedders.static_embedder import write
from retrieval.embedders.static_fit import fit

Floats = npt.NDArray[np.float32]

_BATCH = 512
_UNUSED = re.compile(r"\[unused\d+\]")
_SMOOTHING = 1e-4  # of the weights by frequency, as model2vec sets it


def distil(folder: Path, target: Path, *, dimension: int, lesson: Path | None = None) -> None:
    """With a lesson, a folder with `texts.json` and `vectors.npy`, tokens are fitted to those texts."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    kept = _kept(tokenizer)
    alone = _alone(folder, tokenizer, kept)
    if lesson is None:
        vectors = _principal(alone, dimension) * _weights(len(kept))[:, None]
    else:
        vectors = _principal(_fitted(alone, tokenizer, kept, lesson), dimension, centred=False)
    write(target, _rows(vectors, kept, tokenizer).astype(np.float16), tokenizer)
    # To the byte: passages that were cut for the one need not be cut again for the other.
    shutil.copyfile(folder / "tokenizer.json", target / "tokenizer.json")


def _fitted(alone: Floats, tokenizer: Tokenizer, kept: list[int], lesson: Path) -> Floats:
    texts, vectors = json.loads((lesson / "texts.json").read_text()), np.load(lesson / "vectors.npy")
    weights = _rows(_weights(len(kept))[:, None], kept, tokenizer)[:, 0]
    return fit(texts, vectors, tokenizer, _rows(alone - alone.mean(axis=0), kept, tokenizer), weights)[kept]


def _rows(vectors: Floats, kept: list[int], tokenizer: Tokenizer) -> Floats:
    """One for each token of the vocabulary: nothing for those that texts are not made of."""
    rows = np.zeros((tokenizer.get_vocab_size(with_added_tokens=True), vectors.shape[1]), dtype=np.float32)
    rows[kept] = vectors
    return rows


def _kept(tokenizer: Tokenizer) -> list[int]:
    """The tokens that texts are made of, the most frequent first, as vocabularies are ordered."""
    special = {number for number, token in tokenizer.get_added_tokens_decoder().items() if token.special}
    found = tokenizer.get_vocab(with_added_tokens=True)
    return sorted(number for token, number in found.items() if number not in special and not _UNUSED.fullmatch(token))


def _alone(folder: Path, tokenizer: Tokenizer, kept: list[int]) -> Floats:
    """What the model makes of each token by itself, between its special ones."""
    import torch

    transformer, mode = load_modules(folder)
    before, after = _around(tokenizer)
    made: list[Floats] = []
    with torch.inference_mode():
        for batch in _batches(kept):
            ids = torch.tensor([[*before, number, *after] for number in batch])
            tokens = transformer(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
            made.append((tokens[:, 0] if mode == "cls" else tokens.mean(1)).float().numpy())
    return np.concatenate(made)


def _around(tokenizer: Tokenizer) -> tuple[list[int], list[int]]:
    """The special tokens before and after a text."""
    encoded = tokenizer.encode("a")
    own = [place for place, special in enumerate(encoded.special_tokens_mask) if not special]
    return encoded.ids[: own[0]], encoded.ids[own[-1] + 1 :]


def _batches(numbers: list[int]) -> Iterator[list[int]]:
    for start in range(0, len(numbers), _BATCH):
        yield numbers[start : start + _BATCH]


def _principal(vectors: Floats, dimension: int, *, centred: bool = True) -> Floats:
    """The first `dimension` principal components."""
    if centred:
        vectors = vectors - vectors.mean(axis=0)
    _, axes = np.linalg.eigh(vectors.T @ vectors)
    return np.asarray(vectors @ axes[:, ::-1][:, :dimension], dtype=np.float32)


def _weights(count: int) -> Floats:
    """Smooth inverse frequency; a token's frequency is estimated from its rank (Zipf)."""
    share = 1 / np.arange(2, count + 2)
    share /= share.sum()
    return np.asarray(_SMOOTHING / (_SMOOTHING + share), dtype=np.float32)


if __name__ == "__main__":
    given = [Path(one) for one in sys.argv[4:]]
    distil(Path(sys.argv[1]), Path(sys.argv[2]), dimension=int(sys.argv[3]), lesson=given[0] if given else None)
