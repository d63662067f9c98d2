"""Tiny GGUF files: the real code path runs everywhere, without a download.

`make` writes random weights in a moment. `quoting_model` is trained to quote from its prompt; that takes a minute once,
and is kept in the user's cache, under a digest of the code that makes it.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from gguf import GGUFWriter, TokenType

from inference import prompts

if TYPE_CHECKING:
    from tests.quoting_model import Trained

LAYERS, WIDTH, HEADS, KV_HEADS, FEED, CONTEXT = 2, 128, 4, 2, 256, 4096
SPECIALS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_HERE = Path(__file__).parent
_MADE_BY = ("tiny_gguf.py", "quoting_model.py", "quoting_network.py")


def byte_tokens() -> list[str]:
    """GPT-2's printable stand-ins for the 256 bytes."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    spare = iter(range(256, 512))
    return [chr(byte) if byte in plain else chr(next(spare)) for byte in range(256)]


def make(path: Path, *, seed: int = 0, template: str = TEMPLATE) -> Path:
    """A model of random weights whose tokens are bytes, and "th"."""
    writer = writer_for(path, WIDTH, LAYERS, FEED, HEADS, KV_HEADS)
    add_vocabulary(writer, [*byte_tokens(), "th"], ["t h"], template)
    _weights(writer, np.random.default_rng(seed))
    return write(writer, path)


def quoting_model() -> Path:
    """-> a model that quotes, made on demand. Several processes may ask at once: the last one to finish wins."""
    made_by = b"".join((_HERE / name).read_bytes() for name in _MADE_BY) + Path(prompts.__file__).read_bytes()
    path = _cache() / f"quoting-{hashlib.sha256(made_by).hexdigest()[:16]}.gguf"
    if not path.exists():
        from tests.quoting_model import train  # torch, for those alone who need it

        trained = train()
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            _make_quoting(Path(folder) / "quoting.gguf", trained).replace(path)
    return path


def _cache() -> Path:
    """The user's cache folder, or a temporary one where the user has no home that can be written."""
    home = os.environ.get("XDG_CACHE_HOME") or (f"{os.environ['HOME']}/.cache" if os.environ.get("HOME") else "")
    temporary = Path(tempfile.gettempdir()) / f"footnote-tests-{os.getuid()}"
    for folder in (Path(home) / "footnote-tests" if home else temporary, temporary):
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    raise RuntimeError(f"neither {home or 'a home'} nor {temporary} can be written")


def _make_quoting(path: Path, trained: Trained) -> Path:
    network = trained.network
    writer = writer_for(path, network.width, network.layers, network.feed, network.heads, network.heads)
    writer.add_rope_freq_base(network.rope_base)
    facts = json.loads(trained.tokenizer.to_str())["model"]
    tokens = sorted(facts["vocab"], key=facts["vocab"].__getitem__)
    add_vocabulary(writer, tokens, [" ".join(pair) for pair in facts["merges"]], TEMPLATE)
    for name, weight in network.state_dict().items():
        kind = np.float32 if weight.ndim == 1 else np.float16
        writer.add_tensor(name, weight.numpy().astype(kind))
    return write(writer, path)


def writer_for(path: Path, width: int, layers: int, feed: int, heads: int, kv_heads: int) -> GGUFWriter:
    writer = GGUFWriter(str(path), "llama")
    writer.add_name("tiny")
    writer.add_license("apache-2.0")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(width)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(feed)
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(width // heads)
    return writer


def write(writer: GGUFWriter, path: Path) -> Path:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def add_vocabulary(writer: GGUFWriter, plain: Sequence[str], merges: Sequence[str], template: str) -> None:
    tokens = [*plain, *SPECIALS]
    kinds = [TokenType.NORMAL] * len(plain) + [TokenType.CONTROL] * len(SPECIALS)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges(list(merges))
    writer.add_eos_token_id(tokens.index("<|im_end|>"))
    writer.add_eot_token_id(tokens.index("<|im_end|>"))
    writer.add_add_bos_token(False)
    writer.add_chat_template(template)


def _weights(writer: GGUFWriter, random: np.random.Generator) -> None:
    head = WIDTH // HEADS

    def add(name: str, rows: int, columns: int) -> None:
        writer.add_tensor(name, (random.standard_normal((rows, columns)) * 0.05).astype(np.float16))

    add("token_embd.weight", 257 + len(SPECIALS), WIDTH)
    writer.add_tensor("output_norm.weight", np.ones(WIDTH, dtype=np.float32))
    for layer in range(LAYERS):
        at = f"blk.{layer}"
        writer.add_tensor(f"{at}.attn_norm.weight", np.ones(WIDTH, dtype=np.float32))
        writer.add_tensor(f"{at}.ffn_norm.weight", np.ones(WIDTH, dtype=np.float32))
        add(f"{at}.attn_q.weight", WIDTH, WIDTH)
        add(f"{at}.attn_k.weight", KV_HEADS * head, WIDTH)
        add(f"{at}.attn_v.weight", KV_HEADS * head, WIDTH)
        add(f"{at}.attn_output.weight", WIDTH, WIDTH)
        add(f"{at}.ffn_gate.weight", FEED, WIDTH)
        add(f"{at}.ffn_up.weight", FEED, WIDTH)
        add(f"{at}.ffn_down.weight", WIDTH, FEED)
