"""Web pages: those named, those of sitemaps, and those that they link to, as robots.txt allows."""

from __future__ import annotations

import hashlib
import io
import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import partial
from time import monotonic, sleep
from typing import Any, BinaryIO
from urllib.parse import urljoin, urlsplit

from retrieval.sources.connector import Earlier, Item, Kind, Surroundings, known_fields, require
from retrieval.sources.connectors.pages import file_name, links_of, normal_address
from retrieval.sources.connectors.robots import AGENT, Robots
from retrieval.sources.connectors.sitemaps import addresses_of
from retrieval.sources.errors import SourceError, SourceUnreachable
from retrieval.sources.guarded_http import Answer, fetch, pool

_DEFAULTS: dict[str, Any] = {
    "start": [],
    "sitemaps": [],
    "within": [],  # only addresses that begin with one of these; empty: with the hosts of the others
    "depth": 0,  # of the links that are followed from the pages named
    "most_pages": 1000,
    "milliseconds_between": 1000,  # two requests to one host; robots.txt may ask for more
}
_LINKS = 200  # of a page that are remembered
_BODY_BYTES = 50_000_000  # held in memory
_GONE = (404, 410)
_HTML = ("text/html", "application/xhtml+xml")
_SITEMAP_BYTES = 50_000_000
_SITEMAP_PAUSE_S = 1.0  # they are read anew in each slice of a run


@dataclass(slots=True)
class _Crawl:
    """What one run has yet to look at."""

    most: int
    queue: deque[tuple[str, int]] = field(default_factory=deque)  # address and its depth
    seen: set[str] = field(default_factory=set)

    def add(self, url: str, depth: int) -> None:
        if url not in self.seen and len(self.seen) < self.most:
            self.seen.add(url)
            self.queue.append((url, depth))


class WebConnector:
    def __init__(self, settings: Mapping[str, Any], around: Surroundings) -> None:
        self._around, self._settings = around, settings
        self._pool = pool(around.networks)
        self._robots = Robots(self._get)
        self._asked: dict[str, float] = {}  # by host, when it was asked last
        named = [*settings["start"], *settings["sitemaps"]]
        within = settings["within"] or [urljoin(one, "/") for one in named]
        self._within = tuple({normal_address(one, one) or one for one in within})

    def items(self) -> Iterator[Item]:
        crawl = _Crawl(min(self._settings["most_pages"], self._around.most_items))
        for url in self._settings["start"]:
            crawl.add(normal_address(url, url) or url, 0)
        for url in self._from_sitemaps():
            crawl.add(url, 0)
        while crawl.queue:
            self._around.alive()
            url, depth = crawl.queue.popleft()
            item, links = self._page(url)
            yield item
            if depth < self._settings["depth"]:
                for link in links:
                    if link.startswith(self._within):
                        crawl.add(link, depth + 1)

    def _from_sitemaps(self) -> Iterator[str]:
        for url in self._settings["sitemaps"]:
            for found in addresses_of(url, self._sitemap, most=self._around.most_items):
                if (address := normal_address(url, found)) and address.startswith(self._within):
                    yield address

    def _sitemap(self, url: str) -> bytes:
        answer = self._get(url, {}, _SITEMAP_BYTES, longest_pause_s=_SITEMAP_PAUSE_S)
        if answer.status != 200:
            raise SourceUnreachable(f"The sitemap {url:.200} answers with {answer.status}.")
        return answer.body

    def _page(self, url: str) -> tuple[Item, list[str]]:
        """-> the page and its links"""
        earlier = self._around.earlier(url)
        if earlier is not None and earlier.this_run:  # before this run was cut off
            return _kept(url, earlier), list(earlier.memo.get("links", []))
        try:
            if not self._robots.allows(url):
                return _absent(url), []
            answer = self._get(url, _conditions(earlier), min(self._around.item_bytes, _BODY_BYTES))
        except SourceError as error:
            return _unread(url, earlier, error.user_message), list(earlier.memo.get("links", []) if earlier else [])
        return self._read(url, answer, earlier)

    def _read(self, url: str, answer: Answer, earlier: Earlier | None) -> tuple[Item, list[str]]:
        headers = {name.lower(): value for name, value in answer.headers.items()}
        if answer.status == 304 and earlier is not None:
            return _kept(url, earlier), list(earlier.memo.get("links", []))
        if not (normal_address(answer.url, answer.url) or "").startswith(self._within):
            host = urlsplit(answer.url).hostname
            return _unread(url, earlier, f"The page leads to {host:.100}, which is not within this source."), []
        if answer.status in _GONE or "noindex" in headers.get("x-robots-tag", "").lower():
            return _absent(url), []
        if answer.status != 200:
            return _unread(url, earlier, f"The page answers with {answer.status}."), []
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        may_index, links = (
            links_of(answer.body, answer.url) if kind in ("text/html", "application/xhtml+xml") else (True, [])
        )
        memo = {
            "etag": _sendable(headers.get("etag", ""), 200),
            "last_modified": _sendable(headers.get("last-modified", ""), 100),
            "links": links[:_LINKS],
        }
        if not may_index:
            return _absent(url, links), links
        version = hashlib.sha256(answer.body).hexdigest()
        name = file_name(answer.url, kind, headers.get("content-disposition", ""))
        return Item(url, version, name, partial(_opened, answer.body), _date(headers), memo), links

    def _get(
        self, url: str, headers: Mapping[str, str], most_bytes: int, *, longest_pause_s: float = float("inf")
    ) -> Answer:
        """After the pause that its host is due."""
        host = urlsplit(url).netloc
        pause = max(self._settings["milliseconds_between"] / 1000, self._robots.delay(url))
        pause = min(pause, longest_pause_s)
        while (left := self._asked.get(host, float("-inf")) + pause - monotonic()) > 0:
            self._around.alive()
            sleep(min(left, 1.0))
        alive = self._around.alive
        try:
            return fetch(self._pool, url, headers={"User-Agent": AGENT, **headers}, most_bytes=most_bytes, alive=alive)
        finally:
            self._asked[host] = monotonic()


@contextmanager
def _opened(body: bytes) -> Iterator[BinaryIO]:
    yield io.BytesIO(body)


def _kept(url: str, earlier: Earlier) -> Item:
    return Item(url, earlier.version, "", partial(_opened, b""), memo=earlier.memo)


def _absent(url: str, links: Sequence[str] = ()) -> Item:
    return Item(url, "", "", partial(_opened, b""), memo={"links": list(links[:_LINKS])}, absent=True)


def _unread(url: str, earlier: Earlier | None, problem: str) -> Item:
    version, memo = (earlier.version, earlier.memo) if earlier else ("", {})
    return Item(url, version, file_name(url, "", ""), partial(_opened, b""), memo=memo, problem=problem)


def _conditions(earlier: Earlier | None) -> dict[str, str]:
    """RFC 9110, section 13: only what has changed is sent again."""
    memo = earlier.memo if earlier else {}
    named = {"If-None-Match": memo.get("etag", ""), "If-Modified-Since": memo.get("last_modified", "")}
    return {name: value for name, value in named.items() if value}


def _sendable(value: str, most: int) -> str:
    """What can be stored, and sent again in a header; else nothing."""
    return value if len(value) <= most and re.fullmatch(r"[\x20-\x7e\x80-\xff]*", value) else ""


def _date(headers: Mapping[str, str]) -> datetime | None:
    try:
        found = parsedate_to_datetime(headers.get("last-modified", ""))
    except (ValueError, OverflowError):
        return None
    return found if found.tzinfo else None


def _check(given: Mapping[str, Any]) -> dict[str, Any]:
    fields = known_fields(given, _DEFAULTS)
    addresses = [*fields["start"], *fields["sitemaps"], *fields["within"]]
    require(bool(fields["start"] or fields["sitemaps"]), "Name a page in start, or a sitemap in sitemaps.")
    require(len(addresses) <= 200, "At most 200 addresses can be named.")
    for one in addresses:
        fine = normal_address(one, one) and "@" not in urlsplit(one).netloc
        require(bool(fine), f"{one!r:.200} is no web address.")
    whole = all(urlsplit(one).path for one in fields["within"])  # else "https://a.com" would match a.com.evil.org
    require(whole, "An address in within must go on after its host: add a /.")
    require(0 <= fields["depth"] <= 10, "The setting depth must lie between 0 and 10.")
    require(1 <= fields["most_pages"] <= 100_000, "The setting most_pages must lie between 1 and 100000.")
    require(0 <= fields["milliseconds_between"] <= 600_000, "milliseconds_between must lie between 0 and 600000.")
    return fields


KIND = Kind("web", "Web pages and sitemaps", _DEFAULTS, _check, WebConnector)
