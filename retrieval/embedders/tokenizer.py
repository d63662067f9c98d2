"""Counts tokens as the embedder does, without loading the embedder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.embedders.model_folders import EmbeddingModelMissing, model_folder

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_SPECIAL = 2  # tokens that an embedder puts around each text
_MOST_TOKENS = 4000  # of a passage, where a model reads texts of any length


def load_tokenizer(model: str) -> Callable[[str], int]:
    """-> a function from a text to its number of tokens, without the special ones."""
    tokenizer = _tokenizer(model_folder(model))

    def count(text: str) -> int:
        return len(tokenizer.encode(text, add_special_tokens=False).ids)

    return count


@lru_cache(maxsize=16)
def tokenizer_digest(model: str) -> str:
    """The same for models that count tokens alike."""
    return hashlib.sha256(_tokenizer_file(model_folder(model)).read_bytes()).hexdigest()


@lru_cache(maxsize=16)
def most_tokens(model: str) -> int:
    """Of a text that the model reads whole."""
    folder = model_folder(model)
    own = _number(folder / "sentence_bert_config.json", "max_seq_length")
    found = own or _number(folder / "config.json", "max_position_embeddings")
    return min(found - _SPECIAL, _MOST_TOKENS) if found else _MOST_TOKENS


def _number(path: Path, key: str) -> int:
    """0 when the file does not say."""
    found = json.loads(path.read_text()).get(key) if path.exists() else None
    return found if isinstance(found, int) and found > _SPECIAL else 0


def _tokenizer_file(folder: Path) -> Path:
    path = folder / "tokenizer.json"
    if not path.exists():
        raise EmbeddingModelMissing(f"{folder} holds no tokenizer.json.")
    return path


@lru_cache(maxsize=4)
def _tokenizer(folder: Path) -> Tokenizer:
    from tokenizers import Tokenizer  # megabytes, that a process which counts nothing does without

    path = _tokenizer_file(folder)
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing narrower
        raise EmbeddingModelMissing(f"{path} cannot be read as a tokenizer.", detail=str(error)) from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
