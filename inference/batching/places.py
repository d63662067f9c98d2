"""Which sequence of the context a stream works in, and what of its prompt is there already."""

from __future__ import annotations

from collections.abc import Sequence

from inference.batching.contract import DecodingContext
from inference.batching.layout import Batch
from inference.batching.sequences import LEAST_SHARED, Held, Match, Sequences, common_with
from inference.batching.stream import Stream

_LITTLE = 8  # the part of a sequence that may be lost to save another one


class Places:
    def __init__(self, context: DecodingContext, sequences: Sequences) -> None:
        self._context, self.sequences = context, sequences
        self.takes_back = True  # a draft that was wrong, at the price of its own rows
        self.fills = True  # gaps between sequences, with rows that are forgotten again

    def give(self, stream: Stream, active: Sequence[Stream]) -> None:
        """A sequence with as much of its prompt as is there already."""
        request = stream.request
        match = self.sequences.best_match(stream.tokens, request.cache_key, request.public_tokens)
        held = self._sequence_for(match)
        held.busy, held.cache_key, held.public_tokens = True, request.cache_key, request.public_tokens
        self.sequences.touch(held)
        stream.held = held
        if match is None:
            self.forget(held, 0)
        elif match.held is held:
            self.forget(held, match.length)
        else:
            self._copy(match, held)
        self._find_leader(stream, active)

    def _sequence_for(self, match: Match | None) -> Held:
        """The matching one itself when it is idle and little of it is lost; else another, to which it is copied."""
        if match is not None and not match.held.busy:
            lost = len(match.held.tokens) - match.length
            if lost <= max(LEAST_SHARED, match.length // _LITTLE):
                return match.held
        held = self.sequences.free(keep=match.held if match else None)
        if held is None:
            raise RuntimeError("more streams than sequences")
        return held

    def _copy(self, match: Match, target: Held) -> None:
        self.sequences.touch(match.held)
        if self._context.copy(match.held.number, target.number, match.length):
            target.tokens = match.held.tokens[: match.length]
        else:
            self.forget(target, 0)

    def forget(self, held: Held, length: int) -> None:
        """Drops what a sequence holds behind `length`, or all of it where the model's memory cannot do that."""
        if len(held.tokens) <= length:
            return
        if length and not self._context.truncate(held.number, length):
            self.takes_back = False  # a recurrent model: a draft that is wrong would cost the whole prompt
            length = 0
        if not length:
            self._context.truncate(held.number, 0)
        del held.tokens[length:]

    def _find_leader(self, stream: Stream, active: Sequence[Stream]) -> None:
        """When a prompt with the same start is being computed now, waiting for it is shorter than doing it twice."""
        for other in active:
            if not other.reads:
                continue
            shared = common_with(other.tokens, other.request, stream.tokens[:-1], stream.request)
            if shared >= max(len(stream.held.tokens), len(other.held.tokens)) + LEAST_SHARED:
                stream.leader, stream.shared = other, shared
                return

    def follows(self, stream: Stream, active: Sequence[Stream]) -> bool:
        """Whether the stream still waits for its leader; once that is far enough, its start is copied."""
        leader = stream.leader
        if leader is None:
            return False
        if leader in active and len(leader.held.tokens) < stream.shared:
            return True
        stream.leader = None
        request = stream.request
        match = self.sequences.best_match(stream.tokens, request.cache_key, request.public_tokens)
        if match is not None and match.length > len(stream.held.tokens):
            self.forget(stream.held, 0)
            self._copy(match, stream.held)
            stream.cached = max(stream.cached, len(stream.held.tokens))
        return False

    def hold(self, batch: Batch) -> None:
        fillers = {held.number for held in batch.fillers}
        for row in batch.rows:
            if row.sequence not in fillers:
                self.sequences.all[row.sequence].tokens.append(row.token)
        for held in batch.fillers:
            if not self._context.truncate(held.number, len(held.tokens)):
                self.fills = False  # a recurrent model cannot forget one token alone
                self._context.truncate(held.number, 0)
                held.tokens.clear()
