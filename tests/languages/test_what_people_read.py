"""What errors say to people is in the list that is translated: gathered from the code, not from memory."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from chatapp.languages.administration import TEXTS_OF_ADMINISTRATION
from chatapp.languages.texts import TEXTS
from tests.languages.catalogs import ROOT

_LISTED = TEXTS | TEXTS_OF_ADMINISTRATION
_VALUE = re.compile(r"%\(\w+\)s")
_TOLD = {"user_message", "advice"}
_ERRORS = {"Invalid", "NotFound", "NotImported"}
# Programs and those who run Footnote are spoken to in English: docs/translations.md.
_OF_PROGRAMS = (
    "openai/",
    "scim/",
    "management/",
    "documents/management/",
    "accounts/signing.py",
    "addresses.py",
    "commands.py",
    "conversations/frames.py",
    "documents/bench_api.py",
    "documents/bulk.py",
    "documents/filters.py",
    "documents/ingestion_api.py",
    "documents/listing.py",
    "documents/search_api.py",
    "documents/source_api.py",
    "documents/sources.py",
    "feedback/",
    "governance/verification.py",
    "json_body.py",
    "widget/consumer.py",
)
_OF_ADMINISTRATORS = (  # not listed yet
    "limits/budgets.py",
    "privacy/errors.py",
)
_EXCEPTIONS = {
    "The upload holds no file.",  # of a program: the page sends one
    "There is no field named X.",
    "The field X has the wrong type.",
    "There is no action named X.",
    "There is no role named X.",  # of a command: the page offers those that there are
    "Use one of X.",
    "Use some of X.",
    "There is no key named X in use.",  # of a command
    "There is no collection named X that you can see.",  # of commands and programs
    "Nothing is to change.",
    "Leave it out to search all that you may read.",
    "This is not JSON that can be read (X).",  # what follows is the parser's own
}


def test_what_people_read_is_listed() -> None:
    known = [re.compile(".+".join(map(re.escape, _VALUE.split(text))), re.DOTALL) for text in _LISTED]
    told = {(where, text) for where, text in _told() if text not in _EXCEPTIONS and "`" not in text}  # names of fields
    missing = sorted(one for one in told if not any(pattern.fullmatch(one[1]) for pattern in known))
    assert not missing, f"Add them to chatapp/languages/texts.py and translate them, docs/translations.md: {missing}"


def test_each_exception_is_one() -> None:
    assert {text for _, text in _told()} >= _EXCEPTIONS
    chatapp = ROOT / "chatapp"
    assert [one for one in (*_OF_PROGRAMS, *_OF_ADMINISTRATORS) if not (chatapp / one).exists()] == []


def _told() -> Iterator[tuple[str, str]]:
    """-> (file, text with X for each value)"""
    chatapp = ROOT / "chatapp"
    for path in sorted(chatapp.rglob("*.py")):
        where = str(path.relative_to(chatapp))
        if where.startswith((*_OF_PROGRAMS, *_OF_ADMINISTRATORS)):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            for one in _said_by(node):
                yield from ((where, text) for text in _texts(one))


def _said_by(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.Assign):
        named = {one.id for one in node.targets if isinstance(one, ast.Name)}
        return [node.value] if named & _TOLD else []
    if not isinstance(node, ast.Call):
        return []
    raised = node.args[:1] if isinstance(node.func, ast.Name) and node.func.id in _ERRORS else []
    return [*raised, *(one.value for one in node.keywords if one.arg in _TOLD)]


def _texts(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.IfExp):
        yield from (*_texts(node.body), *_texts(node.orelse))
    elif isinstance(node, ast.JoinedStr):
        yield "".join(str(one.value) if isinstance(one, ast.Constant) else "X" for one in node.values)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
