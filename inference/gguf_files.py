"""What a GGUF file says of itself."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inference.errors import ModelFileRejected
from inference.gguf_lengths import check_lengths

_MOST_CONTEXT = 2**31 - 1  # what the column holds
# llama.cpp ends the whole process for more layers or experts than it has room for.
_BOUNDS = {"block_count": 512, "expert_count": 512, "expert_used_count": 512, "nextn_predict_layers": 512}


@dataclass(frozen=True, slots=True)
class GgufFacts:
    licence: str
    context_tokens: int  # 0: the file does not say
    quantization: str
    layers: int  # 0: the file does not say
    weights: int  # numbers in all tensors
    narrowest_row: int  # of the matrices in the layers: K-quants need multiples of 256


def read_gguf(path: Path) -> GgufFacts:
    """A few facts of the file's metadata. Raises ModelFileRejected for anything that is not a whole GGUF file."""
    from gguf import GGUFReader

    try:
        with path.open("rb") as stream:
            if stream.read(4) != b"GGUF":
                raise ModelFileRejected
        check_lengths(path)
        reader = GGUFReader(path)
        fields = {key: field.contents() for key, field in reader.fields.items() if not key.startswith("tokenizer.ggml")}
        kinds = [tensor.tensor_type.name for tensor in reader.tensors]
        weights = sum(int(tensor.n_elements) for tensor in reader.tensors)
        rows = [int(tensor.shape[0]) for tensor in reader.tensors if len(tensor.shape) > 1 and "blk." in tensor.name]
    except OSError as error:
        raise ModelFileRejected("There is no such file, or it cannot be read.", advice="Check the path.") from error
    except (ValueError, LookupError, TypeError, ArithmeticError, MemoryError, AttributeError, RecursionError) as error:
        raise ModelFileRejected(detail=str(error)) from error
    architecture = _text(fields.get("general.architecture"))
    if not architecture or not kinds:
        raise ModelFileRejected("The file holds no model.")
    for name, most in _BOUNDS.items():
        if not _within(fields.get(f"{architecture}.{name}", 1), most):
            raise ModelFileRejected("The file asks for more layers or experts than any model has.", detail=name)
    return GgufFacts(
        licence=_text(fields.get("general.license")),
        context_tokens=_count(fields.get(f"{architecture}.context_length")),
        quantization=max(set(kinds) - {"F32"} or {"F32"}, key=kinds.count),
        layers=_count(fields.get(f"{architecture}.block_count")),
        weights=weights,
        narrowest_row=min(rows, default=0, key=lambda row: (row % 256 == 0, row)),
    )


def describe(path: Path) -> dict[str, Any]:
    """What the registry stores of a file. Reads all of it. Raises ModelFileRejected."""
    facts = read_gguf(path)
    return {
        "sha256": sha256_of(path),
        "size": path.stat().st_size,
        "licence": facts.licence,
        "quantization": facts.quantization,
        "context_tokens": facts.context_tokens,
    }


def sha256_of(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _within(value: Any, most: int) -> bool:
    values = value if isinstance(value, list) else [value]
    return all(isinstance(one, int) and 0 <= one <= most for one in values)


def _count(value: Any) -> int:
    return min(max(value, 0), _MOST_CONTEXT) if isinstance(value, int) else 0


def _text(value: Any) -> str:
    """A file from elsewhere may hold anything where a word should be; the database takes no NUL."""
    return value.replace("\0", "")[:200] if isinstance(value, str) else ""
