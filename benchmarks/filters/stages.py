"""The stages that are compared: a list of words, plain rules, letters alone, letters and meaning."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.filters.learning import Embed
from benchmarks.filters.sets import Row
from chatapp.safety.learned.heads import Heads
from chatapp.safety.learned.judging import Look, meant, spelled
from chatapp.safety.learned.phrases import orders
from chatapp.safety.learned.views import views
from chatapp.safety.words import word_filter

Finds = Callable[[Sequence[Row]], list[bool]]


@dataclass(frozen=True, slots=True)
class Stage:
    name: str
    finds: Finds


def word_list(data: Path) -> Stage:
    words = word_filter("words", (data / "filter-wordlist" / "en.txt").read_text().splitlines())
    return Stage("word list", lambda rows: [bool(words.find(row.text)) for row in rows])


def plain_rules() -> Stage:
    return Stage("plain rules", lambda rows: [any(map(orders, views(row.text))) for row in rows])


def letters(heads_of: Callable[[Row], Heads], kinds: Sequence[str]) -> Stage:
    return Stage("letters alone", lambda rows: [bool(spelled(heads_of(row), row.text, kinds)) for row in rows])


def meaning(heads_of: Callable[[Row], Heads], kinds: Sequence[str], embed: Embed) -> Stage:
    def finds(rows: Sequence[Row]) -> list[bool]:
        looks = [Look.at(row.text) for row in rows]
        vectors = embed([text for look in looks for text in look.embedded])
        ends = np.cumsum([len(look.embedded) for look in looks])
        parts = np.split(vectors, ends[:-1])
        return [
            bool(meant(heads_of(row), look, part if len(part) else None, kinds))
            for row, look, part in zip(rows, looks, parts, strict=True)
        ]

    return Stage("letters and meaning", finds)


def milliseconds_a_kilobyte(stage: Stage, rows: Sequence[Row]) -> float:
    """One text after the other, as they come."""
    kilobytes = sum(len(row.text.encode()) for row in rows) / 1000
    begun = time.perf_counter()
    for row in rows:
        stage.finds([row])
    return (time.perf_counter() - begun) * 1000 / kilobytes
