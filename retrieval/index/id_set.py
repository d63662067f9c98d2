"""Passage ids as searches take them: an immutable set, made once for a scope and kept by its owner."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import TypeVar, cast

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.int64]
T = TypeVar("T")
_KEPT = 8  # forms of a set that are held at once: of a serving index and of one that is being checked


class IdSet:
    """An immutable set of int64 ids. Thread-safe.

    The forms that an index needs of it (a bitmap, a selector, row numbers) are made at first use and kept with it, so
    that whoever caches the set caches them too.
    """

    __slots__ = ("_forms", "_lock", "ids")

    def __init__(self, ids: Ids | Iterable[int]) -> None:
        array = np.asarray(ids if isinstance(ids, np.ndarray) else list(ids), dtype=np.int64)
        ordered = np.sort(array)  # np.unique takes fifty times as long for a million
        self.ids: Ids = ordered[np.diff(ordered, prepend=ordered[:1] - 1) > 0]
        self.ids.setflags(write=False)
        self._forms: dict[Hashable, tuple[Hashable, object]] = {}
        self._lock = threading.Lock()

    @classmethod
    def ascending(cls, ids: Ids) -> IdSet:
        """Of ids that are in order already, each once."""
        made = cls(())
        made.ids = ids
        made.ids.setflags(write=False)
        return made

    @classmethod
    def union(cls, parts: Iterable[Ids]) -> IdSet:
        arrays = [np.asarray(part, dtype=np.int64) for part in parts]
        return cls(np.concatenate(arrays) if arrays else np.zeros(0, dtype=np.int64))

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[int]:
        return iter(self.ids.tolist())

    def __contains__(self, passage_id: object) -> bool:
        if not isinstance(passage_id, int | np.integer):
            return False
        at = int(np.searchsorted(self.ids, int(passage_id)))
        return at < len(self.ids) and int(self.ids[at]) == int(passage_id)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, IdSet) and np.array_equal(self.ids, other.ids)

    def __hash__(self) -> int:
        return hash((len(self.ids), self.ids[:16].tobytes(), self.ids[-16:].tobytes()))

    def __and__(self, other: IdSet) -> IdSet:
        few, many = (self, other) if len(self) <= len(other) else (other, self)
        return IdSet(few.ids[many.mask(few.ids)])

    def changed(self, gone: Ids, come: Ids) -> IdSet:
        """Without the ones and with the others; the rest is not sorted again."""
        leaving = gone[self.mask(gone)]
        kept = IdSet.ascending(np.delete(self.ids, np.searchsorted(self.ids, leaving)))
        new = np.unique(come[~kept.mask(come)])
        return IdSet.ascending(np.insert(kept.ids, np.searchsorted(kept.ids, new), new))

    def mask(self, ids: Ids) -> npt.NDArray[np.bool_]:
        """For each of `ids`, whether it belongs to the set."""
        if not len(self.ids):
            return np.zeros(len(ids), dtype=np.bool_)
        at = np.minimum(np.searchsorted(self.ids, ids), len(self.ids) - 1)
        return np.asarray(self.ids[at] == ids)

    def form(self, owner: Hashable, state: Hashable, make: Callable[[IdSet], T]) -> T:
        """What `owner` made of this set, made again when its `state` is another than then."""
        held = self._forms.get(owner)
        if held is not None and held[0] == state:
            return cast(T, held[1])
        made = make(self)
        with self._lock:
            while len(self._forms) >= _KEPT and owner not in self._forms:
                self._forms.pop(next(iter(self._forms)))
            self._forms[owner] = (state, made)
        return made
