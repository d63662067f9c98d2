"""Text that Postgres and people can take."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any


def storable(text: str, most: int | None = None) -> str:
    """Without zero bytes and broken surrogates, which Postgres refuses."""
    clean = text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")
    return clean[:most]


def storable_json(value: Any) -> Any:
    """The same for every text in what JSON can say."""
    match value:
        case str():
            return storable(value)
        case Mapping():
            return {storable(str(name)): storable_json(one) for name, one in value.items()}
        case list() | tuple():
            return [storable_json(one) for one in value]
    return value


def clean_name(name: str) -> str:
    """The last part of a file name from anywhere: no folders, no control characters, at most 255 characters."""
    last = storable(name).replace("\\", "/").rstrip("/").rpartition("/")[2]
    visible = "".join(char for char in last if unicodedata.category(char) not in ("Cc", "Cf"))
    visible = unicodedata.normalize("NFC", visible).strip()
    if visible.strip(".") == "":
        return "unnamed"
    if len(visible) <= 255:
        return visible
    suffix = PurePosixPath(visible).suffix[:20]
    return visible[: 255 - len(suffix)] + suffix
