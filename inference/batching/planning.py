"""What the next step computes: a token for each running stream, drafts, and slices of prompts in the room left."""

from __future__ import annotations

from collections.abc import Sequence

from inference.batching.contract import DecodingContext
from inference.batching.layout import Batch, Part, lay_out
from inference.batching.pace import Pace
from inference.batching.places import Places
from inference.batching.stream import Stream


class Planner:
    def __init__(self, context: DecodingContext, places: Places, pace: Pace) -> None:
        self._context, self._places, self._pace = context, places, pace

    def plan(self, active: Sequence[Stream]) -> tuple[Batch, list[Stream]]:
        """Every running stream gains a token; what room is left goes to prompts, first come first served."""
        running = [s for s in active if not s.reads]
        drafts = self._drafts(running)
        parts = [Part(s, s.pending, drafts.get(s, []), picks=True) for s in running]
        spare = self._context.batch_tokens - sum(len(part.tokens) + len(part.drafts) for part in parts)
        reading = [s for s in active if s.reads]
        budget = min(spare, self._pace.slice_tokens(len(running), len(reading)))
        slices: list[Stream] = []
        for stream in reading:
            if budget < 1:
                break
            if self._places.follows(stream, active):
                continue
            part = stream.pending[: self._slice(budget, stream.due, beside=bool(running))]
            budget -= len(part)
            parts.append(Part(stream, part, [], picks=len(part) == stream.due))
            slices.append(stream)
        granule = self._context.granule if self._places.fills and not slices else 0
        return lay_out(parts, self._places.sequences, granule=granule, most=self._context.batch_tokens), slices

    def _slice(self, budget: int, due: int, *, beside: bool) -> int:
        """Whole granules: the first row of a prompt is computed together with those of running streams."""
        if due <= budget or budget <= self._context.granule:
            return min(due, budget)
        return (budget - beside) // self._context.granule * self._context.granule + beside

    def _drafts(self, running: list[Stream]) -> dict[Stream, list[int]]:
        """Equally many for all or none: rows of some streams alone would be another pass over the weights."""
        found: dict[Stream, list[int]] = {}
        share = self._context.batch_tokens // max(len(running), 1) - 1
        for stream in running:
            draft = stream.draft(min(share, self._context.sequence_tokens - len(stream.tokens)))
            if not draft:
                return {}
            found[stream] = draft
        least = min(map(len, found.values()), default=0)
        return {stream: draft[:least] for stream, draft in found.items()}
