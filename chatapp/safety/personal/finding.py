"""Personal data in a text, by patterns and check digits. Names and places are not looked for here."""

from __future__ import annotations

from collections.abc import Collection

from chatapp.safety.personal import money, national, online, phones
from chatapp.safety.personal.recogniser import FEWEST, figures
from chatapp.safety.spans import Span, without_overlaps

RECOGNISERS = (*online.RECOGNISERS, *money.RECOGNISERS, *national.RECOGNISERS, *phones.RECOGNISERS)
KINDS = tuple(dict.fromkeys(one.kind for one in RECOGNISERS))


def find_personal(text: str, kinds: Collection[str] = KINDS, begin: int = 0) -> list[Span]:
    """From `begin` on, in the order of the text, none over another."""
    wanted = [one for one in RECOGNISERS if one.kind in kinds]
    parts = figures(text, begin)
    spans = [span for one in wanted if one.digits < FEWEST for span in one.find(text, begin)]
    for part in parts:
        for one in wanted:
            if FEWEST <= one.digits <= part.digits:
                spans.extend(one.find(text, part.start, part.end))
    return without_overlaps(spans)
