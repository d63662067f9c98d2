"""The threat model names tests that exist, modules that exist, and leaves no row without either."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
TEXT = (ROOT / "docs" / "threat-model.md").read_text()
ROWS = [line for line in TEXT.splitlines() if line.startswith("| ") and not line.startswith(("| part", "| |"))]


def test_each_test_that_it_names_exists() -> None:
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", TEXT)
    assert len(named) > 40
    for path, name in named:
        source = (ROOT / "tests" / path).read_text()
        assert re.search(rf"^(async )?def {name}\(", source, re.M), f"{path}::{name}"


def test_each_row_names_a_test() -> None:
    assert len(ROWS) > 30
    assert not [row for row in ROWS if "::" not in row]


def test_each_risk_of_the_list_for_llm_applications_has_its_row() -> None:
    assert re.findall(r"^\| (LLM\d\d) ", TEXT, re.M) == [f"LLM{number:02}" for number in range(1, 11)]


def test_each_module_that_it_names_exists() -> None:
    for path in re.findall(r"`((?:chatapp|retrieval|inference|static|tests)/[\w/.]+)`", TEXT):
        assert (ROOT / path).exists(), path
