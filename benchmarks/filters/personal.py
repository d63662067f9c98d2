"""Personal data on sentences whose spans are known: a span counts as found where at least half of it and the one that
was told are the same, and their kinds are."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from time import perf_counter

from benchmarks.filters import sets
from benchmarks.filters.sets import Row
from chatapp.safety.hidden.as_seen import AsSeen
from chatapp.safety.personal.filtering import PersonalFilter
from chatapp.safety.spans import Span

_KINDS = {
    "EMAIL_ADDRESS": "email",
    "PHONE_NUMBER": "phone",
    "CREDIT_CARD": "card",
    "IBAN_CODE": "iban",
    "IP_ADDRESS": "ip_address",
    "US_SSN": "us_ssn",
    "DOMAIN_NAME": "url",
}
_NAMES = ("PERSON", "ORGANIZATION", "GPE", "STREET_ADDRESS")


def report(data: Path, split: str) -> None:
    rows = sets.labelled(data, "presidio-pii", split)
    looks = AsSeen(PersonalFilter(frozenset(_KINDS.values())))
    begun = perf_counter()
    found = [looks.find(row.text) for row in rows]
    cost = (perf_counter() - begun) * 1000 / (sum(len(row.text.encode()) for row in rows) / 1000)
    right, told, all_found = Counter[str](), Counter[str](), Counter[str]()
    for row, spans in zip(rows, found, strict=True):
        known = _known(row)
        told.update(span.kind for span in known)
        all_found.update(span.kind for span in spans)
        right.update(span.kind for span in known if any(_same(span, one) for one in spans))
    print(f"\npersonal data (presidio-research, {len(rows)} sentences), {cost:.2f} ms a kilobyte")
    for kind in [*_KINDS.values(), "all of these"]:
        together = kind == "all of these"
        hits, of, said = (one.total() if together else one[kind] for one in (right, told, all_found))
        precision, recall = hits / (said or 1), hits / (of or 1)
        f1 = 2 * hits / ((of + said) or 1)
        print(f"  {kind:14} {of:4}  precision {precision:.3f}  recall {recall:.3f}  F1 {f1:.3f}")
    names = Counter(span["type"] for row in rows for span in row.told["spans"] if span["type"] in _NAMES)
    listed = ", ".join(f"{count} {name.lower().replace('_', ' ')}" for name, count in names.items())
    print(f"  not looked for, recall 0: {listed}", flush=True)


def _known(row: Row) -> list[Span]:
    spans = [one for one in row.told["spans"] if one["type"] in _KINDS]
    return [Span(one["start"], one["end"], _KINDS[one["type"]]) for one in spans]


def _same(told: Span, found: Span) -> bool:
    shared = min(told.end, found.end) - max(told.start, found.start)
    return told.kind == found.kind and 2 * shared >= max(told.end - told.start, found.end - found.start)
