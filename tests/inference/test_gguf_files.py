"""GGUF files that say what cannot be true are refused before anything believes them."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from inference.errors import ModelFileRejected
from inference.gguf_files import read_gguf
from tests.tiny_gguf import make


@pytest.mark.parametrize("kind", [4, 8, 9])
def test_lengths_that_cannot_be_true_are_refused_at_once(kind: int, tmp_path: Path) -> None:
    field = struct.pack("<Q", 1) + b"a" + struct.pack("<I", 9)
    head = b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + field
    many = struct.pack("<IQ", kind, 2**40) if kind != 9 else struct.pack("<IQ", 9, 1) * 5000
    (tmp_path / "bad.gguf").write_bytes(head + many + bytes(100))
    with pytest.raises(ModelFileRejected):
        read_gguf(tmp_path / "bad.gguf")


def test_a_model_of_more_layers_than_llama_cpp_takes_is_refused(tmp_path: Path) -> None:
    whole = make(tmp_path / "tiny.gguf").read_bytes()
    at = whole.index(b"block_count") + len(b"block_count") + 4
    (tmp_path / "evil.gguf").write_bytes(whole[:at] + struct.pack("<I", 2**31 - 1) + whole[at + 4 :])
    with pytest.raises(ModelFileRejected) as refused:
        read_gguf(tmp_path / "evil.gguf")
    assert "more layers" in refused.value.user_message
