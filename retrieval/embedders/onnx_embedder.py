"""The embedder on ONNX Runtime: the same vectors as torch at twice the speed on a CPU and half the memory."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import onnxruntime
import structlog
from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidArgument, InvalidGraph, InvalidProtobuf
from tokenizers import Tokenizer

from retrieval.contracts import Vectors
from retrieval.embedders.model_folders import PACKAGED_MODEL, model_folder
from retrieval.errors import RetrievalError

log = structlog.get_logger(__name__)

_DAMAGED = (Fail, InvalidArgument, InvalidGraph, InvalidProtobuf)
BATCH = 8  # on two cores larger batches gain nothing and make a question wait longer behind one
_EXPORT_SECONDS = 300
INSTALLED = Path(sys.prefix) / "share" / "footnote"  # what set-up prepared, so that the first start is quick
_CHARACTERS = 20_000  # far more than any model reads; the rest would only be tokenised to be cut off


class ExportFailed(RetrievalError):
    code = "embedding_export_failed"
    user_message = "The embedding model could not be prepared for ONNX Runtime."


def exported_model(folder: Path, cache: Path, *, installed: bool = True) -> Path:
    """The ONNX file of the model in `folder`, under a name that its content gives: as set-up prepared it, or made at
    first need and kept in `cache`.
    """
    digest = hashlib.sha256()
    for file in sorted(folder.glob("*.safetensors")) + sorted(folder.glob("*.bin")) + [folder / "config.json"]:
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    name = f"embedder-{digest.hexdigest()[:16]}.onnx"
    target = cache / name
    if target.exists():
        return target
    if installed and (INSTALLED / name).exists():
        return INSTALLED / name
    cache.mkdir(parents=True, exist_ok=True)
    try:
        done = subprocess.run(  # noqa: S603 - our own module
            [sys.executable, "-W", "ignore", "-m", "retrieval.embedders.onnx_export", str(folder), str(target)],
            capture_output=True,
            text=True,
            timeout=_EXPORT_SECONDS,
            cwd=Path(__file__).resolve().parents[2],
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ExportFailed(detail=str(error)) from error
    if done.returncode or not target.exists():
        raise ExportFailed(detail=done.stderr[-2000:])
    return target


class OnnxEmbedder:
    def __init__(self, model: str, folder: Path, cache: Path, *, threads: int) -> None:
        self.name = model
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False  # the arena keeps the largest batch for ever
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # spinning starves other processes
        self._session = _session(folder, cache, options)
        self.dimension = int(json.loads((folder / "config.json").read_text())["hidden_size"])
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(_max_tokens(folder))
        self._tokenizer.enable_padding()
        self._folder = folder

    def embed(self, texts: Sequence[str]) -> Vectors:
        result = np.zeros((len(texts), self.dimension), dtype=np.float32)
        by_length = sorted(range(len(texts)), key=lambda i: len(texts[i]))  # little padding in each batch
        for start in range(0, len(texts), BATCH):
            rows = by_length[start : start + BATCH]
            encodings = self._tokenizer.encode_batch([texts[i][:_CHARACTERS] for i in rows])
            result[rows] = self._session.run(
                ["vectors"],
                {
                    "input_ids": np.array([e.ids for e in encodings], dtype=np.int64),
                    "attention_mask": np.array([e.attention_mask for e in encodings], dtype=np.int64),
                    "token_type_ids": np.array([e.type_ids for e in encodings], dtype=np.int64),
                },
            )[0]
        return result

    def count_tokens(self, text: str) -> int:
        return len(self._counter.encode(text, add_special_tokens=False).ids)

    @cached_property
    def _counter(self) -> Tokenizer:
        """Some megabytes, which the index service never asks for."""
        counter = Tokenizer.from_file(str(self._folder / "tokenizer.json"))
        counter.no_truncation()
        counter.no_padding()
        return counter


def _session(folder: Path, cache: Path, options: onnxruntime.SessionOptions) -> onnxruntime.InferenceSession:
    """A file that is damaged is made again, once."""
    path = exported_model(folder, cache)
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except _DAMAGED as error:
        log.warning("embedder.export_damaged", path=str(path), reason=str(error))
    if path.parent == cache:
        path.unlink(missing_ok=True)
    path = exported_model(folder, cache, installed=False)
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _max_tokens(folder: Path) -> int:
    path = folder / "sentence_bert_config.json"
    found = json.loads(path.read_text()).get("max_seq_length") if path.exists() else None
    return int(found or json.loads((folder / "config.json").read_text()).get("max_position_embeddings", 512))


if __name__ == "__main__":  # `python -m retrieval.embedders.onnx_embedder`: a step of setting up
    exported_model(model_folder(PACKAGED_MODEL), INSTALLED)
