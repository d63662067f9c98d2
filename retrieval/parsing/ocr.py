"""Text recognition through Tesseract, a program of its own: found where it is installed, never needed."""

from __future__ import annotations

import csv
import math
import os
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from statistics import median

import numpy as np
import numpy.typing as npt

from retrieval.config import ParseLimits
from retrieval.parsing import progress
from retrieval.parsing.death import die_with_parent
from retrieval.parsing.pdf_page import Line, Segment

Grey = npt.NDArray[np.uint8]
LATER = "Read it again when the server is less busy."
DPI = 250  # letters of 8 points are then some 20 dots high, which is what Tesseract was trained on
MOST_DOTS = 25_000_000  # of a picture that is read
_LIST_SECONDS = 10
_PAGE_SHARE = 0.4  # of the processor time for one file: that of one page, which may be tried twice
_PATIENCE = 5  # times that by the clock: on a busy machine a page waits for others more than it works
_BEAT_S = 2.0
_SURE = 30.0  # per cent: words that Tesseract is less sure of are specks more often than words
_WIDE_GAP = 1.5  # of the height
_BIG = 1.5  # times the usual height: a heading; less may be a matter of the letters in it
_WORD = "5"  # Tesseract's level of a row that is a word


@dataclass(frozen=True, slots=True)
class Missing:
    """Why pictures cannot be read here, for those who can change it."""

    sentence: str
    advice: str


NOT_INSTALLED = Missing(
    "Text recognition (Tesseract) is not installed on this server.",
    "Ask your administrator to install it (Debian and Ubuntu: apt-get install tesseract-ocr), or upload a copy that has"
    " gone through text recognition.",
)
SWITCHED_OFF = Missing(
    "Text recognition is switched off on this server.",
    "Upload a copy that has gone through text recognition, or ask your administrator to set RETRIEVAL_OCR_LANGUAGES.",
)


class TookTooLong(Exception):
    """A page."""


class Reader:
    """Recognises the pictures of one document, within its time."""

    def __init__(self, limits: ParseLimits) -> None:
        self._limits = limits
        self._program = shutil.which("tesseract")
        self._until: float | None = None
        self._page_model = "3"
        self._languages = ""
        self.given_up = 0  # pages that took too long
        self.missing = self._prepare()

    def _prepare(self) -> Missing | None:
        wanted = [part for part in self._limits.ocr_languages.replace(",", "+").split("+") if part.strip()]
        if not wanted or wanted == ["off"]:
            return SWITCHED_OFF
        if self._program is None:
            return NOT_INSTALLED
        installed = _installed(self._program)
        usable = [name.strip() for name in wanted if name.strip() in installed]
        if not usable:
            packages = " ".join(f"tesseract-ocr-{name.strip()}" for name in wanted)
            return Missing(
                "Text recognition knows none of the languages that are set on this server.",
                f"Ask your administrator to install them (Debian and Ubuntu: apt-get install {packages}).",
            )
        self._languages = "+".join(usable)
        if "osd" in installed:
            self._page_model = "1"  # turns pages that lie on their side
        return None

    @property
    def time_is_up(self) -> bool:
        return self._until is not None and time.monotonic() >= self._until

    def unread(self, left: int) -> tuple[str, ...]:
        """What is to be said of the pages that were given up, and of those that there was no time to begin."""
        if not (number := self.given_up + left):
            return ()
        pages = "1 page" if number == 1 else f"{number} pages"
        return (
            f"Text recognition took too long: {pages} could not be read. Read it again when the server is less busy.",
        )

    def lines(self, picture: Grey, width: float, height: float) -> list[Line]:
        """Of one page; places are in units of which it is `width` and `height` wide and high."""
        if self._until is None:
            self._until = time.monotonic() + self._limits.ocr_seconds
        progress.beat()
        rows = self._recognised(picture)
        return _lines(rows, width / picture.shape[1], height / picture.shape[0])

    def _recognised(self, picture: Grey) -> list[dict[str, str]]:
        if self.missing is not None or self._program is None:
            return []
        data = f"P5\n{picture.shape[1]} {picture.shape[0]}\n255\n".encode() + picture.tobytes()
        for page_model in dict.fromkeys((self._page_model, "3")):
            command = [self._program, "stdin", "stdout", "-l", self._languages, "--psm", page_model, "--dpi", str(DPI)]
            try:
                text = self._asked([*command, "tsv"], data)
            except TookTooLong:
                self.given_up += 1
                return []
            if text is not None:
                return list(csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE))
        return []

    def _asked(self, command: list[str], data: bytes) -> str | None:
        """None where the program failed. Raises TookTooLong: by its work, or by the clock where it was kept from it."""
        allowed_s = _PAGE_SHARE * self._limits.seconds
        now = time.monotonic()
        ends = max(now + allowed_s, min(now + _PATIENCE * allowed_s, self._until or math.inf))
        try:
            process = subprocess.Popen(  # noqa: S603 - the program's own name, languages that it listed
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={"OMP_THREAD_LIMIT": "1", "PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"},
                preexec_fn=partial(_confine, math.ceil(allowed_s)),
            )
        except OSError:
            return None
        with process:
            out = _heard(process, data, ends)
        if process.returncode == -signal.SIGXCPU:
            raise TookTooLong
        return out.decode("utf-8", "replace") if process.returncode == 0 else None


def _confine(seconds: int) -> None:
    die_with_parent()
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))


def _heard(process: subprocess.Popen[bytes], data: bytes, ends: float) -> bytes:
    """What it wrote. Gives signs of life meanwhile. Raises TookTooLong."""
    given: bytes | None = data
    while True:
        try:
            return process.communicate(given, timeout=_BEAT_S)[0]
        except subprocess.TimeoutExpired:
            given = None  # communicate() goes on with what it was given
            if time.monotonic() >= ends:
                process.kill()
                raise TookTooLong from None
            progress.beat()


def _installed(program: str) -> set[str]:
    try:
        done = subprocess.run(  # noqa: S603
            [program, "--list-langs"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_LIST_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return set()
    return set(done.stdout.decode("utf-8", "replace").split("\n")[1:])


def _lines(rows: Iterable[dict[str, str]], across: float, down: float) -> list[Line]:
    lines: dict[tuple[str, ...], list[Segment]] = {}
    for row in rows:
        if row.get("level") == _WORD and (word := _word(row, across, down)) is not None:
            key = tuple(row.get(part) or "" for part in ("block_num", "par_num", "line_num"))
            lines.setdefault(key, []).append(word)
    found = [_line(words) for words in lines.values()]
    usual = median(line.height for line in found) if found else 0.0
    for line in found:
        line.size = line.height if line.height > _BIG * usual else usual
    return found


def _word(row: dict[str, str], across: float, down: float) -> Segment | None:
    text = (row.get("text") or "").strip()
    try:
        left, top, width, height = (float(row[side]) for side in ("left", "top", "width", "height"))
        sure = float(row["conf"])
    except (KeyError, TypeError, ValueError):
        return None
    if not text or sure < _SURE:
        return None
    return Segment(text, left * across, top * down, (left + width) * across, (top + height) * down)


def _line(words: list[Segment]) -> Line:
    height = median(word.bottom - word.top for word in words)
    parts: list[list[Segment]] = [[]]
    for word in words:
        if parts[-1] and word.left - parts[-1][-1].right > _WIDE_GAP * height:
            parts.append([])
        parts[-1].append(word)
    segments = [_joined(part) for part in parts]
    whole = _joined(words)
    line = Line(whole.text, whole.left, whole.top, whole.right, whole.bottom)
    line.segments = segments if len(segments) > 1 else []
    return line


def _joined(words: list[Segment]) -> Segment:
    return Segment(
        " ".join(word.text for word in words),
        min(word.left for word in words),
        min(word.top for word in words),
        max(word.right for word in words),
        max(word.bottom for word in words),
    )
