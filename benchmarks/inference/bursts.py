"""Many answers that are asked for at once."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.inference.contenders import llama_server, ours, serial
from benchmarks.inference.load import Contender, Shape, Stream, burst
from benchmarks.inference.table import line, ratio

SHORT_OF_LONG = Shape(prompt=128, new=256)
SHARED = 256


@dataclass(frozen=True)
class Machine:
    model: Path
    threads: int
    server: Path | None  # llama.cpp's own
    rounds: int


@dataclass
class Scheduling:
    """Seconds of all steps, over the whole run."""

    steps: float = 0.0
    own: float = 0.0
    decode: float = 0.0

    def add(self, text: str) -> None:
        self.steps += _sum(text, "footnote_model_step_seconds_sum")
        self.own += _sum(text, "footnote_model_scheduler_seconds_total")
        self.decode += _sum(text, "footnote_model_decode_seconds_total")


@dataclass
class Bursts:
    machine: Machine
    scheduling: Scheduling = field(default_factory=Scheduling)

    def compare(self, counts: Sequence[int]) -> None:
        """Without and with a shared start, beside serial answers without one."""
        for count in counts:
            print(f"{count} streams, 512 + 64 tokens, all at once")
            plain = self._rounds(count, Shape())
            self._print(plain, plain["serial"])
            print(f"{count} streams, 512 + 64 tokens, {SHARED} of them shared by all; against serial without that")
            self._print(self._rounds(count, Shape(shared=SHARED)), plain["serial"])

    def decode_heavy(self, count: int) -> None:
        print(f"{count} streams, {SHORT_OF_LONG.prompt} + {SHORT_OF_LONG.new} tokens, all at once")
        done = self._rounds(count, SHORT_OF_LONG)
        self._print(done, done["serial"])

    def _rounds(self, count: int, shape: Shape) -> dict[str, list[list[Stream]]]:
        """Contenders take turns, so that what else the machine does meets all of them."""
        done: dict[str, list[list[Stream]]] = defaultdict(list)
        machine = self.machine
        for _ in range(machine.rounds):
            done["serial"].append(serial(machine.model, count, machine.threads, shape))
            with ours(machine.model, count, machine.threads) as contender:
                done["ours"].append(asyncio.run(burst(contender, count, shape)))
                self.scheduling.add(asyncio.run(_metrics(contender)))
            if machine.server is not None:
                with llama_server(machine.server, machine.model, count, machine.threads) as contender:
                    done["server"].append(asyncio.run(burst(contender, count, shape)))
        return done

    @staticmethod
    def _print(done: dict[str, list[list[Stream]]], alone: list[list[Stream]]) -> None:
        server = done.get("server")
        same = done["serial"] is alone
        print(line("llama-cpp-python, serial", done["serial"], None if same else ratio(done["serial"], alone), None))
        if server:
            print(line("llama.cpp's server", server, ratio(server, alone), None))
        against = ratio(done["ours"], server) if server else None
        print(line("Footnote's model service", done["ours"], ratio(done["ours"], alone), against), flush=True)


async def _metrics(contender: Contender) -> str:
    async with contender.client() as client:
        return (await client.get(contender.metrics)).text


def _sum(text: str, name: str) -> float:
    return sum(
        float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith((f"{name}{{", f"{name} "))
    )
