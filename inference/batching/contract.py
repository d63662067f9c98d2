"""What the scheduler needs of a model, and what it is asked for. No llama.cpp here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from inference.engine import Progress
from inference.errors import InferenceError

Reason = Literal["stop", "length", "cancelled", "deadline"]


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are chosen; names and meanings are those of OpenAI's API and of llama.cpp."""

    max_tokens: int = 512
    temperature: float = 0.2
    top_p: float = 0.95
    top_k: int = 40
    min_p: float = 0.0
    seed: int = 0
    stop: tuple[str, ...] = ()
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    repeat_penalty: float = 1.0
    logit_bias: tuple[tuple[int, float], ...] = ()
    top_logprobs: int | None = None  # None: no log probabilities
    grammar: str = ""  # GBNF


@dataclass(frozen=True, slots=True)
class Row:
    """One token of a batch."""

    token: int
    position: int
    sequence: int
    wants_logits: bool


@dataclass(frozen=True, slots=True)
class Chosen:
    """A sampled token; log probabilities are natural logarithms over the whole vocabulary."""

    token: int
    logprob: float | None = None
    alternatives: tuple[tuple[int, float], ...] = ()


class NoRoom(Exception):
    """The keys and values of a batch found no place; nothing changed."""


class DecodeFailed(Exception):
    """llama.cpp refused a batch: what the context holds is unknown."""


class Sampler(Protocol):
    def sample(self, row: int) -> Chosen:
        """From the logits of a row of the latest batch; the token counts as accepted."""

    def close(self) -> None: ...


class DecodingContext(Protocol):
    """Keys and values of several sequences. One thread owns it."""

    sequences: int
    sequence_tokens: int  # the most that one sequence can hold
    batch_tokens: int  # the most rows of one batch
    granule: int  # so many rows are computed together: one row less is not faster

    def decode(self, rows: Sequence[Row]) -> None:
        """Raises NoRoom or DecodeFailed."""

    def truncate(self, sequence: int, length: int) -> bool:
        """Forgets what a sequence holds behind `length`; False when the model's memory cannot do that."""

    def copy(self, source: int, target: int, length: int) -> bool:
        """`target` then holds the first `length` tokens of `source`, and nothing else; False when it cannot."""

    def clear(self) -> None:
        """Forgets all sequences."""

    def sampler(self, sampling: Sampling) -> Sampler:
        """Raises BadRequest for a grammar that is none."""

    def piece(self, token: int) -> bytes: ...

    def is_end(self, token: int) -> bool: ...


@dataclass(eq=False, slots=True)
class Request:
    """One answer that is asked for. `user` is for fairness; `cache_key` names those who may share computed prompts."""

    prompt: list[int]
    sampling: Sampling
    user: str = ""
    cache_key: str = ""
    public_tokens: int = 0  # so many at the start of the prompt are the same for everybody, and shared with everybody
    deadline: float = math.inf  # on the scheduler's clock
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Piece:
    """Text of one or more tokens; `tokens` carries log probabilities where they were asked for."""

    text: str
    tokens: tuple[TokenText, ...] = ()


@dataclass(frozen=True, slots=True)
class TokenText:
    piece: bytes
    logprob: float
    alternatives: tuple[tuple[bytes, float], ...]


@dataclass(frozen=True, slots=True)
class Ended:
    reason: Reason
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    drafted_tokens: int = 0
    accepted_tokens: int = 0  # of the drafted ones


Event = Piece | Progress | Ended | InferenceError
Events = list[tuple[Request, Event]]


@dataclass(slots=True)
class StepReport:
    """What one step did; seconds are wall-clock."""

    decoding: int = 0  # streams that gained a token
    prompt_rows: int = 0
    rows: int = 0
    decode_s: float = 0.0
    sample_s: float = 0.0
    total_s: float = 0.0
    queued: int = 0
    active: int = 0
    held_tokens: int = 0  # whose keys and values are kept
    events: Events = field(default_factory=list)
