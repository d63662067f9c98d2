"""Addresses in an answer that stand in none of its sources: whoever follows them tells their owner what stands in them.

Text that is hidden in a document can make a model write a link or a picture whose address carries what was asked and
found. An address that was shown to the asker word for word carries nothing new.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
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
        spans = [span for match in _TARGET.finditer(text) for span in self._target(match, text) if span.start >= begin]
        for match in _ADDRESS.finditer(text, begin):
            start, address = match.start(), _as_written(match, text)
            inside = any(one.start <= start < one.end for one in spans)
            if not inside and not self.allowed.has(address):
                spans.append(Span(start, start + len(address), LINK))
        return sorted(spans)

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

    def _target(self, match: re.Match[str], text: str) -> Iterable[Span]:
        name = match.lastgroup or "c"
        start, end = match.span(name)
        if name == "c" and text[end : end + 1] == "(":  # brackets in brackets: to the next space
            end += len(re.split(r"[\s<>]", text[end : end + _LONGEST], maxsplit=1)[0])
        if leaves(text[start:end]) and not self.allowed.has(text[start:end]):
            yield Span(start, end, TARGET)


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
    read = html.unescape(html.unescape(address))
    forms = {_NOTHING.sub("", one) for one in (address, read, re.sub(r"\\(?=[!-/:-@\[-`{-~])", "", read))}
    return any(_LEAVES.match(one) or _NEXT.search(one) for one in forms)


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
