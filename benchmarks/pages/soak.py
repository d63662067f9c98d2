"""An hour of streaming in one page: whether its memory is steady.

Answers come at 200 tokens a second, one after another: for five minutes in one conversation, for the next five each in
a new one. After each five minutes a new chat is opened, what nobody holds is collected, and the same empty page is
measured each time. What is left of the hour lies in the slope of these samples.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from statistics import linear_regression
from typing import Any

from benchmarks.pages.answering import TOKENS_PER_S, ask, open_page, start_new, stream
from benchmarks.pages.probe import Memory, Probe
from benchmarks.pages.texts import pieces

ANSWER_S = 20
CYCLE_S = 300


def hour_of_streaming(context: Any, seconds: int = 3600) -> Iterator[tuple[str, str]]:
    page = open_page(context)
    probe = Probe(page)
    begun = time.monotonic()
    samples: list[tuple[float, Memory]] = []
    start_new(page)
    yield "before", str(probe.memory())
    for cycle in range(seconds // CYCLE_S):
        together = cycle % 2 == 0
        _answers(page, together)
        full = probe.memory()
        start_new(page)
        empty = probe.memory()
        samples.append(((time.monotonic() - begun) / 3600, empty))
        kind = "one conversation" if together else "a new chat each"
        yield f"after {samples[-1][0] * 60:.0f} minutes ({kind})", f"{empty} (before the new chat: {full})"
    page.close()
    yield from _slopes(samples)


def _answers(page: Any, together: bool) -> None:
    """Of every kind of text, for as long as one cycle takes."""
    text = pieces(ANSWER_S * TOKENS_PER_S)
    for _ in range(CYCLE_S // ANSWER_S):
        ask(page)
        stream(page, text, TOKENS_PER_S)
        if not together:
            start_new(page)


def _slopes(samples: list[tuple[float, Memory]]) -> Iterator[tuple[str, str]]:
    """An hour of it; the first sample is left out: it holds what is loaded on first use."""
    hours = [at for at, _ in samples[1:]]
    if len(hours) < 2:
        return
    for label, values in (
        ("slope of the heap", [one.heap for _, one in samples[1:]]),
        ("slope of the nodes", [float(one.nodes) for _, one in samples[1:]]),
        ("slope of the listeners", [float(one.listeners) for _, one in samples[1:]]),
    ):
        slope = linear_regression(hours, values).slope
        yield label, f"{slope:+.2f} an hour"
