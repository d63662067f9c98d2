"""GGUF files whose behaviour is known beforehand: one recites a text, one takes its time to read the prompt."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
from gguf import GGUFWriter

from tests.tiny_gguf import SPECIALS, TEMPLATE, add_vocabulary, byte_tokens, write, writer_for

_WIDTH, _HEADS = 128, 4
_AFTER_PROMPT = b"\n"  # the chat template ends with it


def reciting(path: Path, text: str) -> Path:
    """Writes `text`, one byte a token, whatever it is asked: each token is followed by one other alone."""
    said = _AFTER_PROMPT + text.encode()
    assert len(set(said)) == len(said), "a byte can be followed by one other alone"
    tokens = [*byte_tokens(), "th", *SPECIALS]
    follows = dict(pairwise([*said, tokens.index("<|im_end|>")]))
    codes = np.random.default_rng(0).standard_normal((len(tokens), _WIDTH)).astype(np.float32)
    output = np.zeros_like(codes)
    for token, following in follows.items():
        output[following] = codes[token]
    writer = writer_for(path, _WIDTH, 1, _WIDTH, _HEADS, _HEADS)
    add_vocabulary(writer, tokens[: -len(SPECIALS)], ["t h"], TEMPLATE)
    writer.add_tensor("token_embd.weight", codes)
    writer.add_tensor("output.weight", output)
    _blocks(writer, _WIDTH, _WIDTH, 1, np.zeros)
    return write(writer, path)


def slow(path: Path, *, width: int = 512) -> Path:
    """Eight million random weights, or fewer: a prompt of some thousand bytes takes seconds. It never ends by itself:
    the first number of each state is the same, and speaks against the special tokens alone."""
    feed, layers = 2 * width, 3
    random = np.random.default_rng(0)
    writer = writer_for(path, width, layers, feed, 8, 8)
    add_vocabulary(writer, [*byte_tokens(), "th"], ["t h"], TEMPLATE)
    embedding = random.standard_normal((257 + len(SPECIALS), width)) * 0.05
    output = embedding.copy()
    embedding[:, 0] = 1.0
    output[:, 0] = [0.0] * 257 + [-100.0] * len(SPECIALS)
    writer.add_tensor("token_embd.weight", embedding.astype(np.float16))
    writer.add_tensor("output.weight", output.astype(np.float16))

    def but_the_first_row(shape: tuple[int, int]) -> np.ndarray:
        weights = random.standard_normal(shape, dtype=np.float32) * 0.05
        weights[0] = 0.0
        return weights

    _blocks(writer, width, feed, layers, but_the_first_row)
    return write(writer, path)


def _blocks(
    writer: GGUFWriter, width: int, feed: int, layers: int, fill: Callable[[tuple[int, int]], np.ndarray]
) -> None:
    shapes = {"attn_q": (width, width), "attn_k": (width, width), "attn_v": (width, width)}
    shapes |= {"attn_output": (width, width), "ffn_gate": (feed, width), "ffn_up": (feed, width)}
    shapes |= {"ffn_down": (width, feed)}
    writer.add_tensor("output_norm.weight", np.ones(width, dtype=np.float32))
    for layer in range(layers):
        for name in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{layer}.{name}.weight", np.ones(width, dtype=np.float32))
        for name, shape in shapes.items():
            writer.add_tensor(f"blk.{layer}.{name}.weight", fill(shape).astype(np.float16))
