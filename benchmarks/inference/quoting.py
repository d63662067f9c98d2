"""Prompt lookup where answers quote their sources, and where they do not.

No model that answers well is at hand, so that token streams are replayed: each step computes the batch with the whole
model and samples from its logits, then the recorded token takes the place of the sampled one. Passages and answers are
text of this project's own documentation, in the tokens of the embedder (30,522 of them).
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import median

from tokenizers import Tokenizer

from benchmarks.inference.bursts import Machine
from benchmarks.inference.long_prompt import NEVER
from inference.batching.contract import Chosen, Ended, Request, Sampler, Sampling
from inference.batching.scheduler import Limits, Scheduler
from inference.llama.context import LlamaContext
from inference.llama.model import LlamaModel
from inference.prompts import SYSTEM
from retrieval.embedders.model_folders import PACKAGED_MODEL, model_folder

_DOCS = Path(__file__).parents[2] / "docs"
_PASSAGES, _PASSAGE_WORDS = 5, 130
_QUOTES, _QUOTE_WORDS = 4, 22
_BETWEEN = (
    "The documents say that", "Besides that,", "As to the other part of your question:", "It should also be known that",
    "In short,", "For administrators this means:",
)  # fmt: skip
_CONTEXT = 2048
_COUNTS = (1, 4, 8)


@dataclass(frozen=True)
class Recorded:
    prompt: list[int]
    answer: list[int]


class _Replay:
    """Samples as ever, and then says what was recorded."""

    def __init__(self, context: _ReplayingContext, sampler: Sampler, answer: list[int]) -> None:
        self._context, self._sampler, self._left = context, sampler, iter(answer)

    def sample(self, row: int) -> Chosen:
        self._sampler.sample(row)
        self._context.said += 1
        return Chosen(next(self._left))

    def close(self) -> None:
        self._sampler.close()


class _ReplayingContext(LlamaContext):
    answers: Sequence[list[int]] = ()  # a request names its own by its seed
    said = 0

    def sampler(self, sampling: Sampling) -> Sampler:  # type: ignore[override]
        return _Replay(self, super().sampler(sampling), self.answers[sampling.seed])

    def is_end(self, token: int) -> bool:
        return False


def quoting(machine: Machine) -> None:
    print("prompt lookup: replayed answers, the whole model in each step, without HTTP; streams of 1,000 + 150 tokens")
    print(f"  {'':28} {'off, tok/s':>10} {'on, tok/s':>10} {'':>8} {'of drafts kept':>15} {'tokens a step':>14}")
    model = LlamaModel(machine.model)
    for name, quotes in (("quotes, with words between", True), ("in other words", False)):
        for count in _COUNTS:
            recorded = _recorded(count, quotes=quotes)
            context = _ReplayingContext(model, sequences=count, sequence_tokens=_CONTEXT, threads=machine.threads)
            context.answers = [one.answer for one in recorded]
            try:
                pairs = [
                    (_run(context, recorded, lookup=False), _run(context, recorded, lookup=True))
                    for _ in range(machine.rounds)
                ]
            finally:
                context.close()
            _print(f"{count} x {name}", pairs)
    model.close()


@dataclass(frozen=True)
class Done:
    rate: float  # of writing alone
    kept: float
    tokens_a_step: float


def _run(context: _ReplayingContext, recorded: Sequence[Recorded], *, lookup: bool) -> Done:
    """Writing begins when every prompt is read: that part is the same with and without drafts."""
    context.clear()
    scheduler = Scheduler(context, Limits(streams=len(recorded), lookup=lookup, inter_token_s=NEVER))
    for number, one in enumerate(recorded):
        sampling = Sampling(max_tokens=len(one.answer), temperature=0, seed=number)
        scheduler.submit(Request(one.prompt, sampling, user=str(number), cache_key=str(number)))
    steps = drafted = kept = before = 0
    begun = 0.0
    while scheduler.has_work:
        report = scheduler.step()
        if report.prompt_rows:
            begun, before = time.perf_counter(), context.said
            continue
        steps += report.decoding
        ends = [event for _, event in report.events if isinstance(event, Ended)]
        drafted += sum(end.drafted_tokens for end in ends)
        kept += sum(end.accepted_tokens for end in ends)
    written = context.said - before
    return Done(written / (time.perf_counter() - begun), kept / max(drafted, 1), written / max(steps, 1))


def _recorded(count: int, *, quotes: bool) -> list[Recorded]:
    """Of each prompt's passages an answer quotes some sentences, each with a few words before and a citation behind."""
    tokenizer = Tokenizer.from_file(str(model_folder(PACKAGED_MODEL) / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    passages, chance = _passages(), Random(0)
    recorded = []
    for _ in range(count):
        given = chance.sample(passages, _PASSAGES)
        others = [one for one in passages if one not in given]
        said = [_said(n, one if quotes else chance.choice(others), chance) for n, one in enumerate(given[:_QUOTES], 1)]
        prompt = SYSTEM + "".join(f"\n[{n}] {one}" for n, one in enumerate(given, 1)) + "\nWhat is said of this?"
        ids = [tokenizer.encode(text, add_special_tokens=False).ids for text in (prompt, " ".join(said))]
        recorded.append(Recorded(*ids))
    return recorded


def _said(number: int, passage: str, chance: Random) -> str:
    words = passage.split()
    at = chance.randrange(len(words) - _QUOTE_WORDS)
    return f"{chance.choice(_BETWEEN)} {' '.join(words[at : at + _QUOTE_WORDS])} [{number}]."


def _passages() -> list[str]:
    """Prose of the documentation, without tables and code."""
    lines = [
        line for path in sorted(_DOCS.glob("*.md")) for line in path.read_text().splitlines()
        if re.match(r"\w", line) and len(line) > 60
    ]  # fmt: skip
    words = " ".join(lines).split()
    return [" ".join(words[at : at + _PASSAGE_WORDS]) for at in range(0, len(words) - _PASSAGE_WORDS, _PASSAGE_WORDS)]


def _print(name: str, pairs: Sequence[tuple[Done, Done]]) -> None:
    off, on = median(a.rate for a, _ in pairs), median(b.rate for _, b in pairs)
    against = median(b.rate / a.rate for a, b in pairs)
    last = pairs[-1][1]
    print(
        f"  {name:28} {off:10.1f} {on:10.1f} {against:7.2f}x {last.kept:15.0%} {last.tokens_a_step:14.2f}", flush=True
    )
