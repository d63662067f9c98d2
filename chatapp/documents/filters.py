"""What an asker narrows a search to, as it comes from a command line or as JSON."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from chatapp.errors import Invalid
from retrieval.contracts import SearchFilters
from retrieval.parsing.kinds import BY_EXTENSION, MEDIA_TYPES
from retrieval.stored_text import storable

EVERYTHING = SearchFilters()
TYPES, PATH_CHARACTERS = 50, 1000
_NAMES = frozenset({"types", "since", "until", "path"})


def add_filter_arguments(parser: ArgumentParser) -> None:
    kinds = ", ".join(sorted(MEDIA_TYPES))
    parser.add_argument("--type", action="append", metavar="KIND", help=f"only documents of this kind: {kinds}")
    parser.add_argument("--since", metavar="DATE", help="only documents dated then or later, such as 2025-01-31")
    parser.add_argument("--until", metavar="DATE", help="only documents dated then or earlier")
    parser.add_argument("--path", metavar="PREFIX", help="only documents whose path, as it was given, begins so")


def filters_of_command(options: Mapping[str, Any]) -> SearchFilters:
    given = {"types": options["type"], **{name: options[name] for name in ("since", "until", "path")}}
    return filters_of({name: value for name, value in given.items() if value is not None})


def filters_of(given: Any) -> SearchFilters:
    """Of a JSON object with any of `types`, `since`, `until` and `path`. Raises Invalid."""
    if not isinstance(given, dict) or not given.keys() <= _NAMES:
        raise Invalid("Filters are an object with any of `types`, `since`, `until` and `path`.")
    path = given.get("path") or ""
    if not isinstance(path, str) or len(path) > PATH_CHARACTERS:
        raise Invalid(f"`path` must be the beginning of a path, of {PATH_CHARACTERS} characters at most.")
    return SearchFilters(
        media_types=_types(given.get("types") or []),
        since=_moment("since", given.get("since")),
        until=_moment("until", given.get("until"), after=True),
        path_prefix=storable(path),
    )


def filters_json(filters: SearchFilters) -> dict[str, Any] | None:
    """As `filters_of` reads it; None where nothing is narrowed."""
    given = {
        "types": sorted(filters.media_types),
        "since": filters.since and filters.since.isoformat(),
        "until": filters.until and filters.until.isoformat(),
        "path": filters.path_prefix,
    }
    return {name: value for name, value in given.items() if value} or None


def _types(names: Any) -> frozenset[str]:
    """Short names such as `pdf`, endings of file names such as `md`, or media types in full."""
    if not isinstance(names, list) or len(names) > TYPES or not all(isinstance(name, str) for name in names):
        raise Invalid(f"`types` must be a list of at most {TYPES} kinds of documents.")
    return frozenset(map(_media_type, names))


def _media_type(name: str) -> str:
    kind = name if name in MEDIA_TYPES else BY_EXTENSION.get(f".{name.removeprefix('.').lower()}")
    if kind is not None:
        return MEDIA_TYPES[kind]
    if "/" in name:
        return storable(name)
    raise Invalid(
        f"There is no kind of document named {storable(name)!r:.50}.",
        advice=f"Known are {', '.join(sorted(MEDIA_TYPES))}, and the endings of file names.",
    )


def _moment(name: str, text: Any, *, after: bool = False) -> datetime | None:
    """A day (in UTC) or a moment with its zone; `after`: a day counts whole."""
    if text is None or text == "":
        return None
    try:
        moment = datetime.fromisoformat(text)
        if len(text) == len("2025-01-31"):
            return moment.replace(tzinfo=UTC) + timedelta(days=1 if after else 0)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        pass
    raise Invalid(f"`{name}` must be a day like 2025-01-31, or a moment like 2025-01-31T12:00:00+00:00.")
