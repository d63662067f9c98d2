"""A second embedding model for tests: distilled once, and kept while what makes it stays the same."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from retrieval.embedders import embedding_models, static_distil, static_embedder

_KEPT = Path(__file__).resolve().parent.parent / "var" / "cache" / "static-models"
DIMENSION = 128


@cache
def static_model() -> str:
    """-> its folder, which can be named as an embedding model."""
    digest = hashlib.sha256()
    for module in (static_distil, static_embedder, embedding_models):
        digest.update(Path(str(module.__file__)).read_bytes())
    name = f"test-{digest.hexdigest()[:12]}"
    if embedding_models.card_of(_KEPT, name) is None:
        embedding_models.distil(_KEPT, dimension=DIMENSION, name=name)
    return str(_KEPT / name)
