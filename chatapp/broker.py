"""Messages between processes as files, where no Redis is configured: whole ones only, whatever ends meanwhile."""

from __future__ import annotations

import fcntl
import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import structlog
from kombu.exceptions import ChannelError
from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils.json import dumps

log = structlog.get_logger(__name__)


class Channel(filesystem.Channel):
    """Kombu's creates a file before it locks and fills it: a reader that comes between finds it empty, and ends."""

    def _put(self, queue: str, payload: Any, **kwargs: Any) -> None:  # type: ignore[override]
        folder = Path(self.data_folder_out)
        name = f"{round(monotonic() * 1000)}_{uuid.uuid4()}.{queue}.msg"
        unfinished = folder / f".{name}.unfinished"  # of no queue's name: no reader takes it
        try:
            unfinished.write_text(dumps(payload))  # type: ignore[no-untyped-call]
            unfinished.rename(folder / name)
        except OSError as error:
            unfinished.unlink(missing_ok=True)
            raise ChannelError(f"Cannot add the message {name} to {folder}.") from error

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        """The next message that can be read. The work that another one asked for is found again by the sweeps."""
        while True:
            try:
                return super()._get(queue)  # type: ignore[no-untyped-call]
            except ValueError as error:  # its file is gone: the next turn finds another one, or none
                log.warning("broker.message_unreadable", queue=queue, error=str(error))

    def get_table(self, exchange: str) -> list[Any]:
        with self._control(fcntl.LOCK_SH):
            try:
                return list(super().get_table(exchange))  # type: ignore[no-untyped-call]
            except ValueError:
                return []

    def _queue_bind(self, exchange: str, *binding: Any) -> None:
        with self._control(fcntl.LOCK_EX):
            file = self._exchange_file(exchange)  # type: ignore[no-untyped-call]
            if file.exists() and not _readable(file):
                file.unlink()  # a process ended while it wrote; each one binds its queues again as it starts
            super()._queue_bind(exchange, *binding)  # type: ignore[no-untyped-call]

    @contextmanager
    def _control(self, kind: int) -> Iterator[None]:
        self.control_folder.mkdir(parents=True, exist_ok=True)
        with (self.control_folder / ".lock").open("a") as lock:  # closing it unlocks it
            fcntl.flock(lock, kind)
            yield


class Transport(filesystem.Transport):
    Channel = Channel


def _readable(file: Path) -> bool:
    try:
        json.loads(file.read_text())
    except ValueError:
        return False
    return True


def register() -> None:
    """For `filesystem://` addresses."""
    TRANSPORT_ALIASES["filesystem"] = f"{__name__}:Transport"
