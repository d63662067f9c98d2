"""Chooses the embedder for this machine."""

from __future__ import annotations

import json
from pathlib import Path

import structlog

from retrieval.contracts import Embedder
from retrieval.embedders.model_folders import model_folder

log = structlog.get_logger(__name__)


def load_embedder(model: str, cache: Path, *, threads: int) -> Embedder:
    """Static models as they are; else ONNX Runtime on a CPU, and sentence-transformers on a GPU and for models that do
    not export.
    """
    folder = model_folder(model)
    if is_static(folder):
        from retrieval.embedders.static_embedder import StaticEmbedder

        return StaticEmbedder(model, folder)
    if device := _gpu():
        from retrieval.embedders.sentence_transformer import SentenceTransformerEmbedder

        return SentenceTransformerEmbedder(model, folder, device=device)
    from retrieval.embedders.onnx_embedder import ExportFailed, OnnxEmbedder

    try:
        return OnnxEmbedder(model, folder, cache, threads=threads)
    except ExportFailed as error:
        log.warning("embedder.export_failed", model=model, reason=str(error))
    from retrieval.embedders.sentence_transformer import SentenceTransformerEmbedder

    return SentenceTransformerEmbedder(model, folder, device="cpu")


def is_static(folder: Path) -> bool:
    """Whether the folder says that it holds a static model."""
    try:
        modules = json.loads((folder / "modules.json").read_text())
        return str(modules[0]["type"]).endswith(".StaticEmbedding")
    except (OSError, ValueError, LookupError, TypeError):
        return False


def _gpu() -> str:
    """'cuda' where an NVIDIA device is present, found without importing torch."""
    if not Path("/dev/nvidiactl").exists():
        return ""
    import torch

    return "cuda" if torch.cuda.is_available() else ""
