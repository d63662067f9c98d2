"""A model file in memory: its tokens and its chat template. Reading it is safe from several threads."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inference.chat_template import render
from inference.engine import ChatMessage
from inference.errors import ContextTooLong, ModelFileRejected
from inference.llama.fitting import Weight
from inference.llama.library import ll

_PIECE_BYTES = 256
_FLOAT16 = 2
_PLAIN_READING = 0  # LLAMA_LOAD_MODE_NONE: without it, `no_alloc` ends the process


@dataclass(frozen=True, slots=True)
class Prompt:
    tokens: list[int]
    public: int  # so many of them are the same for everybody


def weigh(path: Path) -> Weight:
    """From the file's head: no weights are read. Raises ModelFileRejected."""
    parameters = ll.llama_model_default_params()
    parameters.no_alloc, parameters.load_mode = True, _PLAIN_READING
    model = _loaded(path, parameters)
    try:
        heads, layers = max(ll.llama_model_n_head(model), 1), int(ll.llama_model_n_layer(model))
        width = ll.llama_model_n_embd(model) // heads * ll.llama_model_n_head_kv(model)
        keys_and_values = 2 * _FLOAT16 * width * layers  # recurrent models need less
        vocabulary = int(ll.llama_vocab_n_tokens(ll.llama_model_get_vocab(model)))
        return Weight(path.stat().st_size, layers, int(keys_and_values), vocabulary, int(heads))
    finally:
        ll.llama_model_free(model)


def _loaded(path: Path, parameters: Any) -> Any:
    model = ll.llama_model_load_from_file(str(path).encode(), parameters)
    if not model:
        raise ModelFileRejected(detail=f"llama.cpp cannot load {path.name}")
    return model


class LlamaModel:
    def __init__(self, path: Path, *, gpu_layers: int = 0) -> None:
        """Raises ModelFileRejected."""
        self.name = path.name
        self.on_gpu = gpu_layers > 0
        parameters = ll.llama_model_default_params()
        parameters.n_gpu_layers = gpu_layers
        no_device = (ctypes.c_void_p * 1)(None)
        if not gpu_layers:  # otherwise a GPU would still be given long prompts to compute
            parameters.devices = ctypes.cast(no_device, ctypes.c_void_p)
        if b"AMX" in ll.llama_print_system_info():  # a build that is not ours: see inference/llama-min.cmake
            parameters.use_extra_bufts = False
        self._model: Any = _loaded(path, parameters)
        self._pieces: dict[int, bytes] = {}
        try:
            self._look_up()
        except BaseException:
            self.close()
            raise

    def _look_up(self) -> None:
        self.vocabulary: Any = ll.llama_model_get_vocab(self._model)
        self.size = int(ll.llama_vocab_n_tokens(self.vocabulary))
        self.trained_tokens = int(ll.llama_model_n_ctx_train(self._model))
        self._template = self._metadata("tokenizer.chat_template")
        self._bos = self._special(ll.llama_vocab_bos(self.vocabulary))
        self._eos = self._special(ll.llama_vocab_eos(self.vocabulary))

    def close(self) -> None:
        """Contexts first: they point into the model."""
        if self._model:
            ll.llama_model_free(self._model)
        self._model = None

    @property
    def pointer(self) -> Any:
        return self._model

    # -- tokens ----------------------------------------------------------------------------------------------------
    def prompt(self, messages: Sequence[ChatMessage], *, public_messages: int = 0) -> Prompt:
        """What the model's chat template makes of the messages; nothing in them becomes a control token."""
        segments = render(self._template, messages, bos=self._bos, eos=self._eos)
        tokens: list[int] = []
        if ll.llama_vocab_get_add_bos(self.vocabulary) and not (
            segments and segments[0].text.startswith(self._bos or "\0")
        ):
            tokens.append(ll.llama_vocab_bos(self.vocabulary))
        contents = public = 0
        for segment in segments:
            tokens += self.tokenize(segment.text, special=segment.trusted)
            contents += not segment.trusted
            if not segment.trusted and contents <= public_messages:
                public = len(tokens)
        return Prompt(tokens, public)

    def tokenize(self, text: str, *, special: bool) -> list[int]:
        data = text.encode("utf-8", "replace")
        room = len(data) + 8
        buffer = (ll.llama_token * room)()
        count = ll.llama_tokenize(self.vocabulary, data, len(data), buffer, room, False, special)
        if count < 0:
            raise ContextTooLong(detail=f"{-count} tokens")
        return list(buffer[:count])

    def is_end(self, token: int) -> bool:
        return bool(ll.llama_vocab_is_eog(self.vocabulary, token))

    def piece(self, token: int) -> bytes:
        if (known := self._pieces.get(token)) is not None:
            return known
        buffer = ctypes.create_string_buffer(_PIECE_BYTES)
        count = ll.llama_token_to_piece(self.vocabulary, token, buffer, _PIECE_BYTES, 0, False)
        self._pieces[token] = buffer.raw[: max(count, 0)]
        return self._pieces[token]

    def _special(self, token: int) -> str:
        if token < 0:
            return ""
        text = ll.llama_vocab_get_text(self.vocabulary, token)
        return text.decode("utf-8", "replace") if text else ""

    def _metadata(self, key: str) -> str:
        size = 65_536
        buffer = ctypes.create_string_buffer(size)
        count = ll.llama_model_meta_val_str(self._model, key.encode(), buffer, size)
        return buffer.value.decode("utf-8", "replace") if 0 < count < size else ""
