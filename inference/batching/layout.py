"""In which order the rows of a batch stand, and which are computed for nothing.

llama.cpp computes a batch in one pass only as far as its sequences have consecutive numbers, in that order, and equally
many rows (`llama_batch_allocr::split_equal`, with a buffer for each sequence). And its kernels for repacked weights
take four rows at a time: two or three cost twice as much as four. So rows are sorted, and sequences that nobody works
in fill gaps with a row that is forgotten afterwards.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from itertools import pairwise

from inference.batching.contract import Row
from inference.batching.sequences import Held, Sequences
from inference.batching.stream import Stream

_WIDEST_GAP = 3  # more rows for nothing cost as much as another pass
_ANY_TOKEN = 0


@dataclass(frozen=True, slots=True)
class Part:
    """What a stream has computed. With `picks` its last token chooses the next one, and each draft one more."""

    stream: Stream
    tokens: list[int]
    drafts: list[int]
    picks: bool


@dataclass(frozen=True, slots=True)
class Pick:
    """Rows of a batch whose logits choose a stream's next tokens."""

    stream: Stream
    row: int
    drafts: list[int]


@dataclass(slots=True)
class Batch:
    rows: list[Row] = field(default_factory=list)
    picks: list[Pick] = field(default_factory=list)
    fillers: list[Held] = field(default_factory=list)  # whose row is to be forgotten


def lay_out(parts: Collection[Part], sequences: Sequences, *, granule: int, most: int) -> Batch:
    """`granule` rows are computed together; 0: nothing may be filled in. `most` rows fit."""
    batch = Batch()
    of = {part.stream.held.number: part for part in parts}
    if granule:
        room = most - sum(len(part.tokens) + len(part.drafts) for part in parts)
        batch.fillers = [sequences.all[n] for n in _fillers(sorted(of), sequences, granule)[:room]]
    for number in sorted([*of, *(held.number for held in batch.fillers)]):
        if (part := of.get(number)) is not None:
            _add(batch, part)
        else:
            batch.rows.append(Row(_ANY_TOKEN, len(sequences.all[number].tokens), number, wants_logits=False))
    return batch


def _add(batch: Batch, part: Part) -> None:
    at, number = len(part.stream.held.tokens), part.stream.held.number
    first_wanted = len(part.tokens) - 1 if part.picks else len(part.tokens)
    if part.picks:
        batch.picks.append(Pick(part.stream, len(batch.rows) + first_wanted, part.drafts))
    for n, token in enumerate([*part.tokens, *part.drafts]):
        batch.rows.append(Row(token, at + n, number, wants_logits=n >= first_wanted))


def _fillers(numbers: list[int], sequences: Sequences, granule: int) -> list[int]:
    """Idle sequences between those that work, and beside them until the granule is full, if it is half full."""
    idle = {held.number for held in sequences.all if not held.busy}
    found: list[int] = []
    for before, after in pairwise(numbers):
        gap = range(before + 1, after)
        if len(gap) <= _WIDEST_GAP and idle.issuperset(gap):
            found += gap
    missing = -(len(numbers) + len(found)) % granule
    if numbers and 0 < missing <= granule // 2:
        after = numbers[-1] + 1
        beside = [n for n in range(after, after + missing) if n in idle]
        beside += [n for n in range(numbers[0] - missing + len(beside), numbers[0]) if n in idle]
        found += beside if len(beside) == missing else []
    return found
