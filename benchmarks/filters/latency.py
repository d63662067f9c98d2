"""What rules about content cost an answer.

    python -m benchmarks.filters.latency [--quick] [--only first|throughput] [--rounds N] [--model FILE]

Goals: computing adds under 15 ms to the first text and under 3 % to throughput; the delay of the hold-back window is
told apart. The same processes answer with and without rules by turns, so that what else the machine does meets both;
before each change of rules the web process has a second to notice it. Differences are of rounds that follow each other,
with the bounds of 95 % (bootstrap over rounds).

- first: the set-up of benchmarks.web, with retrieval, over the page's socket; 1 turn, and 20 in the same moment.
  *computing* is processor time of the web process for each turn until the last of them has its first text, with rules
  on questions and passages (all kinds) less that without rules; with many turns it holds some of what those do that
  write already. *first text* is what people wait. *hold-back* is what rules on answers add to that: such an answer
  waits for some of its own text by design, here for as long as the double takes to write it.
- throughput: a local engine with random weights in the shape of a real model of half a billion writes --streams answers
  side by side, over the API. Words of all answers a second, from the asking to the last text of all; prompts are
  read before. The model wants the processors for itself: on a busy machine this takes very long.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import mean, median
from typing import Any

import numpy as np

from benchmarks.filters import throughput
from benchmarks.model_file import random_model
from benchmarks.running import Running
from benchmarks.web import Bench, People, provider

_ROUNDS, _QUICK = {1: 40, 20: 12}, {1: 8, 20: 3}
_WRITING, _WRITING_QUICK = 8, 3  # rounds of throughput
_MOST = 20
_NOTICED_S = 1.3  # a process keeps rules for a second
_RESAMPLES = 2000
_WHOLE = ("toxicity", "self_harm", "jailbreak", "harmful")
_PIECES = ("email", "phone", "card", "iban", "us_ssn", "ip_address", "secret", "hidden_text")
_ASKED: dict[str, Sequence[str]] = {"question": (*_WHOLE, *_PIECES), "passages": ("injection", *_PIECES)}
SETS: dict[str, dict[str, Sequence[str]]] = {
    "no rules": {},
    "questions and passages": _ASKED,
    "answers too": _ASKED | {"answer": ("toxicity", *_PIECES)},
}


def rule(name: str) -> None:
    """From here on these rules hold, and no others."""
    from chatapp.safety.models import FilterRule

    FilterRule.objects.all().delete()
    FilterRule.objects.bulk_create(
        FilterRule(what=kind, where=where, action="warn") for where, kinds in SETS[name].items() for kind in kinds
    )
    time.sleep(_NOTICED_S)


def alternating(rounds: int, work: Callable[[], Any], names: Sequence[str]) -> dict[str, list[Any]]:
    """What `work` gives under each of the rules, one after the other; each goes first as often."""
    found: dict[str, list[Any]] = {name: [] for name in names}
    for number in range(rounds + 1):
        for at in range(len(names)):
            rule(name := names[(at + number) % len(names)])
            outcome = work()
            if number:  # the first round reads passages for the first time
                found[name].append(outcome)
    return found


def bounds(differences: Sequence[float]) -> tuple[float, float]:
    drawn = np.random.default_rng(0).choice(np.array(differences), (_RESAMPLES, len(differences)))
    low, high = np.quantile(drawn.mean(axis=1), (0.025, 0.975))
    return float(low), float(high)


def first_text(bench: Bench, turns: int, rounds: int) -> None:
    def work() -> dict[str, float]:
        outcome = bench.round("websocket", turns)
        first = [one["first_ms"] for one in outcome["turns"]]
        cpu = {key: outcome[f"{key}_s"] / turns * 1000 for key in ("cpu", "cpu_until_first")}
        return cpu | {"first": median(first), "all": max(one["total_ms"] for one in outcome["turns"])}

    found = alternating(rounds, work, list(SETS))
    for name, rows in found.items():
        first, until, whole, end = (
            mean(row[key] for row in rows) for key in ("first", "cpu_until_first", "cpu", "all")
        )
        print(
            f"  {turns:2} turns  {name:24} first text {first:7.1f} ms  computing until then {until:6.1f} ms a turn"
            f"  in all {whole:6.1f}  all text {end / 1000:.2f} s",
            flush=True,
        )
    plain, asked, answers = found.values()
    _tell(f"{turns:2} turns  computing added", "ms a turn, goal 15", asked, plain, "cpu_until_first")
    _tell(f"{turns:2} turns  wait for first text added", "ms", asked, plain, "first")
    _tell(f"{turns:2} turns  hold-back, by rules on answers", "ms", answers, asked, "first")


def _tell(what: str, unit: str, some: Sequence[dict[str, float]], less: Sequence[dict[str, float]], key: str) -> None:
    added = [one[key] - other[key] for one, other in zip(some, less, strict=True)]
    low, high = bounds(added)
    print(f"  {what:48} {mean(added):7.1f} {unit} ({low:.1f} to {high:.1f})", flush=True)


def report_first(rounds: dict[int, int]) -> None:
    print("first text, with an endpoint that costs nothing:")
    with provider() as port:
        endpoint = {"INFERENCE_API_BASE_URL": f"http://127.0.0.1:{port}/v1", "INFERENCE_API_MODEL": "double"}
        with _prepared(endpoint) as (footnote, people):
            bench = Bench(footnote, people, 1)
            for turns, number in rounds.items():
                first_text(bench, turns, number)


def report_throughput(model: Path, rounds: int, streams: int) -> None:
    print(f"throughput, {model.name}, {streams} answers side by side:")
    with _prepared(throughput.SETTINGS) as (footnote, people):
        throughput.add_model(footnote, model)
        keys = people.secrets["api"][:streams]
        people.read(False)
        throughput.warm(footnote.port, keys)
        found = alternating(rounds, lambda: throughput.rate(footnote.port, keys), ["no rules", "answers too"])
    for name, rates in found.items():
        print(f"  {name:24} {median(rates):6.1f} words a second (of {', '.join(f'{one:.1f}' for one in rates)})")
    plain, ruled = found.values()
    lost = [100 * (1 - with_rules / without) for with_rules, without in zip(ruled, plain, strict=True)]
    low, high = bounds(lost)
    print(f"  {'throughput lost':48} {mean(lost):7.1f} %, goal 3 ({low:.1f} to {high:.1f})", flush=True)


@contextmanager
def _prepared(settings: dict[str, str]) -> Iterator[tuple[Running, People]]:
    """A Footnote of its own, with askers who read the sample collection."""
    with tempfile.TemporaryDirectory(prefix="fn-bench-") as folder:
        footnote = Running(Path(folder), settings)
        try:
            footnote.start()
            people = People(footnote.var, _MOST)
            people.read(True)
            yield footnote, people
        finally:
            footnote.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few rounds: some minutes, with wide bounds")
    parser.add_argument("--only", choices=["first", "throughput"], help="one of the two")
    parser.add_argument("--rounds", type=int, help="of each, instead of the usual number")
    parser.add_argument("--streams", type=int, default=4, help="answers that the local engine writes side by side")
    parser.add_argument("--model", type=Path, help="a GGUF file; by default random weights, made once")
    parser.add_argument("--cache", type=Path, default=Path("var/benchmark"))
    given = parser.parse_args()
    first = _QUICK if given.quick else _ROUNDS
    if given.only != "throughput":
        report_first({turns: given.rounds or number for turns, number in first.items()})
    if given.only != "first":
        model = given.model or random_model(given.cache, threads=os.cpu_count() or 1)
        rounds = given.rounds or (_WRITING_QUICK if given.quick else _WRITING)
        report_throughput(model.resolve(), rounds, given.streams)


if __name__ == "__main__":
    main()
