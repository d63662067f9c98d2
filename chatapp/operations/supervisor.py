"""Runs all of Footnote on one machine: the database, the services, the worker and the web process."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import httpx
from django.conf import settings

from chatapp.operations import programs
from chatapp.operations.address import address, forget_address, remember_address
from chatapp.operations.postgres import EmbeddedPostgres, PostgresFailed, private_folder
from chatapp.operations.processes import Child, Guard, stop_all

Say = Callable[[str], None]
_READY_S = 120
_RECOVERY_S = 600.0  # a database that was killed reads its log first
_MOST_PAUSE_S = 30.0


class CannotStart(Exception):
    """The message says why, and what to do."""


class Supervisor:
    def __init__(self, say: Say) -> None:
        self.say = say
        self.stopping = False
        self.children: list[Child] = []
        self.postgres: EmbeddedPostgres | None = None
        self._lock: IO[str] | None = None
        self._database_failures = 0
        self._database_due = 0.0
        self._database_trouble = ""

    def run(self) -> None:
        """Blocks until SIGINT or SIGTERM. Raises CannotStart before anything was started."""
        self._take_lock()
        _check_port()
        _go_home()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)
        self.guard = Guard()
        try:
            self._start_database()
            self._start_children()
            if self._wait_until_ready():
                _done_in_a_child(self._greet)
            self._watch()
        finally:
            self._stop()

    # -- start -----------------------------------------------------------------------------------------------------
    def _take_lock(self) -> None:
        settings.VAR_DIR.mkdir(parents=True, exist_ok=True)
        self._lock = (settings.VAR_DIR / "up.lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CannotStart(
                f"Footnote is running already on {settings.VAR_DIR}. Stop it first, or set CHATAPP_VAR_DIR."
            ) from None

    def _start_database(self) -> None:
        if settings.EMBEDDED_DATABASE:
            self.say("Starting the database …")
            self.postgres = EmbeddedPostgres(settings.VAR_DIR / "postgres", settings.RUN_DIR)
            self.postgres.start()
            if self.postgres.process is not None:
                self.guard.watch(self.postgres.process.pid)
            self.postgres.ensure_database("footnote")
        else:
            private_folder(settings.RUN_DIR)
        self.say("Bringing the database up to date …")
        if not _done_in_a_child(self._prepare):
            raise CannotStart("The database could not be brought up to date; the reason stands above.")

    def _prepare(self) -> None:
        from django.core.management import call_command

        from chatapp.operations.first_run import ensure_administrator, load_sample

        call_command("migrate", verbosity=0, interactive=False)
        ensure_administrator()
        if load_sample():
            self.say("Loading the sample collection, a small company's handbook. Delete it whenever you like.")

    def _start_children(self) -> None:
        self.say(f"Starting the services: {', '.join(programs.NAMES)} …")
        programs.make_folders()
        remember_address()
        for name in programs.NAMES:
            log = settings.VAR_DIR / "log" / f"{name}.log"
            child = Child(name, programs.command(name), log, _environment(name), programs.GRACE_S[name])
            self.children.append(child)
            self._start_child(child)

    def _start_child(self, child: Child) -> None:
        child.start()
        if child.process is not None:
            self.guard.watch(child.process.pid)

    def _wait_until_ready(self) -> bool:
        self.say("Waiting until the page can answer …")
        deadline = time.monotonic() + _READY_S
        while time.monotonic() < deadline and not self.stopping:
            self._revive()
            if _ready():
                return True
            time.sleep(0.1)
        if not self.stopping:
            self.say(f"Not everything is ready yet. The logs are in {settings.VAR_DIR / 'log'}.")
        return not self.stopping

    def _greet(self) -> None:
        from chatapp.operations.first_run import welcome_link

        self.say(f"{settings.SITE_NAME} is ready: {address()}/")
        if link := welcome_link():
            self.say(f"Sign in as the first administrator, once, within a day: {address()}{link}")
        self.say("Stop with Ctrl-C.")

    # -- watch -----------------------------------------------------------------------------------------------------
    def _watch(self) -> None:
        while not self.stopping:
            self._revive()
            self._revive_database()
            time.sleep(0.2)

    def _revive_database(self) -> None:
        """For ever, with growing pauses: what keeps it from starting may be mended while we wait."""
        postgres = self.postgres
        if postgres is None or postgres.running() or time.monotonic() < self._database_due:
            return
        if not self._database_failures:
            self.say("The database ended; starting it again.")
        old = postgres.process.pid if postgres.process is not None else 0
        try:
            postgres.start(_RECOVERY_S, given_up=lambda: self.stopping)
        except (PostgresFailed, subprocess.SubprocessError) as error:
            self._database_failed(str(error))
            return
        if postgres.process is not None:
            self.guard.watch(postgres.process.pid)
            self.guard.forget(old)
        if self._database_failures:
            self.say("The database runs again.")
        self._database_failures, self._database_due, self._database_trouble = 0, time.monotonic() + 1.0, ""

    def _database_failed(self, reason: str) -> None:
        pause = min(2.0**self._database_failures, _MOST_PAUSE_S)
        self._database_failures = min(self._database_failures + 1, 10)
        self._database_due = time.monotonic() + pause
        kind = reason.partition(":")[0]
        if kind != self._database_trouble:  # once, however often it is tried
            self.say(f"{reason} Footnote tries again, every {_MOST_PAUSE_S:.0f} s at last, and goes on by itself.")
        self._database_trouble = kind

    def _revive(self) -> None:
        for child in self.children:
            if child.running():
                continue
            wait = child.died()
            if wait is not None:
                code = child.process.returncode if child.process is not None else "?"
                self.say(f"{child.name} ended (exit {code}); starting it again in {wait:.1f} s. See {child.log}.")
            old = child.process.pid if child.process is not None else 0
            try:
                started = child.restart_if_due()
            except OSError as error:  # such as a full disk, which its log needs; its next turn comes
                self.say(f"{child.name} could not be started ({error}).")
                continue
            if started and child.process is not None:
                self.guard.watch(child.process.pid)
                self.guard.forget(old)

    def _on_signal(self, *_: Any) -> None:
        self.stopping = True

    def _stop(self) -> None:
        self.say("Stopping …")
        forget_address()
        stop_all(self.children)
        if self.postgres is not None:
            self.postgres.stop()
        self.guard.close()
        if self._lock is not None:
            self._lock.close()
        self.say("Stopped.")


def _done_in_a_child(work: Callable[[], None]) -> bool:
    """What is imported for it, and all that it took, goes with the process that did it: this one stays for long."""
    child = os.fork()
    if not child:
        code = 1
        try:
            work()
            code = 0
        except Exception:  # noqa: BLE001 - the outermost call of this process
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _environment(name: str) -> dict[str, str]:
    own = {"PORT": str(settings.PORT), "CHATAPP_VAR_DIR": str(settings.VAR_DIR)}
    return programs.environment(name) | own


def _go_home() -> None:
    """Services import from there, and a relative folder in the settings means the same to all of them."""
    if named := os.environ.get("CHATAPP_ENV_FILE"):
        os.environ["CHATAPP_ENV_FILE"] = str(Path(named).absolute())
    os.chdir(settings.BASE_DIR)


def _check_port() -> None:
    with socket.socket(socket.AF_INET6 if ":" in settings.BIND else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.BIND, settings.PORT))
        except OSError as error:
            raise CannotStart(
                f"Port {settings.PORT} on {settings.BIND} cannot be used ({error.strerror}). "
                f"Choose another: PORT={settings.PORT + 1} make run"
            ) from None


def _ready() -> bool:
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.BIND, settings.BIND)  # noqa: S104 - compared, not bound
    try:
        return httpx.get(f"http://{host}:{settings.PORT}/readyz", timeout=5.0, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False
