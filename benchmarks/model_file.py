"""A model file of a real small model's shape with random weights: speed depends on the shape, not on what it says."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

import numpy as np
from gguf import GGUFWriter, TokenType

LAYERS, WIDTH, HEADS, KV_HEADS, FEED, VOCABULARY, CONTEXT = 24, 896, 14, 2, 4864, 32_000, 32_768  # as Qwen2 0.5B
SPECIALS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def random_model(folder: Path, *, threads: int) -> Path:
    """0.4 billion weights as Q4_0, 230 MB; made once, in half a minute."""
    wanted = folder / "random-0.4b-q4_0.gguf"
    if not wanted.exists():
        folder.mkdir(parents=True, exist_ok=True)
        whole = _write(folder / "random-0.4b-f16.gguf")
        _quantize(whole, wanted.with_suffix(".partial"), threads)
        wanted.with_suffix(".partial").rename(wanted)
        whole.unlink()
    return wanted


def _write(path: Path) -> Path:
    writer = GGUFWriter(str(path), "llama")
    writer.add_name("random")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FEED)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    _add_vocabulary(writer)
    _add_weights(writer, np.random.default_rng(0))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add_vocabulary(writer: GGUFWriter) -> None:
    """Each byte is a token, so that a prompt has as many tokens as characters; the rest are words of their own."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    spare = iter(range(256, 512))
    tokens = [chr(byte) if byte in plain else chr(next(spare)) for byte in range(256)]
    tokens += ["qq", *(f"\u0120w{n}" for n in range(VOCABULARY - 257 - len(SPECIALS)))]
    kinds = [TokenType.NORMAL] * len(tokens) + [TokenType.CONTROL] * len(SPECIALS)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list([*tokens, *SPECIALS])
    writer.add_token_types(kinds)
    writer.add_token_merges(["q q"])  # llama.cpp wants one
    writer.add_eos_token_id(VOCABULARY - 1)
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)


def _add_weights(writer: GGUFWriter, random: np.random.Generator) -> None:
    def add(name: str, rows: int, columns: int) -> None:
        writer.add_tensor(name, (random.standard_normal((rows, columns), dtype=np.float32) * 0.02).astype(np.float16))

    keys = WIDTH // HEADS * KV_HEADS
    add("token_embd.weight", VOCABULARY, WIDTH)
    add("output.weight", VOCABULARY, WIDTH)
    writer.add_tensor("output_norm.weight", np.ones(WIDTH, dtype=np.float32))
    for layer in range(LAYERS):
        at = f"blk.{layer}"
        for name in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"{at}.{name}.weight", np.ones(WIDTH, dtype=np.float32))
        add(f"{at}.attn_q.weight", WIDTH, WIDTH)
        add(f"{at}.attn_k.weight", keys, WIDTH)
        add(f"{at}.attn_v.weight", keys, WIDTH)
        add(f"{at}.attn_output.weight", WIDTH, WIDTH)
        add(f"{at}.ffn_gate.weight", FEED, WIDTH)
        add(f"{at}.ffn_up.weight", FEED, WIDTH)
        add(f"{at}.ffn_down.weight", WIDTH, FEED)


def _quantize(source: Path, target: Path, threads: int) -> None:
    import llama_cpp as ll

    os.environ.setdefault("GGML_NO_BACKTRACE", "1")
    parameters = ll.llama_model_quantize_default_params()
    parameters.ftype = ll.LLAMA_FTYPE_MOSTLY_Q4_0
    parameters.nthread = threads
    status = ll.llama_model_quantize(str(source).encode(), str(target).encode(), ctypes.byref(parameters))
    if status != 0:
        raise SystemExit(f"llama.cpp could not quantize {source}: {status}")
