"""Long prompts that arrive while answers are being written: how long those wait, and what not waiting costs."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from dataclasses import dataclass
from statistics import median

import httpx

from benchmarks.inference.bursts import Machine
from benchmarks.inference.contenders import llama_server, ours
from benchmarks.inference.load import Contender, Shape, Stream, ask, body, percentile

RUNNING, WRITING = 8, Shape(prompt=128, new=256)
LONG, ARRIVALS = Shape(prompt=2000, new=16), 2
CONTEXT = 2304
TARGETS_MS = (250, 150)
NEVER = 1e9  # a slice is then a whole batch


@dataclass(frozen=True)
class Measured:
    seconds: float  # until everything is written
    tokens: int
    gaps: list[float]  # of running answers, while a long prompt was read
    first: list[float]  # of the long ones, from their arrival

    @property
    def rate(self) -> float:
        """Prompts count: reading them is most of the work."""
        return self.tokens / self.seconds


def long_prompts(machine: Machine) -> None:
    print(
        f"{RUNNING} answers of {WRITING.new} tokens running, {ARRIVALS} prompts of {LONG.prompt} tokens arrive in turn"
    )
    print(
        f"  {'':42} {'tok/s, all':>10} {'against':>12}   {'between pieces meanwhile, ms':^28}   first token\n"
        f"  {'':42} {'':>10} {'no slices':>12}   {'p50':>8} {'p95':>8} {'p99':>8}    of it, s"
    )
    done: dict[str, list[Measured]] = defaultdict(list)
    for _ in range(machine.rounds):
        for name, target in _ours():
            with ours(machine.model, RUNNING + 1, machine.threads, context=CONTEXT, inter_token_s=target) as contender:
                done[name].append(asyncio.run(_measure(contender)))
        if machine.server is not None:
            with llama_server(
                machine.server, machine.model, RUNNING + 1, machine.threads, context=CONTEXT
            ) as contender:
                done[contender.name].append(asyncio.run(_measure(contender)))
    whole = done["Footnote, no slices (512 a batch)"]
    for name, rounds in done.items():
        _print(name, rounds, whole)


def _ours() -> list[tuple[str, float]]:
    sliced = [(f"Footnote, slices of at most {target} ms", target / 1000) for target in TARGETS_MS]
    return [("Footnote, no slices (512 a batch)", NEVER), *sliced]


def _print(name: str, rounds: list[Measured], whole: list[Measured]) -> None:
    gaps = [gap * 1000 for one in rounds for gap in one.gaps]
    against = median(a.rate / b.rate for a, b in zip(rounds, whole, strict=True)) - 1
    print(
        f"  {name:42} {median(one.rate for one in rounds):10.1f} {against:+12.1%}   {percentile(gaps, 50):8.0f} "
        f"{percentile(gaps, 95):8.0f} {percentile(gaps, 99):8.0f} {median(f for r in rounds for f in r.first):11.2f}",
        flush=True,
    )


async def _measure(contender: Contender) -> Measured:
    async with contender.client() as client:
        await ask(client, body(999, Shape(WRITING.prompt, 1)), 0)
        begun = time.perf_counter()
        running = [asyncio.create_task(ask(client, body(n, WRITING), begun)) for n in range(RUNNING)]
        await asyncio.sleep(2.5)  # their prompts are read by then
        reading = await _arrive(client, begun)
        written = await asyncio.gather(*running)
    gaps = [gap for stream in written for begin, end in reading for gap in stream.gaps(begin, end)]
    ends = [stream.last for stream in written]
    tokens = RUNNING * (WRITING.prompt + WRITING.new) + ARRIVALS * (LONG.prompt + LONG.new)
    return Measured(max(ends), tokens, gaps, [end - begin for begin, end in reading])


async def _arrive(client: httpx.AsyncClient, begun: float) -> list[tuple[float, float]]:
    """-> when each long prompt came, and when its answer began."""
    windows = []
    for number in range(ARRIVALS):
        came = time.perf_counter() - begun
        long: Stream = await ask(client, body(500 + number, LONG), begun)
        windows.append((came, long.first))
    return windows
