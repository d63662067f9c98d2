"""Many streams from one model: the model service beside llama-cpp-python's own API and llama.cpp's own server.

    python -m benchmarks.inference [--quick] [--streams 1 4 8 16] [--model FILE] [--threads 2]

One run, one file: random weights in the shape of a real model of half a billion weights, unless another is given.
Prompts arrive all at once. Both services are asked over HTTP by another process, so that this cost is in the figures;
"serial" answers the same requests one after the other with `llama_cpp.Llama`, in a process of its own, without HTTP.
Ratios of one run count: machines are noisy. Random weights repeat themselves, so prompt lookup is off but where it is
what is measured.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

from benchmarks.inference import contenders
from benchmarks.inference.bursts import Bursts, Machine
from benchmarks.inference.llama_server import server_binary
from benchmarks.inference.load import Shape
from benchmarks.inference.long_prompt import long_prompts
from benchmarks.inference.quoting import quoting
from benchmarks.inference.table import HEAD
from benchmarks.model_file import random_model

_SECTIONS = ("bursts", "decode", "long", "quoting")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--quick", action="store_true", help="8 streams alone, one round: minutes instead of half an hour"
    )
    parser.add_argument("--streams", type=int, nargs="+", default=None)
    parser.add_argument("--rounds", type=int, default=None, help="how often each is measured; medians are printed")
    parser.add_argument("--only", choices=_SECTIONS, nargs="+", default=_SECTIONS)
    parser.add_argument("--model", type=Path, help="a GGUF file whose tokens are bytes; by default random weights")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--cache", type=Path, default=Path("var/benchmark"))
    _add_inner(parser)
    given = parser.parse_args()
    if given.serve:
        return contenders.serve(
            given.serve, given.model, (given.streams or [1])[0], given.threads, given.context, given.inter_token
        )
    if given.serial:
        return contenders.run_serial(given.model, given.serial, given.threads, Shape(**json.loads(given.shape)))
    return report(given)


def _add_inner(parser: argparse.ArgumentParser) -> None:
    """How this module starts itself in a process of its own."""
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--context", type=int, default=1024, help=argparse.SUPPRESS)
    parser.add_argument("--inter-token", type=float, default=0.25, help=argparse.SUPPRESS)
    parser.add_argument("--serial", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--shape", help=argparse.SUPPRESS)


def report(given: argparse.Namespace) -> None:
    model = given.model or random_model(given.cache, threads=given.threads)
    rounds = given.rounds or (1 if given.quick else 3)
    server = server_binary(given.cache) if set(given.only) != {"quoting"} else None
    machine = Machine(model, given.threads, server, rounds)
    bursts = Bursts(machine)
    print(f"{model.name}, {given.threads} threads, {rounds} round{'s' if rounds > 1 else ''}")
    if "bursts" in given.only or "decode" in given.only:
        print(HEAD)
    if "bursts" in given.only:
        bursts.compare(given.streams or ([8] if given.quick else [1, 4, 8, 16]))
    if "decode" in given.only:
        bursts.decode_heavy(16)
    if cost := bursts.scheduling.steps:
        own = bursts.scheduling
        print(f"the scheduler's own cost: {own.own / cost:.2%} of its steps (llama_decode: {own.decode / cost:.1%})")
    if "long" in given.only:
        long_prompts(machine)
    if "quoting" in given.only:
        quoting(machine)


if __name__ == "__main__":
    main()
