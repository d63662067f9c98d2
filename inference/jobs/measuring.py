"""What a model file is worth on this machine: speed, memory, and how well it foretells a text. In a child process."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from inference.batching.contract import Row
from inference.engine import ChatMessage
from inference.errors import BadRequest
from inference.jobs.measuring_request import MOST_TEXT_TOKENS, Measuring
from inference.jobs.other_work import OtherWork
from inference.llama.context import LlamaContext
from inference.llama.devices import gpus
from inference.llama.fitting import layers_on_gpu, needed
from inference.llama.model import LlamaModel, weigh
from inference.llama.perplexity import LEAST_TOKENS, ScoringContext, judge, windows_of

_PROMPT, _WRITTEN, _ANSWER = 512, 64, 48
_ROUNDS, _ENOUGH_S = 3, 20.0

Say = Callable[[float, str], None]


def measure(asked: Measuring, say: Say) -> dict[str, Any]:
    say(0.0, "loading")
    before, begun = _resident_bytes(), time.monotonic()
    gpu_layers = _on_gpu(asked)
    model = LlamaModel(Path(asked.path), gpu_layers=gpu_layers)
    load_s = time.monotonic() - begun
    try:
        tokens = model.tokenize(asked.text, special=False)
        found = _speed(model, tokens, asked, say) | {"load_s": round(load_s, 3), "gpu_layers": gpu_layers}
        found["memory_bytes"] = max(_resident_bytes() - before, 0)
        return found | _quality(model, tokens, asked, say) | {"vocabulary": model.size}
    finally:
        model.close()


def _on_gpu(asked: Measuring) -> int:
    """As many layers as the model service would put there; none where they do not fit beside what is loaded."""
    there = gpus() if asked.gpu_layers else []
    if not there:
        return 0
    weight = weigh(Path(asked.path))
    layers, tokens = layers_on_gpu(asked.gpu_layers, weight), _PROMPT + _WRITTEN
    wanted = needed(weight, sequences=asked.streams, sequence_tokens=tokens, batch_tokens=tokens, gpu_layers=layers)
    return layers if wanted.gpu <= sum(one.free for one in there) else 0


# -- speed -----------------------------------------------------------------------------------------------------------
def _speed(model: LlamaModel, tokens: Sequence[int], asked: Measuring, say: Say) -> dict[str, Any]:
    """Prompts of up to 512 tokens and 64 new ones: one stream, then several at once."""
    room = min(_PROMPT + _WRITTEN, model.trained_tokens or _PROMPT + _WRITTEN)
    written = min(_WRITTEN, room // 4)
    prompt = (list(tokens) * (room // max(len(tokens), 1) + 1))[: room - written]
    context = LlamaContext(model, sequences=asked.streams, sequence_tokens=room, threads=asked.threads)
    try:
        written = min(written, context.sequence_tokens - len(prompt))
        others = OtherWork()
        say(0.1, "measuring one stream")
        prefill, decode = _repeated(lambda: _round(context, prompt, written, 1))
        found = {"prefill_tokens_s": prefill, "decode_tokens_s": decode, "streams": asked.streams}
        if asked.streams > 1:
            say(0.3, f"measuring {asked.streams} streams")
            _, together = _repeated(lambda: _round(context, prompt[:64], written, asked.streams))
            found["decode_tokens_s_of_streams"] = together
        return found | {"processors": os.cpu_count(), "processors_of_others": others.processors()}
    finally:
        context.close()


def _repeated(once: Callable[[], tuple[float, float]]) -> tuple[float, float]:
    """The first round warms up, unless even that takes long. -> medians"""
    begun = time.monotonic()
    rounds = [once()]
    if time.monotonic() - begun < _ENOUGH_S / 2:
        rounds = [once()]
        while len(rounds) < _ROUNDS and time.monotonic() - begun < _ENOUGH_S:
            rounds.append(once())
    prefill, decode = zip(*rounds, strict=True)
    return round(statistics.median(prefill), 2), round(statistics.median(decode), 2)


def _round(context: LlamaContext, prompt: Sequence[int], written: int, streams: int) -> tuple[float, float]:
    """-> tokens a second of reading, of writing; all streams together."""
    context.clear()
    begun = time.monotonic()
    for stream in range(streams):
        _read(context, prompt, stream)
    read_s = time.monotonic() - begun
    begun = time.monotonic()
    for step in range(written):  # which tokens these are does not matter
        token = prompt[step % len(prompt)]
        context.decode([Row(token, len(prompt) + step, stream, True) for stream in range(streams)])
    write_s = time.monotonic() - begun
    return streams * len(prompt) / max(read_s, 1e-9), streams * written / max(write_s, 1e-9)


def _read(context: LlamaContext, prompt: Sequence[int], stream: int) -> None:
    for start in range(0, len(prompt), context.batch_tokens):
        part = prompt[start : start + context.batch_tokens]
        context.decode([Row(token, start + at, stream, start + at == len(prompt) - 1) for at, token in enumerate(part)])


def _resident_bytes() -> int:
    """llama.cpp maps the file: its pages count once they were read."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


# -- quality ---------------------------------------------------------------------------------------------------------
def _quality(model: LlamaModel, tokens: Sequence[int], asked: Measuring, say: Say) -> dict[str, Any]:
    windows = windows_of(model, tokens, MOST_TEXT_TOKENS)
    if not windows:
        raise BadRequest(f"The text is too short: it needs {LEAST_TOKENS} tokens.", advice="Give a longer one.")
    alike = asked.vocabulary in (0, model.size)
    longest = max(len(windows[0]), 64)
    context = ScoringContext(model, sequences=1, sequence_tokens=longest, threads=asked.threads, batch_tokens=longest)
    try:
        say(0.5, "reading the text")
        quality = judge(
            context,
            windows,
            keep=Path(asked.keep) if asked.keep else None,
            against=Path(asked.against) if asked.against and alike else None,
            progress=lambda share: say(0.5 + 0.3 * share, "reading the text"),
        )
        found = {key: value for key, value in asdict(quality).items() if value is not None}
        found["perplexity_tokens"] = found.pop("tokens")
    finally:
        context.close()
    if asked.answers is None:
        return found | {"answers": _answers(model, asked, say)}
    return found | (_agreement(model, asked, say) if alike else {})


def _answers(model: LlamaModel, asked: Measuring, say: Say) -> list[dict[str, Any]]:
    """The most likely answer to each question, token by token."""
    answers: list[dict[str, Any]] = []
    with_answers = _Asking(model, asked.threads)
    try:
        for number, question in enumerate(asked.questions):
            say(0.8 + 0.2 * number / len(asked.questions), f"answering question {number + 1}")
            prompt = model.prompt([ChatMessage("user", question)]).tokens
            if len(prompt) < with_answers.room:
                answers.append({"prompt": prompt, "tokens": with_answers.answer(prompt)})
    finally:
        with_answers.close()
    return answers


def _agreement(model: LlamaModel, asked: Measuring, say: Say) -> dict[str, Any]:
    """The share of the parent's tokens that this model would have chosen in their place."""
    same = total = 0
    asking = _Asking(model, asked.threads)
    try:
        answers = asked.answers or []
        for number, answer in enumerate(answers):
            say(0.8 + 0.2 * number / len(answers), f"comparing answer {number + 1}")
            chosen = asking.choices(answer["prompt"], answer["tokens"])
            same += sum(one == other for one, other in zip(chosen, answer["tokens"], strict=True))
            total += len(answer["tokens"])
    finally:
        asking.close()
    return {"answer_agreement": same / total} if total else {}


class _Asking:
    """Greedy answers, and what a model would have said at each place of somebody else's."""

    def __init__(self, model: LlamaModel, threads: int) -> None:
        tokens = min(_PROMPT + _ANSWER, model.trained_tokens or _PROMPT + _ANSWER)
        self._model = model
        self._context = ScoringContext(model, sequences=1, sequence_tokens=tokens, threads=threads, batch_tokens=tokens)
        self.room = self._context.sequence_tokens - _ANSWER

    def close(self) -> None:
        self._context.close()

    def answer(self, prompt: list[int]) -> list[int]:
        """With the end-of-answer token, where it comes."""
        token = int(self._context.score(prompt, len(prompt) - 1)[0].argmax())
        written = [token]
        while len(written) < _ANSWER and not self._model.is_end(token):
            token = self._context.next_choice(token, len(prompt) + len(written) - 1)
            written.append(token)
        return written

    def choices(self, prompt: list[int], answer: list[int]) -> list[int]:
        logits = self._context.score([*prompt, *answer[:-1]], len(prompt) - 1)
        return [int(token) for token in logits.argmax(axis=1)]
