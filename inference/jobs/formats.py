"""The number formats that a file can be quantized to, and what a request for fewer layers means."""

from __future__ import annotations

import re
from collections.abc import Iterable

from inference.gguf_files import GgufFacts
from inference.jobs.errors import JobRefused

# Bits for each weight, roughly. Formats that need an importance matrix are left out: there is none to give.
FORMATS = {
    "F16": 16.0,
    "BF16": 16.0,
    "Q8_0": 8.5,
    "Q6_K": 6.6,
    "Q5_K_M": 5.7,
    "Q5_K_S": 5.5,
    "Q5_1": 6.0,
    "Q5_0": 5.5,
    "Q4_K_M": 4.9,
    "Q4_K_S": 4.6,
    "Q4_1": 5.0,
    "Q4_0": 4.6,
    "IQ4_NL": 4.6,
    "Q3_K_M": 4.0,
    "Q2_K": 3.4,
}
_MARGIN = 1.25  # some matrices stay larger
_K_BLOCK = 256


def format_named(name: str) -> str:
    if name.upper() not in FORMATS:
        raise JobRefused(f"There is no format {name!r}.", advice=f"There are {', '.join(FORMATS)}.")
    return name.upper()


def bytes_needed(facts: GgufFacts, size: int, to: str | None) -> int:
    """Of the new file, rather too many."""
    return size if to is None else int(facts.weights * FORMATS[to] / 8 * _MARGIN)


def warnings_of(facts: GgufFacts, to: str) -> list[str]:
    warnings = []
    if "_K" in to and facts.narrowest_row % _K_BLOCK:
        warnings.append(
            f"Rows of {facts.narrowest_row} weights are no multiple of {_K_BLOCK}: many matrices will take a larger "
            "and slower format than the one you name. Q4_0 or Q8_0 fit this model better."
        )
    if facts.quantization not in ("F32", "F16", "BF16"):
        warnings.append(
            f"The weights are {facts.quantization} already: from a file in F16 the same format comes out better."
        )
    return warnings


def layers_named(text: str, facts: GgufFacts) -> list[int]:
    """From "12-23,30". Raises JobRefused."""
    if not facts.layers:
        raise JobRefused("The file does not say how many layers it has.")
    named: set[int] = set()
    for part in filter(None, (part.strip() for part in text.split(","))):
        found = re.fullmatch(r"(\d{1,6})(?:\s*-\s*(\d{1,6}))?", part)
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
        if first > last:
            raise JobRefused(f"{part!r} names no layers.", advice="Name them like 12-23,30; the first one is 0.")
        if last >= facts.layers:
            raise JobRefused(f"The model has the layers 0 to {facts.layers - 1}, and no {last}.")
        named |= set(range(first, last + 1))
    if not named:
        raise JobRefused("No layers are named.", advice="Name them like 12-23,30; the first one is 0.")
    if len(named) == facts.layers:
        raise JobRefused("These are all layers of the model: nothing would be left.")
    return sorted(named)


def warnings_of_layers(layers: Iterable[int], facts: GgufFacts) -> list[str]:
    ends = [name for name, layer in (("first", 0), ("last", facts.layers - 1)) if layer in set(layers)]
    if not ends:
        return []
    return [f"The {' and the '.join(ends)} layer hold what the others build on: without them answers become nonsense."]
