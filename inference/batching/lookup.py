"""Prompt-lookup decoding: an answer that quotes its sources goes on as they do.

Saxena, "Prompt Lookup Decoding" (2023). Drafted tokens are decoded in one batch with the one that is due, and each is
kept only if sampling chooses it too: what is written does not change, only how many steps it takes.
"""

from __future__ import annotations

_NGRAM = 3
_FIRST, _LONGEST = 3, 11  # with the token that is due, four rows at a time are computed best
_STEP = 4
_REST = 8  # tokens without drafts after a draft of which nothing was right


class PromptLookup:
    def __init__(self, tokens: list[int]) -> None:
        self._tokens: list[int] = []
        self._after: dict[tuple[int, ...], int] = {}  # n-gram -> where its latest occurrence ends
        self._length = _FIRST
        self._rest = 0
        self.extend(tokens)

    def extend(self, tokens: list[int]) -> None:
        for token in tokens:
            if len(self._tokens) >= _NGRAM:  # the n-gram before this token has a continuation now
                self._after[tuple(self._tokens[-_NGRAM:])] = len(self._tokens)
            self._tokens.append(token)
            self._rest = max(0, self._rest - 1)

    def draft(self, most: int) -> list[int]:
        """-> at most `most` tokens that may follow."""
        if self._rest or most < 1 or len(self._tokens) < _NGRAM:
            return []
        start = self._after.get(tuple(self._tokens[-_NGRAM:]))
        if start is None:
            return []
        return self._tokens[start : start + min(most, self._length)]

    def learn(self, drafted: int, accepted: int) -> None:
        if accepted == drafted:
            self._length = min(_LONGEST, self._length + _STEP)
        elif accepted == 0:
            self._length, self._rest = _FIRST, _REST
        else:
            self._length = max(_FIRST, accepted // _STEP * _STEP + _FIRST)
