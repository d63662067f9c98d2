"""The only module that imports sentence_transformers: loads any of its models, for export, for use on a GPU, and those
that read question and passage together.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sentence_transformers import CrossEncoder, SentenceTransformer

from retrieval.contracts import Vectors

_PAIR_TOKENS = 512
_PAIR_CHARACTERS = 8000  # what a model would never read is not tokenised


def load_modules(folder: Path) -> tuple[Any, str]:
    """-> the transformer and its pooling mode, "mean" or "cls"; ValueError when the model does more than that."""
    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    kinds = [type(module).__name__ for module in model]
    if kinds not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]):
        raise ValueError(f"cannot be exported: {kinds}")
    pooling: Any = model[1]
    mode = str(getattr(pooling, "pooling_mode", "")) or pooling.get_pooling_mode_str()
    if mode not in ("mean", "cls"):
        raise ValueError(f"cannot be exported: pooling by {mode}")
    first: Any = model[0]
    transformer = first.auto_model if hasattr(first, "auto_model") else first.model
    return transformer.eval(), mode


class SentenceTransformerEmbedder:
    """The library itself, for models that do not export and for GPUs."""

    def __init__(self, model: str, folder: Path, *, device: str) -> None:
        self.name = model
        self._model = SentenceTransformer(str(folder), device=device, local_files_only=True)
        self.dimension = int(self._model.get_embedding_dimension() or 0)

    def embed(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        vectors = self._model.encode(
            list(texts), batch_size=32, normalize_embeddings=True, show_progress_bar=False, convert_to_numpy=True
        )
        return np.asarray(vectors, dtype=np.float32)

    def count_tokens(self, text: str) -> int:
        return len(self._model.tokenizer(text, add_special_tokens=False)["input_ids"])


class CrossEncoderModel:
    """Reads question and passage together; slower than comparing vectors by far."""

    def __init__(self, folder: Path) -> None:
        kinds = json.loads((folder / "config.json").read_text()).get("architectures") or [""]
        if not str(kinds[0]).endswith("ForSequenceClassification"):  # it would be given a last layer of random numbers
            raise ValueError(f"no model for pairs of texts: {kinds[0]}")
        self._model = CrossEncoder(str(folder), local_files_only=True, max_length=_PAIR_TOKENS)
        if self._model.num_labels != 1:
            raise ValueError(f"gives {self._model.num_labels} numbers for a pair, not one")

    def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        pairs = [(question, text[:_PAIR_CHARACTERS]) for text in texts]
        found = self._model.predict(pairs, show_progress_bar=False, convert_to_numpy=True)
        return [float(score) for score in found]
