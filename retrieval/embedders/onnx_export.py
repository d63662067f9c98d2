"""Writes a sentence-transformers model as one ONNX graph that ends in pooled, normalised vectors.

Run as a process of its own (`python -m retrieval.embedders.onnx_export MODEL_FOLDER TARGET`): torch takes 400 MB and is
not wanted in the service that answers questions.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def export(folder: Path, target: Path) -> None:
    import torch

    from retrieval.embedders.sentence_transformer import load_modules

    transformer, mode = load_modules(folder)

    class Sentence(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.transformer = transformer

        def forward(
            self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor
        ) -> torch.Tensor:
            tokens = self.transformer(
                input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
            ).last_hidden_state
            if mode == "cls":
                pooled = tokens[:, 0]
            else:
                weights = attention_mask.unsqueeze(-1).to(tokens.dtype)
                pooled = (tokens * weights).sum(1) / weights.sum(1).clamp(min=1e-9)
            return torch.nn.functional.normalize(pooled, p=2.0, dim=1)

    names = ["input_ids", "attention_mask", "token_type_ids"]
    example = tuple(torch.ones((2, 8), dtype=torch.int64) for _ in names)
    partial = target.with_suffix(f".{os.getpid()}.partial")
    with torch.no_grad():
        torch.onnx.export(
            Sentence().eval(),
            example,
            str(partial),
            input_names=names,
            output_names=["vectors"],
            dynamic_axes={name: {0: "batch", 1: "tokens"} for name in names} | {"vectors": {0: "batch"}},
            opset_version=17,
            dynamo=False,
        )
    partial.replace(target)


if __name__ == "__main__":
    export(Path(sys.argv[1]), Path(sys.argv[2]))
