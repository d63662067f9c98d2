"""Embedding models that are made here: distilled into a folder each, with a card that says where it comes from.

A folder never changes once it is there: vectors in the database are known by its name. Only its card may grow.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from retrieval.contracts import Vectors
from retrieval.embedders.loading import is_static
from retrieval.embedders.model_folders import NAME, PACKAGED_MODEL, model_folder
from retrieval.errors import RetrievalError

LEAST, MOST = 32, 4096  # dimensions
_SECONDS = 1800
_TOLD_EVERY_S = 10.0
_CARD = "card.json"
_LICENCE = re.compile(r"^license:\s*([\w.+-]+)\s*$", re.MULTILINE)
_MEASURED = 20  # of a card: the newest


class DistillingFailed(RetrievalError):
    code = "distilling_failed"
    http_status = 422
    user_message = "This model could not be distilled."
    advice = "Models of sentence-transformers with mean or first-token pooling can be."


@dataclass(frozen=True, slots=True)
class Card:
    name: str
    source: str
    licence: str  # of the source, as its own card says; it holds for what is distilled from it
    dimension: int
    bytes: int
    seconds: float  # that it took
    made_at: str
    fitted: int = 0  # to so many passages of its source
    measured: list[dict[str, Any]] = field(default_factory=list)  # beside the source, oldest first


@dataclass(frozen=True, slots=True)
class Lesson:
    """Texts with the vectors that the source makes of them."""

    texts: Sequence[str]
    vectors: Vectors


def distil(
    models: Path,
    source: str = PACKAGED_MODEL,
    *,
    dimension: int = 256,
    name: str = "",
    lesson: Lesson | None = None,
    going: Callable[[float], None] = lambda seconds: None,
) -> Card:
    """Takes about half a minute for a vocabulary of 30,000; fitting to a lesson, minutes where it is long. `going` is
    told now and then for how many seconds it has gone on.

    Raises DistillingFailed, EmbeddingModelMissing.
    """
    name = name or f"{Path(source).name.lower()}-static-{dimension}{'-fitted' if lesson else ''}"
    folder = model_folder(source)
    _check(models, name, folder, dimension)
    partial = models / f".{name}.{os.getpid()}.partial"
    begun = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix=".lesson-", dir=models) as given:
            _run(folder, partial, dimension, going, *_written(Path(given), lesson))
        card = Card(
            name=name,
            source=source,
            licence=_licence(folder),
            dimension=dimension,
            bytes=sum(file.stat().st_size for file in partial.iterdir()),
            seconds=round(time.monotonic() - begun, 1),
            fitted=len(lesson.texts) if lesson else 0,
            made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        _write(partial, card)
        partial.rename(models / name)
    except OSError as error:
        raise DistillingFailed(detail=repr(error), advice="Is there room on the disk, and is the name free?") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return card


def made_models(models: Path) -> list[Card]:
    found = (card_of(models, folder.name) for folder in sorted(models.glob("*")) if NAME.fullmatch(folder.name))
    return [card for card in found if card is not None]


def card_of(models: Path, name: str) -> Card | None:
    """None where there is no such model, or no card that can be read."""
    try:
        return Card(**json.loads((models / name / _CARD).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def keep_measured(models: Path, card: Card, figures: dict[str, Any]) -> Card:
    card = replace(card, measured=[*card.measured, figures][-_MEASURED:])
    _write(models / card.name, card)
    return card


def _check(models: Path, name: str, folder: Path, dimension: int) -> None:
    if not NAME.fullmatch(name):
        raise DistillingFailed(
            f"{name!r} cannot be the name of a model.",
            advice="Take at most 100 small letters, digits, dots, dashes and underlines.",
        )
    if name == PACKAGED_MODEL or (models / name).exists():
        raise DistillingFailed(f"There is a model {name} already.", advice="Give another --name.")
    if is_static(folder):
        raise DistillingFailed("This model is static already.", advice="Name the one that it was made from.")
    try:
        widest = int(json.loads((folder / "config.json").read_text())["hidden_size"])
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise DistillingFailed(detail=repr(error)) from error
    if not LEAST <= dimension <= min(MOST, widest):
        raise DistillingFailed(
            f"The dimension must lie between {LEAST} and {min(MOST, widest)}.", advice="Give another --dimension."
        )
    models.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(models)


def _remove_leftovers(models: Path) -> None:
    """Of runs that were killed."""
    for partial in (*models.glob(".*.partial"), *models.glob(".lesson-*")):
        if time.time() - partial.stat().st_mtime > 2 * _SECONDS:
            shutil.rmtree(partial, ignore_errors=True)


def _written(folder: Path, lesson: Lesson | None) -> list[Path]:
    if lesson is None:
        return []
    (folder / "texts.json").write_text(json.dumps(list(lesson.texts)))
    np.save(folder / "vectors.npy", lesson.vectors)
    return [folder]


def _run(folder: Path, target: Path, dimension: int, going: Callable[[float], None], *lesson: Path) -> None:
    """In a process of its own, which alone loads torch."""
    module = ["-W", "ignore", "-m", "retrieval.embedders.static_distil"]
    line: list[str | Path] = [sys.executable, *module, folder, target, str(dimension), *lesson]
    begun, root = time.monotonic(), Path(__file__).resolve().parents[2]
    with tempfile.TemporaryFile("w+") as complaints:
        child = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=complaints, cwd=root)  # noqa: S603 - our own
        try:
            while _lives(child):
                if time.monotonic() - begun > _SECONDS:
                    raise DistillingFailed(detail=f"It took more than {_SECONDS} s.")
                going(time.monotonic() - begun)
        finally:
            child.kill()  # nothing where it has ended
            child.wait()
        if child.returncode:
            complaints.seek(0)
            raise DistillingFailed(detail=complaints.read()[-2000:])


def _lives(child: subprocess.Popen[bytes]) -> bool:
    try:
        child.wait(timeout=_TOLD_EVERY_S)
    except subprocess.TimeoutExpired:
        return True
    return False


def _licence(folder: Path) -> str:
    try:
        found = _LICENCE.search((folder / "README.md").read_text(encoding="utf-8", errors="replace")[:20_000])
    except OSError:
        found = None
    return found[1] if found else "unknown"


def _write(folder: Path, card: Card) -> None:
    partial = folder / f".{_CARD}.{os.getpid()}"
    partial.write_text(json.dumps(asdict(card), indent=1) + "\n")
    partial.replace(folder / _CARD)
