"""What each sequence of a context holds: who works in it, and what may be shared with the next prompt."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from inference.batching.contract import Request

Tokens = npt.NDArray[np.int32]
LEAST_SHARED = 16  # fewer tokens are computed faster than they are copied


@dataclass(eq=False)
class Held:
    number: int
    tokens: list[int] = field(default_factory=list)  # whose keys and values are there, in order
    cache_key: str = ""
    public_tokens: int = 0
    busy: bool = False
    used: int = 0  # on the table's own clock


@dataclass(frozen=True, slots=True)
class Match:
    held: Held
    length: int


class Sequences:
    def __init__(self, count: int) -> None:
        self.all = [Held(number) for number in range(count)]
        self._clock = 0

    @property
    def tokens(self) -> int:
        return sum(len(held.tokens) for held in self.all)

    def touch(self, held: Held) -> None:
        self._clock += 1
        held.used = self._clock

    def best_match(self, prompt: list[int], cache_key: str, public_tokens: int) -> Match | None:
        """The longest start of `prompt` that is held and may be shared; its last token is never counted.

        The logits of the last token are needed, so it is always computed.
        """
        wanted = np.asarray(prompt[:-1], dtype=np.int32)
        matches = [Match(held, self._shared(held, wanted, cache_key, public_tokens)) for held in self.all]
        best = max(matches, key=lambda match: (match.length, not match.held.busy, match.held.used))
        return best if best.length >= min(LEAST_SHARED, len(wanted)) and best.length else None

    @staticmethod
    def _shared(held: Held, wanted: Tokens, cache_key: str, public_tokens: int) -> int:
        most = len(wanted) if held.cache_key == cache_key else min(held.public_tokens, public_tokens)
        return common_length(np.asarray(held.tokens[:most], dtype=np.int32), wanted[:most])

    def free(self, *, keep: Held | None = None) -> Held | None:
        """The idle sequence that was used the longest ago, empty ones first; `keep` only if there is no other."""
        idle = [held for held in self.all if not held.busy]
        others = [held for held in idle if held is not keep] or idle
        return min(others, key=lambda held: (bool(held.tokens), held.used), default=None)

    def idle_with_tokens(self) -> list[Held]:
        return [held for held in self.all if held.tokens and not held.busy]


def common_with(tokens: list[int], by: Request, wanted: list[int], request: Request) -> int:
    """How much of `wanted` begins as what is being computed for another request, as far as that may be shared."""
    most = len(wanted) if by.cache_key == request.cache_key else min(by.public_tokens, request.public_tokens)
    return common_length(np.asarray(tokens[:most], dtype=np.int32), np.asarray(wanted[:most], dtype=np.int32))


def common_length(a: Tokens, b: Tokens) -> int:
    length = min(len(a), len(b))
    different = np.nonzero(a[:length] != b[:length])[0]
    return int(different[0]) if len(different) else length
