"""Chooses the embedder for this machine."""

from __future__ import annotations

from pathlib import Path

import structlog

from retrieval.contracts import Embedder
from retrieval.tokenizer import model_folder

log = structlog.get_logger(__name__)


def load_embedder(model: str, cache: Path, *, threads: int) -> Embedder:
    """ONNX Runtime on a CPU; sentence-transformers on a GPU and for models that do not export."""
    folder = model_folder(model)
    if device := _gpu():
        from retrieval.sentence_transformer import SentenceTransformerEmbedder

        return SentenceTransformerEmbedder(model, folder, device=device)
    from retrieval.onnx_embedder import ExportFailed, OnnxEmbedder

    try:
        return OnnxEmbedder(model, folder, cache, threads=threads)
    except ExportFailed as error:
        log.warning("embedder.export_failed", model=model, reason=str(error))
    from retrieval.sentence_transformer import SentenceTransformerEmbedder

    return SentenceTransformerEmbedder(model, folder, device="cpu")


def _gpu() -> str:
    """'cuda' where an NVIDIA device is present, found without importing torch."""
    if not Path("/dev/nvidiactl").exists():
        return ""
    import torch

    return "cuda" if torch.cuda.is_available() else ""
