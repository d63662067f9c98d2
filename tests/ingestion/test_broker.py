"""The file broker: what a reader finds is whole, and what is not ends no worker."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from kombu.exceptions import ChannelError

from chatapp.celery import app
from retrieval.models import Document
from tests.ingestion.conftest import Receive
from tests.ingestion.worker import Worker
from tests.waiting import wait_until


def _data(settings: Any) -> Path:
    return Path(settings.CELERY_BROKER_TRANSPORT_OPTIONS["data_folder_in"])


def test_empty_and_half_written_messages_end_no_worker_and_hold_up_no_other_message(
    configured: Any, receive: Receive, worker_on_files: Worker
) -> None:
    for number, content in enumerate((b"", b'{"body": "W1tdLCB7', b"\xff\xfe")):
        (_data(configured) / f"{number}_broken.upkeep.msg").write_bytes(content)
    document = receive(b"Bicycles stand in the yard.")
    wait_until(lambda: Document.objects.get(pk=document.pk).status == Document.Status.READY, 30)
    assert worker_on_files.process is not None and worker_on_files.process.poll() is None
    log = worker_on_files.log.read_text()
    assert log.count("broker.message_unreadable") == 3
    assert "Unrecoverable" not in log


@pytest.fixture
def worker_on_files(configured: Any, index: Any, tmp_path: Path) -> Any:
    runner = Worker(index.url, "", tmp_path / "worker.log")
    runner.start()
    yield runner
    runner.kill()


def test_a_message_has_its_name_only_when_it_is_whole(configured: Any) -> None:
    data, ended, torn = _data(configured), threading.Event(), []

    def look() -> None:
        while not ended.is_set():
            for file in data.glob("*.upkeep.msg"):
                try:
                    json.loads(file.read_text())
                except ValueError:
                    torn.append(file.name)

    reader = threading.Thread(target=look)
    reader.start()
    try:
        for _ in range(200):
            app.send_task("chatapp.operations.tasks.heartbeat", expires=0.001)
    finally:
        ended.set()
        reader.join(10)
    assert not torn
    assert len(list(data.glob("*.upkeep.msg"))) == 200
    for file in data.iterdir():
        file.unlink()


def test_a_torn_list_of_queues_is_written_anew(configured: Any) -> None:
    control = Path(configured.CELERY_BROKER_TRANSPORT_OPTIONS["control_folder"])
    control.mkdir(parents=True, exist_ok=True)
    (control / "torn.exchange").write_text("")
    with app.connection_for_write() as connection, connection.channel() as channel:
        assert channel.get_table("torn") == []
        channel._queue_bind("torn", "key", "", "celery")
        assert [row.queue for row in channel.get_table("torn")] == ["celery"]
    (control / "torn.exchange").unlink()


def test_a_folder_that_cannot_be_written_is_an_error_of_the_broker(configured: Any, tmp_path: Path) -> None:
    with app.connection_for_write() as connection, connection.channel() as channel:
        channel.data_folder_out = str(tmp_path / "missing")
        with pytest.raises(ChannelError):
            channel._put("celery", {})
