"""What is marked in the code, and what the catalogs hold: read without gettext's own tools."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.conf import settings
from django.template import engines
from django.templatetags.i18n import BlockTranslateNode, TranslateNode

ROOT = Path(settings.BASE_DIR)
TRANSLATED = ("de", "ar")
_IN_A_FILTER = re.compile(r'_\("([^"]*)"\)')
_JS_STRING = r'"((?:[^"\\]|\\.)*)"'
_JS_CALL = re.compile(rf"\b(n?)gettext\(\s*{_JS_STRING}(?:,\s*{_JS_STRING})?")

_PYTHON_CALLS = {"_", "gettext", "gettext_lazy", "gettext_noop", "ngettext", "ngettext_lazy"}


@dataclass(frozen=True)
class Entry:
    text: str
    plural: str  # "" where there is none
    forms: tuple[str, ...]
    fuzzy: bool


def entries(language: str, domain: str) -> list[Entry]:
    path = ROOT / "chatapp" / "locale" / language / "LC_MESSAGES" / f"{domain}.po"
    return [_entry(block) for block in path.read_text().strip().split("\n\n")]


def _entry(block: str) -> Entry:
    parts: dict[str, str] = {}
    name, fuzzy = "", False
    for line in block.splitlines():
        if line.startswith("#"):
            fuzzy = fuzzy or (line.startswith("#,") and "fuzzy" in line)
            continue
        if not line.startswith('"'):
            name, _, line = line.partition(" ")
        parts[name] = parts.get(name, "") + ast.literal_eval(line)
    forms = tuple(value for key, value in parts.items() if key.startswith("msgstr"))
    return Entry(parts["msgid"], parts.get("msgid_plural", ""), forms, fuzzy)


def templates() -> Iterator[tuple[Path, str]]:
    for path in sorted((ROOT / "templates").rglob("*.html")):
        yield path, path.read_text()


@cache
def marked(domain: str) -> frozenset[tuple[str, str]]:
    """-> (text, plural or "") of each marked text"""
    return frozenset(_in_scripts() if domain == "djangojs" else [*_in_templates(), *_in_python()])


def _in_templates() -> Iterator[tuple[str, str]]:
    for _, source in templates():
        yield from ((text, "") for text in _IN_A_FILTER.findall(source))
        nodes = engines["django"].from_string(source).template.nodelist
        for one in nodes.get_nodes_by_type(TranslateNode):
            yield str(one.filter_expression.var.literal), ""
        for block in nodes.get_nodes_by_type(BlockTranslateNode):
            plural = block.render_token_list(block.plural)[0] if block.plural else ""
            yield block.render_token_list(block.singular)[0], plural


def _in_python() -> Iterator[tuple[str, str]]:
    for folder in ("chatapp", "inference", "retrieval"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _PYTHON_CALLS:
                    parts = [one.value for one in node.args[:2] if isinstance(one, ast.Constant)]
                    if parts:
                        yield str(parts[0]), str(parts[1]) if node.func.id.startswith("n") else ""


def _in_scripts() -> Iterator[tuple[str, str]]:
    for path in sorted((ROOT / "static" / "js").glob("*.js")):
        for several, text, plural in _JS_CALL.findall(path.read_text()):
            yield ast.literal_eval(f'"{text}"'), ast.literal_eval(f'"{plural}"') if several else ""
