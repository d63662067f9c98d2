"""What came of a job that measured, as the rows of a table for people."""

from __future__ import annotations

from typing import Any

from inference import amounts

_MEASURES = (
    ("size", "size", 1, "size"),
    ("load_s", "loading, s", 1, "{:.2f}"),
    ("memory_bytes", "memory", 1, "size"),
    ("prefill_tokens_s", "reading, tokens/s", 1, "{:.1f}"),
    ("decode_tokens_s", "writing, tokens/s", 1, "{:.1f}"),
    ("decode_tokens_s_of_streams", "writing, all streams", 1, "{:.1f}"),
    ("processors_of_others", "other work, processors", 1, "{:.1f}"),
    ("perplexity", "perplexity", 1, "perplexity"),
    ("agreement", "same next token", 100, "{:.1f} %"),
    ("divergence", "divergence, nats", 1, "{:.4f}"),
    ("answer_agreement", "same answers", 100, "{:.1f} %"),
)


def table(result: dict[str, Any]) -> list[tuple[str, ...]]:
    """The headings, then a row for each figure; empty where nothing was measured."""
    both = [result[one] for one in ("before", "after") if one in result]
    rows: list[tuple[str, ...]] = []
    for key, label, factor, form in _MEASURES:
        cells = [_cell(found.get(key), factor, form) for found in both]
        if any(cells):
            rows.append((label, *cells))
    headings = ("", "BEFORE", "AFTER") if len(both) > 1 else ("", "")
    return [headings, *rows] if rows else []


def notes(result: dict[str, Any]) -> list[str]:
    """Sentences on what the figures are worth."""
    found = [amounts.caution(result["after"])] if "after" in result else []
    if count := result.get("fallbacks"):
        found.append(f"{count} tensor{'' if count == 1 else 's'} did not fit the format and took a larger one.")
    return found


def _cell(value: float | None, factor: float, form: str) -> str:
    if value is None:
        return ""
    match form:
        case "perplexity":
            return amounts.perplexity(value, digits=3)
        case "size":
            return amounts.size(round(value))
    return form.format(value * factor)
