"""The processes that parse are kept for the next file, not for ever, and their end is no fault of a file."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from retrieval.config import ParseLimits
from retrieval.errors import RetrievalError
from retrieval.parsing import sandbox, scratch
from retrieval.parsing.sandbox import parse_file
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


def test_what_a_killed_process_put_down_is_removed_and_what_is_in_use_stays(
    leave: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, model = tmp_path / "scratch", tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text("{}")
    os.mkfifo(model / "tokenizer.json")  # reading it waits
    monkeypatch.setattr(scratch.place, "folder", folder)
    monkeypatch.setattr(scratch, "_YOUNG_S", 0.0)
    zygotes = [sandbox._Zygote(), sandbox._Zygote()]
    for zygote in zygotes:
        request = {"path": str(leave), "name": leave.name, "limits": asdict(ParseLimits()), "scratch": str(folder)}
        trial = {"model": str(model), "tokens": 100, "overlap": 0, "begin": 0, "end": 1}
        threading.Thread(target=ask_in_vain, args=(zygote, request | {"trial": trial})).start()
    wait_until(lambda: folder.exists() and len(list(folder.iterdir())) == 2)
    os.kill(zygotes[0]._process.pid, signal.SIGKILL)

    def left() -> list[str]:
        scratch.remove_leftovers()
        return [path.name.partition("-")[0] for path in folder.iterdir()]

    wait_until(lambda: left() == [str(zygotes[1]._process.pid)])
    os.kill(zygotes[1]._process.pid, signal.SIGKILL)
    wait_until(lambda: left() == [])


def ask_in_vain(zygote: sandbox._Zygote, request: dict[str, Any]) -> None:
    with suppress(OSError):
        zygote.ask(request, 30)


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


def test_who_leaves_the_work_to_another_process_keeps_no_parser(leave: Path) -> None:
    before = parsing_processes()
    parse_file(leave, leave.name, ParseLimits())
    assert parsing_processes() - before
    sandbox.close_idle()
    assert not parsing_processes() - before
    assert parse_file(leave, leave.name, ParseLimits())[1].title == "Leave"


def test_who_has_nothing_left_to_parse_keeps_its_parser_for_a_moment(
    leave: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "IDLE_SECONDS", 30.0)
    monkeypatch.setattr(sandbox, "LOOKS_EVERY_S", 0.1)
    before = parsing_processes()
    parse_file(leave, leave.name, ParseLimits())
    sandbox.close_idle(1.0)
    assert parsing_processes() - before
    wait_until(lambda: not parsing_processes() - before, 15.0)
