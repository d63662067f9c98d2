"""A filter that also looks at the text as its reader sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chatapp.safety.contracts import Filter, find_from
from chatapp.safety.hidden.plain import Plain, joined, plain, squeezed, unleeted
from chatapp.safety.spans import Span, without_overlaps

_SPELLED = 12  # characters at the end of which nobody can say yet whether they begin a word that is spelled out


@dataclass(frozen=True, slots=True)
class AsSeen:
    """What is found in the text as it is seen is a span of the text as it was written. `words`: disguised and spelled
    words, and those with white space between that a page does not show, are looked for as well; numbers would only look
    like something else there."""

    inner: Filter
    words: bool = False

    def find(self, text: str) -> Sequence[Span]:
        return self.find_from(text, 0)

    def find_from(self, text: str, begin: int) -> Sequence[Span]:
        found = find_from(self.inner, text, begin)
        more = [view for view in self._views(text) if view.text != text]
        if not more:
            return found
        seen = (view.span(span) for view in more for span in self.inner.find(view.text) if span.end > span.start)
        return without_overlaps([*found, *seen])

    def settled(self, text: str) -> int:
        at = self.inner.settled(text)
        views = self._views(text)[: 2 if self.words else 1]
        at = min([at, *(view.origin(self.inner.settled(view.text)) for view in views if view.text != text)])
        return max(0, at - _SPELLED) if self.words else at

    def _views(self, text: str) -> list[Plain]:
        seen = plain(text)
        if not self.words:
            return [seen]
        whole = squeezed(joined(seen))
        return [seen, whole, unleeted(whole)]
