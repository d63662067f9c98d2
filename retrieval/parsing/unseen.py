"""What a reader of a document does not see, and a program reads: left out, for it is written for the program.

Only what is hidden for certain counts: white words may stand on a dark ground.
"""

from __future__ import annotations

import re
from typing import Any

from docx.oxml.ns import qn
from lxml import etree

# Pages that fade their parts in give them no opacity at first.
_NOT_SHOWN = re.compile(r"(?:^|;)(?:display:none|visibility:(?:hidden|collapse))")
_NO_SIZE = re.compile(r"(?:^|;)font-size:0*\.?0*(?:[a-z]{2,4}|%)?(?:;|\Z)")
_WHITE = re.compile(
    r"(?:^|;)color:(?:white|#f{3,4}|#f{6}|#f{8}|rgba?\(255,255,255(?:,[\d.]+%?)?\)|transparent|rgba\([\d.,]+,0\))(?![\w])"
)
_OFF = ("0", "false", "off", "none")
_TINY = 4  # half points: of two points nobody reads a word


def is_unseen_tag(node: etree._Element) -> bool:
    """Of HTML, by itself: what stands in it is not seen either."""
    if node.get("hidden") is not None:
        return True
    style = node.get("style")
    if style is None and node.get("color") is None:
        return False
    said = re.sub(r"/\*.*?\*/|\s|!important", "", style or "").lower()
    if _NOT_SHOWN.search(said) or (_NO_SIZE.search(said) and not _sizes_within(node)):
        return True
    return _is_white(node, said) and not _has_ground(node)


def _sizes_within(node: etree._Element) -> bool:
    """Lists have no size so that nothing stands between their items, which have one."""
    within = any("font" in (one.get("style") or "").lower() for one in node.iterdescendants())
    return within or _has_sheet(node)


def _is_white(node: etree._Element, style: str) -> bool:
    return bool(_WHITE.search(style)) or (node.get("color") or "").strip().lower() in ("white", "#fff", "#ffffff")


def _has_ground(node: etree._Element) -> bool:
    """Whether it may stand on another ground than white paper: its own, that of a part around it, or of a sheet."""
    around = (node, *node.iterancestors())
    if any("background" in (one.get("style") or "").lower() or one.get("bgcolor") for one in around):
        return True
    return _has_sheet(node)


def _has_sheet(node: etree._Element) -> bool:
    return next(node.getroottree().getroot().iter("style", "link"), None) is not None


def is_unseen_run(run: Any) -> bool:
    """Of Word: hidden, tiny, or white with nothing behind it."""
    properties = run.find(qn("w:rPr"))
    if properties is None:
        return False
    vanish = properties.find(qn("w:vanish"))
    if vanish is not None and (vanish.get(qn("w:val")) or "1").lower() not in _OFF:
        return True
    size = properties.find(qn("w:sz"))
    said = "" if size is None else size.get(qn("w:val")) or ""
    if said.isdecimal() and int(said) <= _TINY:
        return True
    colour = properties.find(qn("w:color"))
    return colour is not None and (colour.get(qn("w:val")) or "").lower() == "ffffff" and not _may_be_dark(run)


def _may_be_dark(run: Any) -> bool:
    """Cells and boxes are coloured by styles of their own."""
    ground = {qn("w:shd"), qn("w:highlight")}
    paragraph = next(run.iterancestors(qn("w:p")), None)
    near = [*run.iter(*ground), *(() if paragraph is None else paragraph.iter(qn("w:shd")))]
    around = {one.tag for one in run.iterancestors()}
    page = run.getroottree().getroot().find(qn("w:background"))
    return bool(near) or page is not None or bool(around & {qn("w:tbl"), qn("w:txbxContent")})
