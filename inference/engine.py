"""The contract of everything that writes answers. No Django here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

Role = Literal["system", "user", "assistant"]
Task = Literal["answer", "talk", "program"]  # from passages; without any; for a program


@dataclass(frozen=True, slots=True)
class ChatMessage:
    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Source:
    """A passage that the answer may cite as [number]."""

    number: int
    document: str
    text: str
    heading: str = ""
    page: int | None = None
    score: float = 0.0  # fused retrieval score, 0..1
    confidence: float | None = None  # that the documents answer the question at all, 0..1; None: not known
    before: str = ""  # what the document says just before and after the passage, for models
    after: str = ""


@dataclass(frozen=True, slots=True)
class Generation:
    """One request for text."""

    turn_id: str  # correlates logs across processes
    question: str
    messages: tuple[ChatMessage, ...]  # the whole prompt, system first
    sources: tuple[Source, ...] = ()
    asker: str = ""  # for fair turns in our own model service; not sent elsewhere
    in_house: bool = False  # the sources may not leave the house: engines outside are left out
    route: str = ""  # by name; "": the default one
    prefers: str = ""  # an engine's name: it is asked first, where the route may ask it for this question
    task: Task = "answer"
    groups: frozenset[int] = frozenset()  # of the asker; routes may ask for them
    written: str = ""  # text of this answer that was already shown: go on from there
    max_tokens: int = 700
    temperature: float = 0.2
    stop: tuple[str, ...] = ()
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class TextPiece:
    text: str


@dataclass(frozen=True, slots=True)
class Writer:
    """From here on this engine writes. `note` is for people: why it took over."""

    engine: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """Still before the first token: the position in the queue, or how much of the prompt was read.

    `queue_position` is how many requests the engine answers before this one, the one it is answering now included:
    0 once it is this one's turn, None when the engine does not say. Frames of the turn carry it unchanged.
    """

    queue_position: int | None = None
    prompt_tokens_read: int = 0
    prompt_tokens: int = 0
    expected_s: float | None = None  # until it is this one's turn, where the engine can tell


@dataclass(frozen=True, slots=True)
class Usage:
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0  # of the prompt: read for an answer before this one


@dataclass(frozen=True, slots=True)
class Finish:
    reason: Literal["stop", "length"]
    usage: Usage | None = None


Piece = TextPiece | Writer | Progress | Finish


class Engine(Protocol):
    @property
    def name(self) -> str:
        """As shown to people, e.g. "local: qwen2.5-3b", "api: gpt-5-mini", "extractive"."""

    @property
    def outside(self) -> bool:
        """Whether what it is given leaves the house."""

    def stream(self, request: Generation) -> AsyncIterator[Piece]:
        """Yield TextPiece and Progress, end with Finish. Closing the iterator stops the engine at once.

        Raises EngineBusy, EngineUnavailable, ContextTooLong, QuestionRefused.
        """

    async def health(self) -> str:
        """'' when it can answer, else a sentence that says what is missing."""


# What the extractive engine needs of an embedder, filled by chatapp: texts -> (n, dimension) float32, unit rows.
Embed = Callable[[Sequence[str]], Awaitable[npt.NDArray[np.float32]]]
