"""XML: each record a block that says its path; running text as paragraphs. Nothing is fetched, no entity expanded."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from lxml import etree

from retrieval.config import ParseLimits
from retrieval.contracts import ParsedDocument
from retrieval.parsing.budget import Blocks
from retrieval.parsing.records import add_records
from retrieval.parsing.sniff import Corrupt

_DEPTH = 60
_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,500}>")  # HTML inside a value, as feeds have it


def safe_tree(content: bytes) -> etree._Element:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=True)
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Corrupt(detail=str(error)) from error
    if root is None:
        raise Corrupt
    return root


def parse(path: Path, limits: ParseLimits) -> ParsedDocument:
    out = Blocks(limits.characters)
    root = safe_tree(path.read_bytes())
    add_records(out, _value(root, 0), _name(root))
    return ParsedDocument("", tuple(out.blocks))


def _name(element: etree._Element) -> str:
    return str(etree.QName(element).localname)


def _value(element: etree._Element, depth: int) -> Any:
    """Text, or fields by their names; elements of one name are a list."""
    children = [child for child in element if isinstance(child.tag, str)]
    attributes = {f"@{etree.QName(key).localname}": value for key, value in element.attrib.items()}
    if depth > _DEPTH or not children or _is_mixed(element, children):
        text = _plain("".join(element.itertext()))
        return {**attributes, "text": text} if attributes and text else attributes or text
    fields: dict[str, Any] = dict(attributes)
    several: set[str] = set()
    for child in children:
        name, value = _name(child), _value(child, depth + 1)
        if name in several:
            fields[name].append(value)
        elif name in fields:
            fields[name] = [fields[name], value]
            several.add(name)
        else:
            fields[name] = value
    return fields


def _is_mixed(element: etree._Element, children: list[etree._Element]) -> bool:
    return bool((element.text or "").strip()) or any((child.tail or "").strip() for child in children)


def _plain(text: str) -> str:
    return " ".join(_TAG.sub(" ", text).split())
