"""How fast the context computes, as measured: what fits beside running streams, and how long one waits."""

from __future__ import annotations

_FIRST_SLICE = 128
_LEAST_SLICE = 32  # of fewer rows each takes longer, and more passes over the weights are needed
_AIM = 0.85  # of the target, so that nearly every step keeps it: steps of the same size differ by a tenth
_MOST_PATIENCE = 8.0
_FIRST_BEFORE_NEXT = 4.0  # who has seen nothing yet counts as so many who read on
_ENOUGH_ROWS = 32  # a smaller slice says little about the rate
_WEIGHT = 0.2


class Pace:
    def __init__(self, *, target_s: float, most: int) -> None:
        self._target_s, self._most = target_s, most
        self._rows_per_s: float | None = None  # of prompts
        self._decode_s: float | None = None  # of a batch without prompts
        self._service_s: float | None = None  # of a whole answer, in its slot

    def observe(self, decoding_rows: int, prompt_rows: int, seconds: float) -> None:
        if not prompt_rows:
            self._decode_s = _mixed(self._decode_s, seconds)
        elif prompt_rows >= _ENOUGH_ROWS:
            alone = max(seconds - (self._decode_s or 0.0), seconds / 4) if decoding_rows else seconds
            self._rows_per_s = _mixed(self._rows_per_s, prompt_rows / max(alone, 1e-6))

    def served(self, seconds: float) -> None:
        self._service_s = _mixed(self._service_s, seconds)

    def slice_tokens(self, decoding_rows: int, reading: int = 1) -> int:
        """Prompt tokens of the next batch: all that fit when nobody waits for a token.

        Each step costs a pass over the weights for the answers that are written, so these wait longer for each further
        prompt (`reading`) that waits for its first token, in proportion to their own number. At 512 + 64 tokens that
        is worth 5 to 8 % of the throughput of 8 or 16 streams that begin at once.
        """
        if not decoding_rows:
            return self._most
        if self._rows_per_s is None:
            return min(_FIRST_SLICE, self._most)
        patience = min(1.0 + _FIRST_BEFORE_NEXT * (reading - 1) / decoding_rows, _MOST_PATIENCE)
        left_s = _AIM * self._target_s * patience - (self._decode_s or 0.0)
        return max(min(_LEAST_SLICE, self._most), min(int(left_s * self._rows_per_s), self._most))

    def expected_wait_s(self, position: int, streams: int) -> float | None:
        """Until a request with so many before it is begun; None before any answer was written."""
        if self._service_s is None:
            return None
        return round(max(0, position - streams + 1) * self._service_s / streams, 1)


def _mixed(before: float | None, now: float) -> float:
    return now if before is None else before + _WEIGHT * (now - before)
