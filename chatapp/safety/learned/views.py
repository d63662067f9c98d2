"""What a text may be taken for: as its reader sees it, and as what is spelled out, disguised or encoded in it says."""

from __future__ import annotations

import re

from chatapp.safety.hidden.encoded import decoded
from chatapp.safety.hidden.plain import joined, plain, unleeted

MOST_CHARACTERS = 200_000
_DISGUISE = re.compile(r"(?<=[^\W\d_])[4@30!157$](?=[^\W\d_])")


def views(text: str) -> list[str]:
    """The first is the text as it is seen; others only where they differ."""
    seen = plain(text[:MOST_CHARACTERS])
    found = [seen.text, *decoded(seen.text)]
    whole = joined(seen)
    if whole is not seen:
        found.append(whole.text)
    if (words := unleeted(whole)).text != whole.text and _disguised(whole.text):
        found.append(words.text)
    return found


def _disguised(text: str) -> bool:
    """Figures or signs between letters: a year or a price is none."""
    return _DISGUISE.search(text) is not None
