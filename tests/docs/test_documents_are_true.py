"""What the documents list is what there is."""

from __future__ import annotations

import argparse
import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import load_command_class
from django.core.management.base import BaseCommand

from chatapp.accounts.signed_in import METRICS, OPEN_PREFIXES
from chatapp.conversations.frames import CLIENT_FRAMES, SERVER_FRAMES

ROOT = Path(__file__).resolve().parent.parent.parent
DOCS = ROOT / "docs"
PACKAGES = ("chatapp", "retrieval", "inference")
COMMANDS = sorted(
    (".".join(path.relative_to(ROOT).parts[:-3]), path.stem)
    for package in PACKAGES
    for path in (ROOT / package).rglob("management/commands/*.py")
    if path.stem != "__init__"
)
OF_DJANGO = {
    option for action in BaseCommand().create_parser("manage.py", "any")._actions for option in action.option_strings
}


def test_each_setting_is_documented_and_exists():
    read = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', (ROOT / "chatapp" / "settings.py").read_text()))
    documented = set(re.findall(r"^\| `([A-Z_]+)`", (DOCS / "settings.md").read_text(), re.M))
    assert documented == read


def test_each_door_that_is_open_to_strangers_is_documented():
    section = (DOCS / "security.md").read_text().partition("## What answers a stranger")[2].partition("\n## ")[0]
    told = section.strip().partition("\n")[0]  # the list; what follows is about them
    assert [door for door in (*OPEN_PREFIXES, METRICS) if f"`{door}`" not in told] == []


def test_each_frame_is_documented():
    documented = set(re.findall(r"^\| `([a-z]+)`", (DOCS / "protocol.md").read_text(), re.M))
    assert documented == {*CLIENT_FRAMES, *SERVER_FRAMES}


def test_each_command_has_a_section_and_each_section_a_command():
    headings = re.findall(r"^## (.+)$", (DOCS / "commands.md").read_text(), re.M)
    assert sorted(name for heading in headings for name in heading.split(", ")) == sorted(n for _, n in COMMANDS)


@pytest.mark.parametrize(("app", "name"), COMMANDS, ids=[name for _, name in COMMANDS])
def test_each_option_of_a_command_is_documented_and_exists(app: str, name: str) -> None:
    parser = load_command_class(app, name).create_parser("manage.py", name)
    options = {option for option in _options(parser) if option not in OF_DJANGO}
    assert set(re.findall(r"^\| `(-[\w-]+)`", _section(name), re.M)) == options


def _options(parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in parser._actions:
        yield from action.option_strings
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from _options(below)


def _section(command: str) -> str:
    parts = re.split(r"^## (.+)$", (DOCS / "commands.md").read_text(), flags=re.M)
    return next(body for heading, body in zip(parts[1::2], parts[2::2], strict=True) if command in heading.split(", "))


def test_each_action_of_models_is_documented():
    parser = load_command_class("chatapp", "models").create_parser("manage.py", "models")
    (actions,) = (one for one in parser._actions if isinstance(one, argparse._SubParsersAction))
    assert set(re.findall(r"`models (\w+)", _section("models"))) == set(actions.choices)


def test_each_error_code_is_documented_and_each_that_is_documented_exists():
    documented = {
        code
        for page in ("operations.md", "administration.md")
        for table in re.findall(r"^\| code \|.*\n((?:\|.*\n)+)", (DOCS / page).read_text(), re.M)
        for cell in re.findall(r"^\| ([^|]*)\|", table, re.M)
        for code in re.findall(r"`(\w+)`", cell)
    }
    assert documented == error_codes()


def error_codes() -> set[str]:
    """Read from the source, so that no heavy library has to be imported for it."""
    found: set[str] = set()
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                found |= set(_codes(node))
    return found


def _codes(node: ast.AST) -> Iterator[str]:
    """In a class `code = "x"` or `code, status = "x", 400`; `code="x"` of a call; {"code": "x"}; a parser's fates."""
    values: list[ast.AST | None] = []
    if isinstance(node, ast.ClassDef):
        values = [
            value for statement in node.body if isinstance(statement, ast.Assign) for value in _assigned(statement)
        ]
    elif isinstance(node, ast.Call):
        values = [keyword.value for keyword in node.keywords if keyword.arg in ("code", "error_code")]
    elif isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        values = [value for key, value in pairs if isinstance(key, ast.Constant) and key.value == "code"]
    elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "_FATES":
        assert isinstance(node.value, ast.Dict)
        values = list(node.value.keys)
    for value in values:
        yield from (text for text in _text(value) if text != "crashed")  # shown as corrupt


def _assigned(statement: ast.Assign) -> Iterator[ast.AST]:
    target, value = statement.targets[0], statement.value
    names, values = [target], [value]
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        names, values = target.elts, value.elts
    yield from (
        one for name, one in zip(names, values, strict=True) if isinstance(name, ast.Name) and name.id == "code"
    )


def _text(node: ast.AST | None) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value:
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _text(node.body)
        yield from _text(node.orelse)


def test_each_part_of_health_and_its_states_are_documented():
    table = re.findall(r"^\| `(\w+)` \| (missing|weak) \|", (DOCS / "operations.md").read_text(), re.M)
    source = (ROOT / "chatapp" / "operations" / "health.py").read_text()
    parts = {
        name: set(re.findall(r'Part\("(missing|weak)"', body))
        for name, body in re.findall(
            r"^(?:async )?def _(database|index|sample|worker|model|disk)\(\)(.*?)(?=^(?:async )?def |\Z)",
            source,
            re.M | re.S,
        )
    }
    assert {name: {state} for name, state in table} == parts


@pytest.mark.django_db
def test_readyz_names_the_documented_parts_and_no_others(client) -> None:
    documented = re.findall(r"^\| `(\w+)` \| (?:missing|weak) \|", (DOCS / "operations.md").read_text(), re.M)
    assert list(client.get("/readyz").json()["parts"]) == documented


@pytest.mark.parametrize("page", [ROOT / "README.md", *sorted(DOCS.glob("*.md"))], ids=lambda page: page.name)
def test_links_between_documents_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", [ROOT / "README.md", *sorted(DOCS.glob("*.md"))], ids=lambda page: page.name)
def test_settings_and_files_that_a_document_names_exist(page: Path) -> None:
    settings = (ROOT / "chatapp" / "settings.py").read_text() + (ROOT / "docker" / "compose.yaml").read_text()
    for name in re.findall(r"`((?:CHATAPP|RETRIEVAL|INFERENCE|FOOTNOTE)_[A-Z_]+)", page.read_text()):
        assert name.removesuffix("_FILE") in settings, name
    for path in re.findall(r"`?((?:docker|benchmarks|docs)/[\w./-]+\w)", page.read_text()):
        assert (ROOT / path).exists() or path == "docker/.env", path
