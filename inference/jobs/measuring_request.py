"""What a child is asked to measure. Apart from the measuring itself, which loads llama.cpp."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

MOST_TEXT_TOKENS = 4096


@dataclass(frozen=True, slots=True)
class Measuring:
    path: str
    text: str
    threads: int
    streams: int
    gpu_layers: int  # as the settings say; without a GPU they stay in the machine
    questions: list[str] = field(default_factory=list)
    keep: str = ""  # writes its distributions to this file
    against: str = ""  # and compares them with those in this one
    answers: list[dict[str, Any]] | None = None  # of the parent to the questions
    vocabulary: int = 0  # of the parent; another one cannot be compared
