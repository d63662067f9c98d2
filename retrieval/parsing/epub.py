"""EPUB: the parts of a book in the order of its spine, with their headings."""

from __future__ import annotations

import posixpath
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote

from lxml import etree

from retrieval.config import ParseLimits
from retrieval.contracts import ParsedDocument
from retrieval.errors import DocumentRejected
from retrieval.parsing.budget import Blocks
from retrieval.parsing.damage import DAMAGED
from retrieval.parsing.encoding import decode
from retrieval.parsing.html import parse_html
from retrieval.parsing.sniff import Corrupt, Empty, Encrypted
from retrieval.parsing.xml_data import safe_tree

_PART_BYTES = 30_000_000
_PARTS = 5_000
_HTML = ("application/xhtml+xml", "text/html", "application/xml", "text/xml")


def parse(path: Path, limits: ParseLimits) -> ParsedDocument:
    try:
        with zipfile.ZipFile(path) as book:
            return _read(book, limits)
    except DAMAGED as error:
        raise Corrupt("The book is damaged and cannot be opened.", detail=str(error)) from error


def _read(book: zipfile.ZipFile, limits: ParseLimits) -> ParsedDocument:
    package_path = _package_path(book)
    package = safe_tree(_member(book, package_path))
    parts = _spine(package, posixpath.dirname(package_path))
    _refuse_protected(book, parts)
    out = Blocks(limits.characters)
    missing = 0
    for number, name in enumerate(parts, start=1):
        try:
            text = decode(_member(book, name)) or ""
            blocks = parse_html(text, replace(limits, characters=max(out.left, 1)), whole=True).blocks
        except (KeyError, Empty):
            missing += 1
            continue
        out.take([replace(block, locator=f"part {number}") for block in blocks])
    warnings = (f"{missing} of {len(parts)} parts hold no text.",) if missing else ()
    return ParsedDocument(_first(package, "title"), tuple(out.blocks), None, warnings, _date(package))


def _member(book: zipfile.ZipFile, name: str) -> bytes:
    with book.open(name) as member:
        content = member.read(_PART_BYTES + 1)
    if len(content) > _PART_BYTES:
        raise DocumentRejected("A part of the book is too large to be read.")
    return content


def _package_path(book: zipfile.ZipFile) -> str:
    container = safe_tree(_member(book, "META-INF/container.xml"))
    for entry in container.iter("{*}rootfile"):
        if path := entry.get("full-path"):
            return str(path)
    raise Corrupt("The book does not say what it consists of.")


def _spine(package: etree._Element, folder: str) -> list[str]:
    hrefs = {
        item.get("id"): item.get("href")
        for item in package.iter("{*}item")
        if item.get("media-type") in _HTML and item.get("href")
    }
    order = [entry.get("idref") for entry in package.iter("{*}itemref")][:_PARTS]
    found = [hrefs[name] for name in order if name in hrefs]
    return [posixpath.normpath(posixpath.join(folder, unquote(str(href)))) for href in found]


def _refuse_protected(book: zipfile.ZipFile, parts: list[str]) -> None:
    """Fonts may be scrambled in any book; texts are in protected ones."""
    if "META-INF/encryption.xml" in book.namelist():
        listed = safe_tree(_member(book, "META-INF/encryption.xml"))
        sealed = {unquote(str(entry.get("URI"))) for entry in listed.iter("{*}CipherReference")}
        if sealed.intersection(parts):
            raise Encrypted("The book is protected by its seller.", advice="Upload a copy without protection.")


def _first(package: etree._Element, name: str) -> str:
    found = next(package.iter(f"{{http://purl.org/dc/elements/1.1/}}{name}"), None)
    return " ".join((found.text or "").split()) if found is not None else ""


def _date(package: etree._Element) -> datetime | None:
    modified = [e.text for e in package.iter("{*}meta") if e.get("property") == "dcterms:modified"]
    for text in (*modified, _first(package, "date")):
        try:
            moment = datetime.fromisoformat((text or "").strip())
        except ValueError:
            continue
        return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return None
