"""The plug-in point: what a kind of source must do, and where the kinds are found.

A package of its own adds one by an entry point of the group `footnote.connectors` whose value is a `Kind`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from retrieval.sources.errors import BadSourceSettings
from retrieval.stored_text import storable

ENTRY_POINTS = "footnote.connectors"


@dataclass(frozen=True, slots=True)
class Earlier:
    """What is known of an item from earlier: `this_run` when the run that goes on has it already."""

    version: str
    this_run: bool
    load_memo: Callable[[], Mapping[str, Any]]

    @property
    def memo(self) -> Mapping[str, Any]:
        """Read when it is wanted: most connectors keep none."""
        return self.load_memo()


@dataclass(frozen=True, slots=True)
class Item:
    """A document as the source has it now. `open` is called only for what is new or has changed."""

    key: str  # names it in its source for ever: a path, an address
    version: str  # differs when its content may differ; at most 200 characters
    name: str  # of the file, with its ending
    open: Callable[[], AbstractContextManager[BinaryIO]]
    dated_at: datetime | None = None
    memo: Mapping[str, Any] = field(default_factory=dict)  # small; given back as Earlier.memo
    problem: str = ""  # why it could not be read this time: what is in the collection stays as it is
    absent: bool = False  # looked at and gone, or not for us; said only where looking again costs a request


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a connector may use."""

    folder: Path  # its own, kept between runs, rebuildable
    roots: tuple[Path, ...]  # folders of this machine that sources may read
    networks: tuple[str, ...]  # private networks that sources may reach, as CIDR
    secret: str  # '' where the source names no key
    item_bytes: int
    most_items: int
    alive: Callable[[], None]  # call it now and then: it keeps the lease, and raises when the run has to end
    earlier: Callable[[str], Earlier | None]


class Connector(Protocol):
    def items(self) -> Iterator[Item]:
        """Everything that is there now. Raises SourceError; what was not reached must not look vanished."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of source. `check` raises BadSourceSettings and gives the settings back as they are kept."""

    name: str
    title: str
    defaults: Mapping[str, Any]  # of its settings: a text, a number, or a list of texts each
    check: Callable[[Mapping[str, Any]], dict[str, Any]]
    make: Callable[[Mapping[str, Any], Surroundings], Connector]


def kinds() -> dict[str, Kind]:
    """By name; Footnote's own first, which nobody replaces."""
    from retrieval.sources.connectors import folder, git, s3, web

    own = {kind.name: kind for kind in (folder.KIND, web.KIND, git.KIND, s3.KIND)}
    added = (entry.load() for entry in entry_points(group=ENTRY_POINTS))
    return {**{kind.name: kind for kind in added if isinstance(kind, Kind)}, **own}


def kind_named(name: str) -> Kind:
    known = kinds()
    if name not in known:
        raise BadSourceSettings(f"There is no kind of source named {name!r:.50}.", advice=f"Known: {', '.join(known)}.")
    return known[name]


def known_fields(given: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with their defaults. Raises BadSourceSettings for an unknown one or another type."""
    for name, value in given.items():
        if name not in defaults:
            raise BadSourceSettings(f"There is no setting named {name!r:.50}.", advice=f"Known: {', '.join(defaults)}.")
        if type(value) is not type(defaults[name]):
            raise BadSourceSettings(f"The setting {name} has the wrong type.", advice="Correct it.")
        if isinstance(value, list) and not all(isinstance(one, str) for one in value):
            raise BadSourceSettings(f"The setting {name} must be a list of texts.", advice="Correct it.")
        texts = [value] if isinstance(value, str) else value if isinstance(value, list) else []
        if any(storable(one) != one for one in texts):
            raise BadSourceSettings(f"The setting {name} has characters that cannot be stored.", advice="Correct it.")
    return {**defaults, **given}


def require(right: bool, sentence: str) -> None:
    if not right:
        raise BadSourceSettings(sentence, advice="Correct it.")
