"""What a reader of a document does not see, and a program reads: left out, for it is written for the program.

Only what is hidden for certain counts: white words may stand on a dark ground.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lxml import etree

# Pages that fade their parts in give them no opacity at first.
_NOT_SHOWN = re.compile(r"(?:^|;)(?:display:none|visibility:(?:hidden|collapse))")
_NO_SIZE = re.compile(r"(?:^|;)font-size:0*(?:\.0*)?(?:[a-z]{2,4}|%)?(?:;|\Z)")
_WHITE = re.compile(
    r"(?:^|;)color:(?:white|#f{3,4}|#f{6}|#f{8}|rgba?\(255,255,255(?:,[\d.]+%?)?\)|transparent|rgba\([\d.,]+,0\))(?![\w])"
)
_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)  # one that is not closed goes to the end
_ESCAPE = re.compile(r"\\(?:([0-9a-f]{1,6})\s?|(.))")  # CSS Syntax Module Level 3, 4.3.7


@dataclass(frozen=True, slots=True)
class _Open:
    style: str
    grounds: int  # of it and what is around it
    sizes: int  # that were seen before what stands in it


def unseen_in(tree: etree._Element) -> list[etree._Element]:
    """Elements of HTML whose words nobody sees, those within them first. One walk, however hostile the page is."""
    sheet = next(tree.iter("style", "link"), None) is not None
    found, around, sizes = list[etree._Element](), list[_Open](), 0
    for event, node in etree.iterwalk(tree, events=("start", "end")):
        if event == "start":
            style = (node.get("style") or "").lower()
            sizes += "font" in style
            ground = "background" in style or bool(node.get("bgcolor"))
            around.append(_Open(style, ground + (around[-1].grounds if around else 0), sizes))
        else:
            one = around.pop()
            if _is_unseen(node, one, sheet, one.sizes != sizes):
                found.append(node)
    return found


def _is_unseen(node: etree._Element, one: _Open, sheet: bool, sizes_within: bool) -> bool:
    """Lists have no size so that nothing stands between their items, which have one; white words may stand on another
    ground than white paper: their own, that of a part around them, or of a sheet.
    """
    if node.get("hidden") is not None:
        return True
    if not one.style and node.get("color") is None:
        return False
    said = _plain(one.style)
    if _NOT_SHOWN.search(said) or (_NO_SIZE.search(said) and not (sizes_within or sheet)):
        return True
    return _is_white(node, said) and not (one.grounds or sheet)


def _plain(style: str) -> str:
    """Without comments, spaces and escapes: in one pass each, however long it is."""
    left = _ESCAPE.sub(_unescaped, _COMMENT.sub("", style))
    return re.sub(r"\s|!important", "", left)


def _unescaped(found: re.Match[str]) -> str:
    """Letters are what they stand for; signs are then no part of the syntax."""
    code = int(found[1], 16) if found[1] else ord(found[2])
    letter = chr(code).lower() if code < 0x110000 else ""
    return letter if letter.isalnum() or letter == "-" else "_"


def _is_white(node: etree._Element, style: str) -> bool:
    return bool(_WHITE.search(style)) or (node.get("color") or "").strip().lower() in ("white", "#fff", "#ffffff")
