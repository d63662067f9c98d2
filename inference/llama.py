"""The only module that imports llama_cpp: one model, one context, one generation at a time, over the low-level API.

Nothing here is thread-safe (two threads on one context end the process): one thread owns an instance.
"""

from __future__ import annotations

import codecs
import ctypes
import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("GGML_NO_BACKTRACE", "1")  # an assertion would otherwise wait for a debugger

import llama_cpp as ll
import structlog

from inference.chat_template import render
from inference.engine import ChatMessage, Finish, Progress, TextPiece, Usage
from inference.errors import ContextTooLong, EngineUnavailable, ModelFileRejected

log = structlog.get_logger(__name__)

PREFILL_SLICE = 128  # prompt tokens between two looks at the stop flag
_PIECE_BYTES = 256
_ERROR = 4


def _on_log(level: int, text: bytes, _: Any) -> None:
    if level == _ERROR:  # warnings are routine here, and level 5 goes on with the line before
        log.error("llama", text=text.decode("utf-8", "replace").strip()[:500])


# llama.cpp keeps the pointer: were this object collected, the next log line would end the process.
_LOG_CALLBACK = ll.llama_log_callback(_on_log)
ll.llama_log_set(_LOG_CALLBACK, ctypes.c_void_p(0))
ll.llama_backend_init()


@dataclass(frozen=True, slots=True)
class Sampling:
    max_tokens: int = 512
    temperature: float = 0.2
    top_p: float = 0.95
    top_k: int = 40
    seed: int = 0
    stop: tuple[str, ...] = ()


class LlamaModel:
    def __init__(self, path: Path, *, context_tokens: int, threads: int) -> None:
        """Raises ModelFileRejected."""
        self._model: Any = None
        self._context: Any = None
        parameters = ll.llama_model_default_params()
        self._model = ll.llama_model_load_from_file(str(path).encode(), parameters)
        if not self._model:
            raise ModelFileRejected(detail=f"llama.cpp cannot load {path.name}")
        self._vocab = ll.llama_model_get_vocab(self._model)
        self.context_tokens = min(context_tokens, ll.llama_model_n_ctx_train(self._model) or context_tokens)
        settings = ll.llama_context_default_params()
        settings.n_ctx = self.context_tokens
        settings.n_batch = settings.n_ubatch = min(PREFILL_SLICE, self.context_tokens)
        settings.n_seq_max = 1
        settings.n_threads = settings.n_threads_batch = threads
        settings.no_perf = True
        self._context = ll.llama_init_from_model(self._model, settings)
        if not self._context:
            self.close()
            raise EngineUnavailable("There is not enough memory for the model.", detail=path.name)
        self._memory = ll.llama_get_memory(self._context)
        self._template = self._metadata("tokenizer.chat_template")
        self._bos = self._special(ll.llama_vocab_bos(self._vocab))
        self._eos = self._special(ll.llama_vocab_eos(self._vocab))
        self._held: list[int] = []  # tokens whose keys and values the context holds
        self._reused = 0  # of them, how many the latest prompt began with

    def close(self) -> None:
        if self._context:
            ll.llama_free(self._context)
        if self._model:
            ll.llama_model_free(self._model)
        self._context = self._model = None

    # -- tokens ----------------------------------------------------------------------------------------------------
    def prompt_tokens(self, messages: Sequence[ChatMessage]) -> list[int]:
        segments = render(self._template, messages, bos=self._bos, eos=self._eos)
        tokens: list[int] = []
        if ll.llama_vocab_get_add_bos(self._vocab) and not (
            segments and segments[0].text.startswith(self._bos or "\0")
        ):
            tokens.append(ll.llama_vocab_bos(self._vocab))
        for segment in segments:
            tokens += self.tokenize(segment.text, special=segment.trusted)
        return tokens

    def tokenize(self, text: str, *, special: bool) -> list[int]:
        data = text.encode("utf-8", "replace")
        room = len(data) + 8
        buffer = (ll.llama_token * room)()
        count = ll.llama_tokenize(self._vocab, data, len(data), buffer, room, False, special)
        if count < 0:
            raise ContextTooLong(detail=f"{-count} tokens")
        return list(buffer[:count])

    def _piece(self, token: int) -> bytes:
        buffer = ctypes.create_string_buffer(_PIECE_BYTES)
        count = ll.llama_token_to_piece(self._vocab, token, buffer, _PIECE_BYTES, 0, False)
        return buffer.raw[: max(count, 0)]

    def _special(self, token: int) -> str:
        if token < 0:
            return ""
        text = ll.llama_vocab_get_text(self._vocab, token)
        return text.decode("utf-8", "replace") if text else ""

    def _metadata(self, key: str) -> str:
        size = 65_536
        buffer = ctypes.create_string_buffer(size)
        count = ll.llama_model_meta_val_str(self._model, key.encode(), buffer, size)
        return buffer.value.decode("utf-8", "replace") if 0 < count < size else ""

    # -- generation ------------------------------------------------------------------------------------------------
    def generate(
        self, messages: Sequence[ChatMessage], sampling: Sampling, stop: threading.Event
    ) -> Iterator[TextPiece | Progress | Finish]:
        """Yields progress while the prompt is read, then text, then Finish; ends early once `stop` is set.

        Raises ContextTooLong before anything is computed, EngineUnavailable when llama.cpp fails.
        """
        prompt = self.prompt_tokens(messages)
        room = self.context_tokens - len(prompt)
        if room < 1:
            raise ContextTooLong(detail=f"{len(prompt)} prompt tokens, context of {self.context_tokens}")
        for read in self._prefill(prompt, stop):
            yield Progress(0, prompt_tokens_read=read, prompt_tokens=len(prompt))
        if stop.is_set():
            yield Finish("stop", Usage(len(prompt), 0, self._reused))
            return
        yield from self._decode(prompt, min(sampling.max_tokens, room), sampling, stop)

    def _prefill(self, prompt: list[int], stop: threading.Event) -> Iterator[int]:
        """Reads what the context does not hold yet; the last token is always read, for its logits."""
        common = 0
        for held, wanted in zip(self._held, prompt[:-1], strict=False):
            if held != wanted:
                break
            common += 1
        if not ll.llama_memory_seq_rm(self._memory, 0, common, -1):
            ll.llama_memory_clear(self._memory, True)
            common = 0
        self._held, self._reused = prompt[:common], common
        while len(self._held) < len(prompt) and not stop.is_set():
            self._feed(prompt[len(self._held) : len(self._held) + PREFILL_SLICE])
            yield len(self._held)

    def _feed(self, tokens: list[int]) -> None:
        array = (ll.llama_token * len(tokens))(*tokens)
        status = ll.llama_decode(self._context, ll.llama_batch_get_one(array, len(tokens)))
        if status != 0:
            self._held = []
            ll.llama_memory_clear(self._memory, True)
            raise EngineUnavailable("The model failed while it was computing.", detail=f"llama_decode: {status}")
        self._held += tokens

    def _decode(
        self, prompt: list[int], most: int, sampling: Sampling, stop: threading.Event
    ) -> Iterator[TextPiece | Finish]:
        sampler = _sampler(sampling)
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        hold = StopStrings(sampling.stop)
        count = 0
        reason = "length"
        try:
            while count < most:
                if stop.is_set():
                    reason = "stop"
                    break
                token = ll.llama_sampler_sample(sampler, self._context, -1)
                if ll.llama_vocab_is_eog(self._vocab, token):
                    reason = "stop"
                    break
                count += 1
                if text := hold.push(decoder.decode(self._piece(token))):
                    yield TextPiece(text)
                if hold.hit:
                    reason = "stop"
                    break
                if count < most:
                    self._feed([token])
            if text := hold.push(decoder.decode(b"", final=True)) + hold.rest():
                yield TextPiece(text)
            yield Finish("stop" if reason == "stop" else "length", Usage(len(prompt), count, self._reused))
        finally:
            ll.llama_sampler_free(sampler)


def _sampler(sampling: Sampling) -> Any:
    """Top-k first: top-p over a whole vocabulary costs forty times as much."""
    chain = ll.llama_sampler_chain_init(ll.llama_sampler_chain_default_params())
    if sampling.temperature <= 0:
        ll.llama_sampler_chain_add(chain, ll.llama_sampler_init_greedy())
        return chain
    ll.llama_sampler_chain_add(chain, ll.llama_sampler_init_top_k(sampling.top_k))
    ll.llama_sampler_chain_add(chain, ll.llama_sampler_init_top_p(sampling.top_p, 1))
    ll.llama_sampler_chain_add(chain, ll.llama_sampler_init_temp(sampling.temperature))
    ll.llama_sampler_chain_add(chain, ll.llama_sampler_init_dist(sampling.seed))
    return chain


class StopStrings:
    """Holds back text that may become a stop string, and ends before one."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = [s for s in stops if s]
        self._held = ""
        self.hit = False

    def push(self, text: str) -> str:
        """-> what can be shown now."""
        if self.hit:
            return ""
        self._held += text
        found = [at for s in self._stops if (at := self._held.find(s)) >= 0]
        if found:
            self.hit = True
            shown, self._held = self._held[: min(found)], ""
            return shown
        keep = max((n for s in self._stops for n in range(1, len(s)) if self._held.endswith(s[:n])), default=0)
        cut = len(self._held) - keep
        shown, self._held = self._held[:cut], self._held[cut:]
        return shown

    def rest(self) -> str:
        rest, self._held = self._held, ""
        return "" if self.hit else rest
