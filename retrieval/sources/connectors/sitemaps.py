"""Sitemaps (sitemaps.org): the addresses in one, and in those that an index names."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator

from lxml import etree

from retrieval.sources.errors import SourceError, SourceUnreachable

_MOST_SITEMAPS = 200
_BYTES = 50_000_000  # unpacked, as the protocol allows
_ELEMENTS = 1_000_000  # the protocol allows 50,000 addresses, each with some lines about it
_ADDRESS = 4_000  # characters
_PIECE = 256 * 1024


def addresses_of(url: str, get: Callable[[str], bytes], *, most: int) -> Iterator[str]:
    """Raises SourceError where one is not readable: its pages must not look vanished."""
    waiting, seen, found = [url], {url}, 0
    while waiting:
        places = _read(get(waiting.pop(0)))
        for address in places.found:
            if not places.is_index:
                found += 1
                if found > most:
                    return
                yield address
            elif address not in seen and len(seen) < _MOST_SITEMAPS:
                seen.add(address)
                waiting.append(address)


class _Places:
    """Takes the elements as they are parsed; no tree is built, which would take thirty times the memory."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self.is_index = False
        self._open: list[str] = []
        self._text: list[str] = []
        self._elements = self._length = 0

    def start(self, tag: str, _: object) -> None:
        name = tag.rpartition("}")[2]
        if not self._open:
            self.is_index = name == "sitemapindex"
        self._elements += 1
        if self._elements > _ELEMENTS:
            raise SourceUnreachable("The sitemap is too large.")
        self._open.append(name)
        self._text, self._length = [], 0

    def data(self, text: str) -> None:
        self._length += len(text)
        if self._open and self._open[-1] == "loc" and self._length <= _ADDRESS:
            self._text.append(text)

    def end(self, _: str) -> None:
        named = self._open.pop() == "loc" and self._open and self._open[-1] in ("url", "sitemap")
        if named and self._length <= _ADDRESS and (address := "".join(self._text).strip()):
            self.found.append(address)
        self._text = []

    def close(self) -> None:
        pass


def _read(body: bytes) -> _Places:
    places = _Places()
    parser = etree.XMLParser(target=places, resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        for piece in _pieces(body):
            parser.feed(piece)
        parser.close()
    except etree.XMLSyntaxError as error:
        raise SourceError("The sitemap is not XML.", advice="Check its address.", detail=str(error)) from error
    return places


def _pieces(body: bytes) -> Iterator[bytes]:
    """Unpacked where it is packed."""
    if not body.startswith(b"\x1f\x8b"):
        yield body
        return
    unpacker, rest, size = zlib.decompressobj(wbits=31), body, 0
    while rest and not unpacker.eof:
        try:
            piece = unpacker.decompress(rest, _PIECE)
        except zlib.error as error:
            raise SourceError("The sitemap is damaged.", detail=str(error)) from error
        rest, size = unpacker.unconsumed_tail, size + len(piece)
        if size > _BYTES:
            raise SourceUnreachable("The sitemap is too large.")
        yield piece
