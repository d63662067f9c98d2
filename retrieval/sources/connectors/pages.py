"""What a crawler needs of a page: its links, whether it may be kept, and a name for its file."""

from __future__ import annotations

import re
from itertools import islice
from urllib.parse import unquote, urljoin, urlsplit

from lxml import etree
from lxml import html as lxml_html

_ENDINGS = {
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "application/pdf": ".pdf",
    "text/plain": ".txt",
    "text/markdown": ".md",
    "text/csv": ".csv",
    "application/json": ".json",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
}
_MOST_LINKS = 5000
_PARSED_BYTES = 10_000_000  # a tree takes ten times as much memory
_ADDRESS = 1000  # characters


def normal_address(base: str, link: str) -> str | None:
    """The link as an absolute web address without fragment, name, password and default port; None for anything else."""
    try:
        there = urlsplit(urljoin(base, link.strip()))
        host, port = there.hostname, there.port
    except ValueError:
        return None
    if there.scheme not in ("http", "https") or not host:
        return None
    host = f"[{host}]" if ":" in host else host
    default = {"http": 80, "https": 443}[there.scheme]
    place = f"{host}:{port}" if port and port != default else host
    found = there._replace(netloc=place, path=there.path or "/", fragment="").geturl()
    return found if len(found) <= _ADDRESS else None


def links_of(body: bytes, url: str) -> tuple[bool, list[str]]:
    """-> whether the page lets itself be indexed, and the pages that it links to unless it asks not to follow them"""
    if len(body) > _PARSED_BYTES:
        return True, []
    try:
        tree = lxml_html.document_fromstring(body, parser=lxml_html.HTMLParser(huge_tree=False))
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        return True, []
    robots = ",".join(str(one.get("content", "")) for one in tree.iter("meta") if _is_robots(one)).lower()
    named = next((str(one.get("href")) for one in tree.iter("base") if one.get("href")), "")
    base = normal_address(url, named) or url
    links: dict[str, None] = {}
    follow = "nofollow" not in robots and "none" not in robots
    for one in islice(tree.iter("a"), _MOST_LINKS) if follow else ():
        href = str(one.get("href") or "")
        if href and "nofollow" not in str(one.get("rel") or "") and (found := normal_address(base, href)):
            links[found] = None
    return "noindex" not in robots and "none" not in robots, list(links)


def _is_robots(meta: etree._Element) -> bool:
    return str(meta.get("name", "")).lower() in ("robots", "footnote")


def file_name(url: str, media_type: str, disposition: str) -> str:
    """As the server calls it, or after the last part of its address, with the ending that its type asks for."""
    given = re.search(r"filename=\"?([^\";]+)", disposition)
    path = unquote(urlsplit(url).path).rstrip("/")
    ending = _ENDINGS.get(media_type, "")
    name = (given[1].strip() if given else path.rpartition("/")[2]) or f"home page of {urlsplit(url).hostname}"
    known = {".html", ".htm"} if ending == ".html" else {ending}
    return name if not ending or name.lower().endswith(tuple(known)) else f"{name}{ending}"
