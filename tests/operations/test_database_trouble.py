"""A database that ends and cannot start again: `up` says why, once, waits, and goes on by itself."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest

from chatapp.operations.postgres import DiskFull, EmbeddedPostgres
from chatapp.operations.processes import Guard
from chatapp.operations.supervisor import Supervisor
from tests.waiting import wait_until


class Watched:
    """A supervisor of a database alone, which watches it in a thread."""

    def __init__(self, folder: Path, sockets: Path) -> None:
        self.said: list[str] = []
        self.postgres = EmbeddedPostgres(folder / "postgres", sockets)
        self.postgres.start()
        self.supervisor = Supervisor(self.said.append)
        self.supervisor.postgres = self.postgres
        self.supervisor.guard = Guard()
        self.thread = threading.Thread(target=self.supervisor._watch)
        self.thread.start()

    def end(self) -> None:
        self.supervisor.stopping = True
        self.thread.join(30)
        self.postgres.stop()
        self.supervisor.guard.close()

    def crash(self) -> None:
        assert self.postgres.process is not None
        os.kill(self.postgres.process.pid, signal.SIGKILL)

    def answers(self) -> bool:
        try:
            with self.connect() as connection:
                return connection.execute("SELECT 1").fetchone() == (1,)
        except psycopg.OperationalError:
            return False

    def connect(self) -> psycopg.Connection[tuple[int]]:
        return psycopg.connect(host=str(self.postgres.sockets), user="footnote", dbname="postgres", autocommit=True)


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that the account of the server can reach, unlike pytest's."""
    path = Path(tempfile.mkdtemp(prefix="footnote-pg-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def watched(folder: Path) -> Iterator[Watched]:
    running = Watched(folder, folder / "run")
    yield running
    running.end()


def test_a_database_that_cannot_start_is_tried_until_it_can_and_its_reason_said_once(watched: Watched) -> None:
    control = watched.postgres.data / "global" / "pg_control"
    away = control.with_name("away")
    control.rename(away)
    watched.crash()
    wait_until(lambda: len(watched.said) >= 2, 30)
    wait_until(lambda: watched.supervisor._database_failures >= 3, 30)
    assert watched.thread.is_alive()
    assert watched.said[0] == "The database ended; starting it again."
    assert "ended at once" in watched.said[1] and "goes on by itself" in watched.said[1]
    away.rename(control)
    wait_until(watched.answers, 60)
    wait_until(lambda: len(watched.said) == 3, 10)
    assert watched.said[2] == "The database runs again."


def test_a_database_that_was_killed_is_back_without_more_ado(watched: Watched) -> None:
    watched.crash()
    wait_until(lambda: bool(watched.said) and watched.answers(), 30)
    assert watched.said == ["The database ended; starting it again."]


@contextmanager
def small_disk(at: Path, megabytes: int) -> Iterator[Path]:
    libc = ctypes.CDLL(None, use_errno=True)
    if os.geteuid() or libc.mount(b"tmpfs", bytes(at), b"tmpfs", 0, f"size={megabytes}m".encode()):
        pytest.skip("a small disk needs the right to mount one")
    try:
        at.chmod(0o755)
        yield at
    finally:
        libc.umount2(bytes(at), 2)


def test_a_full_disk_is_named_in_one_sentence_and_room_on_it_is_enough(folder: Path) -> None:
    (folder / "disk").mkdir()
    with small_disk(folder / "disk", 110) as disk:
        watched = Watched(disk, folder / "run")
        try:
            ballast = fill(disk)
            with pytest.raises(psycopg.Error), watched.connect() as connection:
                connection.execute("CREATE TABLE big AS SELECT repeat('x', 500) FROM generate_series(1, 100000)")
            # Its lock file would leave just the room that its next start needs.
            (watched.postgres.data / "postmaster.pid").unlink()
            fill(disk)
            watched.crash()
            wait_until(lambda: len(watched.said) >= 2, 60)
            said = watched.said[1]
            assert said.startswith("The disk is full: ") and str(watched.postgres.data) in said
            assert "Make room" in said and "\n" not in said and "goes on by itself" in said
            wait_until(lambda: watched.supervisor._database_failures >= 2, 60)
            assert len(watched.said) == 2, "said once"
            ballast.unlink()
            wait_until(watched.answers, 90)
            assert watched.thread.is_alive()
        finally:
            watched.end()


def test_a_first_start_on_a_full_disk_ends_with_that_sentence(folder: Path) -> None:
    (folder / "disk").mkdir()
    with small_disk(folder / "disk", 20) as disk, pytest.raises(DiskFull, match=r"The disk is full: .*disk/postgres"):
        EmbeddedPostgres(disk / "postgres", folder / "run").start()


def fill(disk: Path) -> Path:
    """To the last byte."""
    ballast = disk / "ballast"
    with ballast.open("ab", buffering=0) as stream, suppress(OSError):
        while stream.write(bytes(100_000)):
            pass
    return ballast
