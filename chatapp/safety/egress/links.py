"""Addresses in an answer that stand in none of its sources: whoever follows them tells their owner what stands in them.

Text that is hidden in a document can make a model write a link or a picture whose address carries what was asked and
found. An address that was shown to the asker word for word carries nothing new.
"""

from __future__ import annotations

import html
import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from chatapp.safety import linear
from chatapp.safety.spans import Span

LINK, TARGET = "link", "link_target"  # in a sentence, and where a page would take it for an address
ANY = "*"  # among the hosts: none is asked for
SHOWN = {LINK: "[link removed]", TARGET: "#link-removed"}

_MASKED = r"\[[a-z ]{1,20}\d{1,3}\]"
# A page takes all up to white space for the address, quotes and brackets too.
_ADDRESS = re.compile(
    rf"(?:[a-z][a-z0-9+.\-]{{1,20}}:[\\/]{{2}}|(?:https?|ftps?|wss?):[\\/]?|www\d{{0,3}}\.)(?:{_MASKED}|[^\s<]){{1,2000}}",
    re.I,
)
_ATTRIBUTE = r"\b(?:src|srcset|href|action|formaction|poster|background|cite|ping|data|url|lowsrc|dynsrc)\s*=\s*"
_OPENS = rf"\]\(\s*|\]:\s*|{_ATTRIBUTE}|\burl\(\s*|@import\s*"
_BARE = r"(?:[^\s()<>\"']|\([^\s()<>]*\))(?:[^\s()<>]|\([^\s()<>]*\))"  # its first characters, and any other
_TARGET = re.compile(
    rf"(?:{_OPENS})(?:\"(?P<a>[^\"]{{0,2000}})|'(?P<b>[^']{{0,2000}})|<(?P<d>[^<>\n]{{0,2000}})|(?P<c>{_BARE}{{0,2000}}))",
    re.I,
)
_UNFINISHED = re.compile(
    rf"(?:{_OPENS})(?:\"[^\"]{{0,2000}}|'[^']{{0,2000}}|<[^<>\n]{{0,2000}}|[^\s\"'<>)][^\s<>)]{{0,2000}}|)\Z", re.I
)
# Without one of these there is no address; looked for first, since it costs next to nothing.
_SIGN = linear.sign(r"(?i):[\\/]|(?:https?|ftps?|wss?):|www|\]\(|\]:|=|url\(|@import")
_LEAVES = re.compile(
    r"[\\/]{2}|[a-z][a-z0-9+.\-]*:[\\/]|(?:https?|ftps?|wss?|javascript|vbscript|data|blob|file):|mailto:[^?]*\?", re.I
)
_MAIL = re.compile(r"mailto:", re.I)
_SPACE, _PART, _MORE_SIGN = re.compile(r"[\s<>]"), re.compile(r"[^\s<>(]+"), re.compile(r"[,&?]")
_ENTITY, _ESCAPED = re.compile(r"&[#a-z]", re.I), re.compile(r"\\(?=[!-/:-@\[-`{-~])")
_NEXT = re.compile(r",[\\/]{2}|,[a-z][a-z0-9+.\-]*:", re.I)  # in a list of pictures
_NOTHING = re.compile(r"[\x00-\x20\x7f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
_PLAIN = re.compile(r"(?:https?://)?([a-z0-9.\-]+)(?::\d{1,5})?(?:[/?#][^\\\s]*)?", re.I)
_ENDS = re.compile(r"(?:\[\d{1,3}\]|[?!.,:;*_'\"~`|)\]]){1,8}\Z")  # what a page leaves out, and marks
_CLOSED = re.compile(rf"{_BARE}{{0,2000}}\)(?:\[\d{{1,3}}\]|[?!.,:;*_'\"~`|)\]]){{0,8}}")
_HOST = re.compile(r"(?:https?://)?([^/?#]*)", re.I)
_OPEN_PLACEHOLDER = re.compile(r"\[[a-z ]{0,20}\d{0,3}\Z")
_TO_LAST_SPACE = re.compile(r".*\s", re.DOTALL)
_WORD, _LONGEST, _ENOUGH = 120, 2100, 16


@dataclass(frozen=True, slots=True)
class Allowed:
    """`addresses`: word for word, with the first page of each of their hosts. `hosts`: of the house, with `*.` before
    them for all below."""

    addresses: frozenset[str] = frozenset()
    hosts: tuple[str, ...] = ()

    def has(self, address: str) -> bool:
        """Never one that bears a placeholder, which its reader would follow with the value in it."""
        if "[" in address:
            return False
        if _known_as(address) in self.addresses:
            return True
        found = _PLAIN.fullmatch(address)
        return found is not None and any(_is_of(found[1].lower(), host) for host in self.hosts)


def allowed(shown: Iterable[str], hosts: Iterable[str] = ()) -> Allowed:
    """`shown`: texts that the asker wrote or was shown."""
    found: set[str] = set()
    for text in shown:
        if _SIGN.search(text):
            for match in _ADDRESS.finditer(text):
                for address in (_as_written(match, text), re.split(r"[\[\]()<>\"'`]", match.group())[0]):
                    known = _known_as(_ENDS.sub("", address))
                    found |= {known, known.split("/")[0]}
    return Allowed(frozenset(found), tuple(one.lower() for one in hosts))


@dataclass(frozen=True, slots=True)
class LinkFilter:
    allowed: Allowed

    def find(self, text: str) -> list[Span]:
        return self.find_from(text, 0)

    def find_from(self, text: str, begin: int) -> list[Span]:
        if _SIGN.search(text) is None:
            return []
        words = _Words(text)
        found = (one for one in _TARGET.finditer(text) if one.start(one.lastgroup or "c") >= begin)
        targets = sorted(span for match in found for span in self._target(match, text, words))
        return sorted([*targets, *self._bare(text, begin, targets)])

    def _bare(self, text: str, begin: int, targets: Sequence[Span]) -> Iterable[Span]:
        """Addresses that stand in none of the targets, which are in the order of the text."""
        at = reached = 0
        for match in _ADDRESS.finditer(text, begin):
            start = match.start()
            while at < len(targets) and targets[at].start <= start:
                reached = max(reached, targets[at].end)
                at += 1
            if start >= reached and not self.allowed.has(address := _as_written(match, text)):
                yield Span(start, start + len(address), LINK)

    def settled(self, text: str) -> int:
        """All but the last word, and a target that may go on."""
        end = len(text)
        held = _last_word(text, max(0, end - _LONGEST))
        if end - held > _WORD and _SIGN.search(text[held:]) is None:
            held = end - _WORD
        if _SIGN.search(text) is None:
            return held
        begin = max(0, end - _LONGEST)
        unfinished = _UNFINISHED.search(text, begin)
        if unfinished and _may_leave(unfinished.group()):
            held = min(held, unfinished.start())
        around = (one.start() for one in _TARGET.finditer(text, begin) if one.start() < held < one.end())
        return min(around, default=held)  # what opens a target is seen together with it

    def _target(self, match: re.Match[str], text: str, words: _Words) -> Iterable[Span]:
        name = match.lastgroup or "c"
        start, end = match.span(name)
        if name == "c" and text[end : end + 1] == "(":  # brackets in brackets: to the next space
            end = words.end(end)
            leaving = words.leave(start, end)
        else:
            leaving = leaves(text[start:end])
        if leaving and not self.allowed.has(text[start:end]):
            yield Span(start, end, TARGET)


class _Words:
    """Of a text in which brackets open in brackets: hundreds of targets may end with the same word, and each part of
    it between two brackets is read once for all of them. No sign of an address goes over a bracket."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._signs: tuple[list[int], list[int]] | None = None
        self._from = self._one_word = 0  # the places from and up to which no word was seen to end

    def end(self, at: int) -> int:
        """Of the word. Asked in the order of the text: no part is searched twice."""
        if not self._from <= at <= self._one_word:
            self._from = self._one_word = at
        most = min(len(self._text), at + _LONGEST)
        if self._one_word < most:
            space = _SPACE.search(self._text, self._one_word, most)
            self._one_word = space.start() if space else most
        return min(self._one_word, most)

    def leave(self, start: int, end: int) -> bool:
        """The same as `leaves` of this piece, but for what is cut in the middle of a part at its end."""
        bracket = self._text.find("(", start, end)
        first = _forms(self._text[start : bracket if bracket >= 0 else end])
        if any(_LEAVES.match(one) or _NEXT.search(one) for one in first):
            return True
        lists, questions = self._further()
        mail = any(map(_MAIL.match, first))
        return _has_between(lists, start, end) or (mail and _has_between(questions, start, end))

    def _further(self) -> tuple[list[int], list[int]]:
        """Where parts begin that go on with another address, and those with the question of a mail."""
        if self._signs is None:
            lists, questions = [], []
            for part in _PART.finditer(self._text) if _MORE_SIGN.search(self._text) else ():
                forms = _forms(part.group())
                lists += [part.start()] if any(map(_NEXT.search, forms)) else []
                questions += [part.start()] if any("?" in one for one in forms) else []
            self._signs = lists, questions
        return self._signs


def _has_between(places: Sequence[int], start: int, end: int) -> bool:
    at = bisect_left(places, start)
    return at < len(places) and places[at] < end


def _last_word(text: str, begin: int) -> int:
    """Where it starts, with a placeholder that may be part of it. Linear: texts of one long word exist."""
    placeholder = _OPEN_PLACEHOLDER.search(text, max(begin, len(text) - 24))
    before = _TO_LAST_SPACE.match(text, begin, placeholder.start() if placeholder else len(text))
    return before.end() if before else begin


def _as_written(match: re.Match[str], text: str) -> str:
    """Without the target behind it, where it stands in the text of a link, and without what ends a sentence."""
    before = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
    head, opens, rest = match.group().partition("](")
    in_link = opens and before.rfind("[") > before.rfind("]") and _CLOSED.fullmatch(rest)
    return _ENDS.sub("", head if in_link else match.group())


def leaves(address: str) -> bool:
    """Whether a page would take it for an address elsewhere: as it is, or with its signs read as HTML or Markdown."""
    return any(_LEAVES.match(one) or _NEXT.search(one) for one in _forms(address))


def _forms(address: str) -> set[str]:
    read = html.unescape(html.unescape(address)) if _ENTITY.search(address) else address
    unescaped = _ESCAPED.sub("", read) if "\\" in read else read
    return {_NOTHING.sub("", one) for one in (address, read, unescaped)}


def _may_leave(unfinished: str) -> bool:
    """A target of which little is known yet, or that does leave."""
    target = re.split(r"\]\(\s*<?|\]:\s*<?|=\s*|\(\s*|import\s*", unfinished, maxsplit=1)[-1].lstrip("\"'")
    return len(_NOTHING.sub("", target)) < _ENOUGH or "&" in target or "," in target or leaves(target)


def _known_as(address: str) -> str:
    """Capitals tell nothing in a host, and something behind it."""
    host = _HOST.match(address)
    assert host is not None  # it may be empty
    return (host[1].lower() + address[host.end() :]).removesuffix("/")


def _is_of(host: str, rule: str) -> bool:
    return host.endswith(rule[1:]) if rule.startswith("*.") else host == rule
