"""The processes that parse are kept for the next file, not for ever, and their end is no fault of a file."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from retrieval.config import ParseLimits
from retrieval.errors import RetrievalError
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


@pytest.fixture
def leave(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sandbox, "_pool", sandbox._Pool())
    path = tmp_path / "leave.md"
    path.write_text("# Leave\n\nEverybody has 28 days.")
    return path


def test_a_parser_that_died_between_two_files_is_replaced(leave: Path) -> None:
    before = parsing_processes()
    parse_file(leave, leave.name, ParseLimits())
    (first,) = parsing_processes() - before
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: not parsing_processes() - before)
    assert parse_file(leave, leave.name, ParseLimits())[1].title == "Leave"
    (second,) = parsing_processes() - before
    assert second != first


def test_when_no_parser_can_live_the_file_is_not_blamed(leave: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "_COMMAND", ["false"])
    with pytest.raises(RetrievalError) as caught:
        parse_file(leave, leave.name, ParseLimits())
    assert (caught.value.retryable, caught.value.code) == (True, "parser_unavailable")
    assert not sandbox._pool._idle


def test_a_parser_serves_the_next_file_and_ends_when_there_is_none_for_a_while(
    leave: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = parsing_processes()
    monkeypatch.setattr(sandbox, "IDLE_SECONDS", 1.2)
    parse_file(leave, leave.name, ParseLimits())
    first = parsing_processes() - before
    parse_file(leave, leave.name, ParseLimits())
    assert len(first) == 1 and parsing_processes() - before == first
    wait_until(lambda: not parsing_processes() - before, 15)
    assert parse_file(leave, leave.name, ParseLimits())[1].blocks
    wait_until(lambda: not parsing_processes() - before, 15)
