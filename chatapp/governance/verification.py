"""Whether the audit trail is what was written down: nothing changed, removed, put in or moved."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from chatapp.errors import Invalid
from chatapp.governance import chain
from chatapp.governance.chain import GENESIS, Head, hash_of
from chatapp.governance.models import AuditEntry

_BATCH = 1000
_MOST_FAULTS = 100


@dataclass(frozen=True, slots=True)
class Fault:
    sequence: int
    entry: int | None  # its row; None: it is not there
    what: str

    def __str__(self) -> str:
        row = f" (row {self.entry})" if self.entry is not None else ""
        return f"Line {self.sequence}{row} {self.what}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`unchained`: lines whose transactions ended just now."""

    lines: int
    unchained: int
    head: Head
    faults: tuple[Fault, ...]

    @property
    def sound(self) -> bool:
        return not self.faults


def verify(known: Head | None = None) -> Verdict:
    """`known`: the end of the chain as it was noted earlier, so that lines which were cut off are missed."""
    chain.chain_all(patient=True)
    faults: list[Fault] = []
    lines, seen = 0, Head(0, GENESIS)
    wanted = known
    for entry in _lines():
        lines += 1
        faults += _faults_of(entry, seen)
        seen = Head(entry.sequence or 0, entry.hash or "")
        if wanted and seen.sequence == wanted.sequence:
            if seen.hash != wanted.hash:
                faults.append(Fault(seen.sequence, entry.pk, "is not the line that was noted as the end of the trail."))
            wanted = None
        if len(faults) >= _MOST_FAULTS:
            break
    else:
        if wanted and wanted.sequence:
            first = seen.sequence + 1
            faults.append(Fault(first, None, f"and all that follow, up to {wanted.sequence} at least, were cut off."))
    return Verdict(lines, AuditEntry.objects.filter(hash=None).count(), seen, tuple(faults[:_MOST_FAULTS]))


def parse_head(text: str) -> Head:
    """Raises Invalid."""
    number, _, digest = text.strip().partition(":")
    if not number.isdecimal() or len(number) > 18 or len(digest) != len(GENESIS):
        raise Invalid("This is not the end of a trail.", advice="Give what `audit verify` printed: NUMBER:HASH.")
    return Head(int(number), digest)


def _lines() -> Iterator[AuditEntry]:
    """In the order of the chain, a batch at a time."""
    after = -(2**63)
    while batch := list(AuditEntry.objects.filter(sequence__gt=after).order_by("sequence")[:_BATCH]):
        yield from batch
        after = batch[-1].sequence or 0


def _faults_of(entry: AuditEntry, before: Head) -> Iterator[Fault]:
    sequence = entry.sequence or 0
    if sequence == before.sequence + 2:
        yield Fault(before.sequence + 1, None, "was removed.")
    elif sequence > before.sequence + 2:
        yield Fault(before.sequence + 1, None, f"and those up to {sequence - 1} were removed.")
    elif entry.previous_hash != before.hash:
        yield Fault(sequence, entry.pk, "does not follow the line before it: one of the two was changed or moved.")
    if hash_of(entry, sequence, entry.previous_hash or "") != entry.hash:
        yield Fault(sequence, entry.pk, "was changed, or moved to another place.")
