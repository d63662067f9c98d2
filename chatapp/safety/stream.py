"""The answer passes a hold-back window: no character leaves before the filters have cleared what it stands in."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from chatapp.safety.contracts import Filter, find_from
from chatapp.safety.spans import Span, without_overlaps

# Characters, more than the longest secret has: a filter that waits for longer is answered as if the text had ended.
MOST_HELD = 9000
_LEFT = 72  # characters that were released, kept so that a filter sees what stands before
_STEP = 24  # new characters between two looks at the text: a look at each token costs more than the token

Shown = Callable[[Span, str], str]  # what is shown instead of a span and the text in it; may raise, to end the answer


class HoldBack:
    """Text goes in as it is written, and comes out as the filters allow it: however it is cut into pieces, what comes
    out is what the filters would leave of the whole text."""

    def __init__(self, filters: Sequence[Filter], shown: Shown, written: str = "") -> None:
        self._looks, self._shown = [_Look(one) for one in filters], shown
        self.changed = False  # something else was shown than was written
        self._before = written[-_LEFT:]  # released, as it was written
        self._held = ""
        self._looked_at = 0

    @property
    def held(self) -> int:
        return len(self._held)

    def push(self, text: str) -> str:
        """-> what may leave now. Raises what `shown` raises."""
        if not self._looks:
            return text
        self._held += text
        if len(self._held) - self._looked_at < max(_STEP, self._looked_at // 4):  # the more is held, the seldomer
            return ""
        return self._release(final=len(self._held) > MOST_HELD)

    def rest(self) -> str:
        """The text has ended."""
        return self._release(final=True)

    def _release(self, *, final: bool) -> str:
        if not self._held:
            return ""
        whole, begin = self._before + self._held, len(self._before)
        spans = without_overlaps(span for look in self._looks for span in look.at(whole, begin))
        end = len(whole) if final else begin + min(look.settled for look in self._looks)
        end = max(begin, min([end, *(one.start for one in spans if one.start < end < one.end)]))
        out = replaced(whole[:end], [one for one in spans if one.end <= end], self._shown, begin)
        self.changed = self.changed or out != self._held[: end - begin]
        for look in self._looks:
            look.released(end - begin)
        self._before = whole[max(0, end - _LEFT) : end]
        self._held = whole[end:]
        self._looked_at = len(self._held)
        return out


class _Look:
    """What one filter has found in what is held. What is settled for it is not searched again."""

    def __init__(self, of: Filter) -> None:
        self._filter = of
        self.settled = 0  # characters of what is held
        self._spans: list[Span] = []  # in there, counted from the beginning of what is held

    def at(self, whole: str, begin: int) -> list[Span]:
        """Spans of the whole, which is held from `begin` on."""
        start = begin + self.settled
        new = [one for one in found([self._filter], whole, start) if one.start >= start]
        kept = [*(_moved(one, begin) for one in self._spans), *new]
        settled = max(start, self._filter.settled(whole))
        settled = min([settled, *(one.start for one in new if one.start < settled < one.end)])
        self.settled = settled - begin
        self._spans = [_moved(one, -begin) for one in kept if one.end <= settled]
        return kept

    def released(self, characters: int) -> None:
        self.settled = max(0, self.settled - characters)
        self._spans = [_moved(one, -characters) for one in self._spans if one.start >= characters]


def _moved(span: Span, by: int) -> Span:
    return Span(span.start + by, span.end + by, span.kind)


def found(filters: Sequence[Filter], text: str, begin: int = 0) -> list[Span]:
    return without_overlaps(span for one in filters for span in find_from(one, text, begin))


def replaced(text: str, spans: Sequence[Span], shown: Shown, begin: int = 0) -> str:
    """The text from `begin`, with what is shown instead of each span."""
    parts, at = [], begin
    for span in spans:
        parts += [text[at : span.start], shown(span, text[span.start : span.end])]
        at = span.end
    return "".join([*parts, text[at:]])
