"""Markdown: headings, tables, lists and code as blocks; the inline marks go, the words stay."""

from __future__ import annotations

import re
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from retrieval.config import ParseLimits
from retrieval.contracts import ParsedDocument
from retrieval.parsing.budget import Blocks
from retrieval.parsing.encoding import decode
from retrieval.parsing.sniff import Corrupt

_FRONT_MATTER = re.compile(r"\A---\r?\n(.*?)\r?\n---\r?\n", re.S)


def parse(path: Path, limits: ParseLimits) -> ParsedDocument:
    text = decode(path.read_bytes())
    if text is None:
        raise Corrupt
    title = ""
    if front := _FRONT_MATTER.match(text):
        found = re.search(r"^title:\s*[\"']?(.+?)[\"']?\s*$", front[1], re.M)
        title = found[1] if found else ""
        text = text[front.end() :]
    out = Blocks(limits.characters)
    add_markdown(out, text)
    return ParsedDocument(title, tuple(out.blocks))


def add_markdown(out: Blocks, text: str, locator: str = "") -> None:
    tokens = MarkdownIt("commonmark", {"maxNesting": 50}).enable("table").parse(text)
    _Walker(out, locator).walk(tokens)


class _Walker:
    def __init__(self, out: Blocks, locator: str = "") -> None:
        self.out, self.locator = out, locator
        self.items: list[str] = []  # of the outermost list
        self.depth = 0
        self.mark = ""  # of the list item that begins
        self.rows: list[list[str]] = []
        self.heading = 0

    def walk(self, tokens: list[Token]) -> None:
        for token in tokens:
            if token.type == "heading_open":
                self.heading = int(token.tag[1])
            elif "list" in token.type:
                self._list(token)
            elif token.type == "tr_open":
                self.rows.append([])
            elif token.type == "table_close":
                self.out.table(self.rows, locator=self.locator)
                self.rows = []
            elif token.type in ("fence", "code_block"):
                self.out.add("code", token.content, locator=self.locator)
            elif token.type == "html_block":
                self.out.add("paragraph", re.sub(r"<[^>]{0,2000}>", " ", token.content), locator=self.locator)
            elif token.type == "inline":
                self._inline(plain(token))

    def _inline(self, text: str) -> None:
        if self.rows:
            self.rows[-1].append(text)
        elif self.heading:
            self.out.add("heading", text, level=self.heading, locator=self.locator)
            self.heading = 0
        elif self.depth:
            self.items.append("  " * (self.depth - 1) + (f"{self.mark} {text}" if self.mark else text))
            self.mark = ""

        else:
            self.out.add("paragraph", text, locator=self.locator)

    def _list(self, token: Token) -> None:
        if token.type in ("bullet_list_open", "ordered_list_open"):
            self.depth += 1
        elif token.type == "list_item_open":
            self.mark = f"{token.info}{token.markup}" if token.info else "-"
        elif token.type in ("bullet_list_close", "ordered_list_close"):
            self.depth -= 1
        if not self.depth:
            self.out.add("list", "\n".join(self.items), locator=self.locator)
            self.items = []


def plain(token: Token) -> str:
    """The words of inline content; of a picture its description."""
    parts = []
    for child in token.children or []:
        if child.type in ("text", "code_inline") or child.type == "image":
            parts.append(child.content)
        elif child.type in ("softbreak", "hardbreak"):
            parts.append("\n")
        elif child.type == "html_inline":
            parts.append(" ")
    return "".join(parts).strip()
