"""What the folder of a built index holds, so that a half-written or damaged one is never served."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from retrieval.index.vectors.errors import IndexFilesDamaged

NAME = "manifest.json"
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Manifest:
    kind: str
    dimension: int
    count: int
    effort: int = 0  # of the structure
    recall: float = 1.0  # that this effort reached on a sample of its own vectors
    seconds: float = 0.0
    sizes: dict[str, int] = field(default_factory=dict)
    sha256: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        try:
            held = json.loads((folder / NAME).read_text())
            if held.pop("format") != _FORMAT:
                raise IndexFilesDamaged("The index was written by another version of Footnote.")
            return cls(**held)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise IndexFilesDamaged(detail=f"{folder / NAME}: {error}") from None

    def write(self, folder: Path) -> None:
        """Last of all files, at once."""
        part = folder / (NAME + ".part")
        with part.open("w") as file:
            json.dump({"format": _FORMAT, **asdict(self)}, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        part.replace(folder / NAME)

    def check_sizes(self, folder: Path) -> None:
        for name, size in self.sizes.items():
            path = folder / name
            if not path.is_file() or path.stat().st_size != size:
                raise IndexFilesDamaged(detail=f"{path}: {size} bytes expected")

    def check_counts(self, ids: int, vectors: int, dimension: int) -> None:
        if not ids == vectors == self.count or dimension != self.dimension:
            raise IndexFilesDamaged(detail=f"{ids} ids, {vectors} vectors of {dimension}; the manifest: {self.count}")

    def check_contents(self, folder: Path) -> None:
        """Reads every byte: for the check before a version serves, not for each start."""
        self.check_sizes(folder)
        for name, expected in self.sha256.items():
            if file_sha256(folder / name) != expected:
                raise IndexFilesDamaged(detail=f"{folder / name}: its contents changed")


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
