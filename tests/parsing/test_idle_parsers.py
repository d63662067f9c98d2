"""The processes that parse are kept for the next file, not for ever."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from retrieval.config import ParseLimits
from retrieval.parsing import parse_file, sandbox
from tests.waiting import wait_until


def parsing_processes() -> set[int]:
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == os.getpid() and b"retrieval.parsing.zygote" in (entry / "cmdline").read_bytes():
                found.add(int(entry.name))
        except OSError:
            continue
    return found


def test_a_parser_serves_the_next_file_and_ends_when_there_is_none_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = parsing_processes()
    monkeypatch.setattr(sandbox, "IDLE_SECONDS", 1.2)
    monkeypatch.setattr(sandbox, "_pool", sandbox._Pool())
    path = tmp_path / "leave.md"
    path.write_text("# Leave\n\nEverybody has 28 days.")
    parse_file(path, path.name, ParseLimits())
    first = parsing_processes() - before
    parse_file(path, path.name, ParseLimits())
    assert len(first) == 1 and parsing_processes() - before == first
    wait_until(lambda: not parsing_processes() - before, 15)
    assert parse_file(path, path.name, ParseLimits())[1].blocks
    wait_until(lambda: not parsing_processes() - before, 15)
