"""What stands for a value that only its writer sees again: [email 1], the same throughout a conversation."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from chatapp.safety.personal.finding import KINDS

MOST = 500  # of one conversation
_LONGEST = 2000  # characters of a value
_NAMES = {kind: kind.replace("_", " ") for kind in (*KINDS, "secret")}
_OTHER = "term"  # of a list, whose name may tell what it is about
PLACEHOLDER = re.compile(rf"\[(?:{'|'.join(sorted({*_NAMES.values(), _OTHER}))}) \d{{1,3}}\]")
_BEGUN = re.compile(r"\[[a-z ]{0,20}\d{0,3}\Z")


class Placeholders:
    """Of one conversation, or of one request of a program. `load`: those there are, by what stands for them."""

    def __init__(self, load: Callable[[], Mapping[str, str]] | None = None) -> None:
        self._load = load
        self._names: dict[tuple[str, str], str] = {}
        self._used: set[str] = set()
        self._new: dict[str, str] = {}

    def stand_in(self, kind: str, value: str) -> str | None:
        """None where there are too many already, or the value is too long to be kept."""
        self.read()
        name = _NAMES.get(kind, _OTHER)
        key = (name, _same(value))
        if key not in self._names:
            if len(self._used) >= MOST or len(value) > _LONGEST:
                return None
            self._take(self._free(name), value)
            self._new[self._names[key]] = value
        return self._names[key]

    def read(self) -> None:
        """Once, from where they are kept."""
        if self._load is not None:
            load, self._load = self._load, None
            for one, value in load().items():
                self._take(one, value)

    def take_new(self) -> dict[str, str]:
        """Values by what stands for them, since the last call."""
        new, self._new = self._new, {}
        return new

    def _free(self, name: str) -> str:
        return next(one for number in range(1, MOST + 2) if (one := f"[{name} {number}]") not in self._used)

    def _take(self, placeholder: str, value: str) -> None:
        self._used.add(placeholder)
        self._names.setdefault((placeholder[1:].rsplit(" ", 1)[0], _same(value)), placeholder)


class Unbroken:
    """Text comes out so that none of its pieces ends within a placeholder."""

    def __init__(self) -> None:
        self._held = ""

    @property
    def held(self) -> int:
        return len(self._held)

    def push(self, text: str) -> str:
        text = self._held + text
        begun = _BEGUN.search(text, max(0, len(text) - 40))
        end = begun.start() if begun else len(text)
        self._held = text[end:]
        return text[:end]

    def rest(self) -> str:
        rest, self._held = self._held, ""
        return rest


@dataclass(frozen=True, slots=True)
class PutBack:
    """A text with the values put back, and where its places have moved to."""

    text: str
    _moves: tuple[tuple[int, int], ...]  # behind this character of what stood before, so many more or fewer

    def place(self, at: int) -> int:
        return at + sum(by for behind, by in self._moves if behind <= at)


def put_back(text: str, values: Mapping[str, str]) -> PutBack:
    parts: list[str] = []
    moves: list[tuple[int, int]] = []
    at = 0
    for match in PLACEHOLDER.finditer(text):
        value = values.get(match.group())
        if value is not None:
            parts += [text[at : match.start()], value]
            moves.append((match.end(), len(value) - len(match.group())))
            at = match.end()
    return PutBack("".join([*parts, text[at:]]), tuple(moves))


def _same(value: str) -> str:
    return " ".join(value.split()).casefold()
