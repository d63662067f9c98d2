"""What took long is kept in a file under a hash of all that it was made of: an interrupted run goes on where it was."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def kept(folder: Path, name: str, key: str, make: Callable[[], T]) -> T:
    """Files of other keys under this name are what nobody will read again: they go."""
    path = folder / f"{name}.{key}.pickle"
    if path.exists():
        with path.open("rb") as file:
            return pickle.load(file)  # type: ignore[no-any-return]
    made = make()
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob(f"{name}.*.pickle"):
        old.unlink()
    whole = path.with_suffix(".part")
    with whole.open("wb") as file:
        pickle.dump(made, file, protocol=pickle.HIGHEST_PROTOCOL)
    whole.replace(path)
    return made


def key_of(parts: Iterable[object]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part if isinstance(part, bytes) else repr(part).encode())
        digest.update(b"\0")
    return digest.hexdigest()[:16]


def code(*patterns: str) -> list[bytes]:
    """The source files of this project that match, in a fixed order."""
    root = Path(__file__).parents[2]
    return [path.read_bytes() for pattern in patterns for path in sorted(root.glob(pattern))]
