"""The only module that imports model2vec: static embeddings, the mean of what is looked up for each token.

No network is computed: hundreds of times as fast as the model that it was distilled from, with less quality.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from model2vec import StaticModel
from tokenizers import Tokenizer

from retrieval.contracts import Vectors
from retrieval.embedders.model_folders import EmbeddingModelMissing
from retrieval.embedders.tokenizer import load_tokenizer

_BATCH = 256
_CHARACTERS = 20_000  # as much as other embedders look at


class StaticEmbedder:
    def __init__(self, model: str, folder: Path) -> None:
        self.name = model
        try:
            self._model = StaticModel.from_pretrained(folder, max_length=None)
        except (ValueError, KeyError, OSError) as error:  # a damaged folder; none is asked for over the network
            raise EmbeddingModelMissing(f"{folder} holds no static model.", detail=str(error)) from error
        self.dimension = int(self._model.dim)
        self.count_tokens = load_tokenizer(str(folder))

    def embed(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        made = self._model.encode(
            [text[:_CHARACTERS] for text in texts], max_length=None, batch_size=_BATCH, use_multiprocessing=False
        ).astype(np.float32)
        made[~made.any(axis=1), -1] = 1.0  # no known token: the direction that tells least
        return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True), dtype=np.float32)


def write(folder: Path, rows: npt.NDArray[np.float16], tokenizer: Tokenizer) -> None:
    """A folder that model2vec and sentence-transformers can read too."""
    config = {"model_type": "model2vec", "hidden_dim": int(rows.shape[1]), "normalize": True}
    StaticModel(rows, tokenizer, config=config, normalize=True, max_length=None).save_pretrained(folder)
