"""A context whose next token depends on all tokens that a sequence holds: a mistake with sequences changes the text."""

from __future__ import annotations

import random
import zlib
from array import array
from collections.abc import Sequence

from inference.batching.contract import Chosen, DecodeFailed, NoRoom, Row, Sampling

VOCABULARY, END = 200, 199


def next_token(tokens: Sequence[int]) -> int:
    """Nine times in ten what followed the same token before."""
    at = zlib.crc32(array("i", tokens).tobytes())
    if at % 10:
        for at_before in range(len(tokens) - 2, -1, -1):
            if tokens[at_before] == tokens[-1]:
                return tokens[at_before + 1]
    return END if at % 100 == 0 else at % (VOCABULARY - 1)


def expected(prompt: Sequence[int], most: int) -> list[int]:
    tokens = list(prompt)
    while len(tokens) - len(prompt) < most and (token := next_token(tokens)) != END:
        tokens.append(token)
    return tokens[len(prompt) :]


class ToySampler:
    def __init__(self, context: ToyContext) -> None:
        self._context = context
        context.samplers += 1

    def sample(self, row: int) -> Chosen:
        return Chosen(next_token(self._context.logits[row]))

    def close(self) -> None:
        self._context.samplers -= 1


class ToyContext:
    def __init__(self, *, sequences: int = 6, sequence_tokens: int = 400, batch_tokens: int = 64) -> None:
        self.sequences, self.sequence_tokens, self.batch_tokens = sequences, sequence_tokens, batch_tokens
        self.granule = 4
        self.held: list[list[int]] = [[] for _ in range(sequences)]
        self.logits: dict[int, list[int]] = {}
        self.latest: list[int] = []  # the sequences of the latest batch's rows
        self.samplers = self.computed = self.batches = 0
        self.can_truncate = True
        self.trouble: random.Random | None = None

    def decode(self, rows: Sequence[Row]) -> None:
        assert 0 < len(rows) <= self.batch_tokens
        if self.trouble and self.trouble.random() < 0.02:
            raise NoRoom
        if self.trouble and self.trouble.random() < 0.002:
            self.held[0].append(7)
            raise DecodeFailed("-3")
        self.logits = {}
        self.latest = [row.sequence for row in rows]
        self.batches += 1
        self.computed += len(rows)
        for index, row in enumerate(rows):
            held = self.held[row.sequence]
            assert row.position == len(held) < self.sequence_tokens, "a hole, or too long"
            held.append(row.token)
            if row.wants_logits:
                self.logits[index] = list(held)

    def truncate(self, sequence: int, length: int) -> bool:
        if length and not self.can_truncate:
            return False
        del self.held[sequence][length:]
        return True

    def copy(self, source: int, target: int, length: int) -> bool:
        if not self.can_truncate and length < len(self.held[source]):
            return False
        self.held[target] = self.held[source][:length]
        return True

    def clear(self) -> None:
        for held in self.held:
            held.clear()

    def sampler(self, sampling: Sampling) -> ToySampler:
        return ToySampler(self)

    def piece(self, token: int) -> bytes:
        return f"{token} ".encode()

    def is_end(self, token: int) -> bool:
        return token == END
