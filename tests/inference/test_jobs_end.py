"""Jobs that are cancelled, killed, lost and taken up again, with the real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.db import connections
from django.utils import timezone

from chatapp.governance.models import AuditEntry
from inference import tasks
from inference.jobs import asking, leases, sweeping
from inference.jobs.asking import Material
from inference.jobs.running import run
from inference.models import Job, ModelVersion
from tests import tiny_gguf
from tests.database import database_url
from tests.ingestion.worker import Worker, environment
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)
SHORT = Material("A short text about a long road that leads over three hills to the sea. " * 6, ("Where to?",))
# Seconds of answering, so that a beat of every second tells of it, and there is time to break it off.
LONG = Material(SHORT.text, tuple(f"What is said of hill number {number}" + ", or of it" * 30 for number in range(100)))


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Path:
    settings.INFERENCE = replace(settings.INFERENCE, models_dir=tmp_path / "models", threads=1, streams=1)
    return tmp_path / "models"


@pytest.fixture
def parent(folder: Path, tmp_path: Path) -> ModelVersion:
    call_command("models", "add", str(tiny_gguf.make(tmp_path / "parent.gguf")), stdout=StringIO())
    return ModelVersion.objects.get(name="parent")


@pytest.fixture
def runner(folder: Path, tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Starts processes as the worker does, and ends what is left of them."""
    started = []
    known = environment("http://127.0.0.1:1") | {
        "DATABASE_URL": database_url(),
        "DJANGO_SETTINGS_MODULE": "chatapp.settings",
        "INFERENCE_MODELS_DIR": str(folder),
        "INFERENCE_THREADS": "1",
        "INFERENCE_STREAMS": "1",
    }

    def start() -> subprocess.Popen[bytes]:
        with (tmp_path / "runner.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "inference.jobs.runner"],
                env=known,
                cwd=django_settings.BASE_DIR,
                stderr=log,
                start_new_session=True,
            )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait(10)
    print((tmp_path / "runner.log").read_text(errors="replace")[-4000:])


def _left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def _children(of: int) -> list[int]:
    """Processes that load llama.cpp for a job."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and b"inference.jobs.child" in (entry / "cmdline").read_bytes():
                status = (entry / "status").read_text()
                if f"PPid:\t{of}\n" in status and "State:\tZ" not in status:
                    found.append(int(entry.name))
        except OSError:
            continue  # it has ended
    return found


def _when(condition: Callable[[], bool], then: Callable[[], object]) -> threading.Thread:
    def act() -> None:
        try:
            wait_until(condition, 60)
            then()
        finally:
            connections.close_all()

    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    return thread


def _reading(job: Job) -> bool:
    """A while after the new file was written."""
    return Job.objects.filter(pk=job.pk, step__contains="answering").exists()


# -- in a process of the command's own -------------------------------------------------------------------------------
def test_a_child_that_is_killed_fails_the_job_with_a_sentence_and_leaves_nothing(
    parent: ModelVersion, folder: Path
) -> None:
    job = asking.ask_quantize("parent", "Q8_0", material=LONG).job
    lease = leases.claim(job.pk)
    assert lease is not None
    killing = _when(lambda: _reading(job), lambda: os.kill(_children(os.getpid())[0], signal.SIGKILL))
    run(lease, lambda progress, step: None)
    killing.join(10)
    job.refresh_from_db()
    assert job.state == Job.State.FAILED and "was killed" in job.error and job.lease_token is None
    assert _left(folder) == [] and not ModelVersion.objects.filter(parent=parent).exists()


def test_cancelling_ends_the_child_within_two_seconds_and_leaves_nothing(parent: ModelVersion, folder: Path) -> None:
    job = asking.ask_quantize("parent", "Q8_0", material=LONG).job
    lease = leases.claim(job.pk)
    assert lease is not None
    asked: list[float] = []
    _when(lambda: _reading(job), lambda: (asked.append(time.monotonic()), asking.cancel(job)))
    run(lease, lambda progress, step: None)
    assert time.monotonic() - asked[0] < 3.0
    job.refresh_from_db()
    assert (job.state, job.error) == (Job.State.CANCELLED, "The job was cancelled.")
    assert _left(folder) == [] and _children(os.getpid()) == []


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """As in a terminal: in the background of a shell it would be ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_cancels_the_job_of_a_command(parent: ModelVersion, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "questions.txt").write_text("\n".join(LONG.questions))
    job = Job.objects.filter(step__contains="answering")
    _when(job.exists, lambda: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(CommandError, match="Cancelled; nothing of it stays") as raised:
        call_command(
            "models",
            "quantize",
            "parent",
            "--to",
            "Q8_0",
            "--questions",
            str(tmp_path / "questions.txt"),
            stderr=StringIO(),
        )
    assert raised.value.returncode == 130
    assert Job.objects.get().state == Job.State.CANCELLED and _left(folder) == []


def test_a_worker_whose_lease_was_taken_writes_nothing(parent: ModelVersion, folder: Path) -> None:
    job = asking.ask_quantize("parent", "Q8_0", material=LONG).job
    lease = leases.claim(job.pk)
    assert lease is not None
    other = "00000000-0000-0000-0000-000000000001"
    _when(lambda: _reading(job), lambda: Job.objects.filter(pk=job.pk).update(lease_token=other))
    run(lease, lambda progress, step: None)
    job.refresh_from_db()
    assert job.state == Job.State.RUNNING and str(job.lease_token) == other
    assert _left(folder) == [] and not ModelVersion.objects.filter(parent=parent).exists()


def test_what_a_command_left_behind_is_done_by_the_worker_and_documents_do_not_wait(
    parent: ModelVersion, folder: Path, tmp_path: Path
) -> None:
    broker = Path(django_settings.CELERY_BROKER_TRANSPORT_OPTIONS["data_folder_in"])
    for message in broker.iterdir():
        message.unlink()
    worker = Worker("http://127.0.0.1:1", "", tmp_path / "worker.log")
    worker.env |= {"INFERENCE_MODELS_DIR": str(folder), "INFERENCE_THREADS": "1", "INFERENCE_STREAMS": "1"}
    worker.start()
    try:
        job = asking.ask_quantize("parent", "Q8_0", material=LONG).job
        tasks.send_soon()
        wait_until(lambda: _reading(job), 60)
        # Nobody in the worker waits for it: both of its processes are free for other tasks.
        quick = [asking.ask_bench("parent", material=SHORT).job for _ in range(2)]
        for _ in range(2):
            tasks.send_soon()  # another runner sees that somebody works, and ends
        asking.cancel(job)
        wait_until(lambda: not Job.objects.filter(state__in=["queued", "running"]).exists(), 60)
        assert [one.state for one in Job.objects.filter(pk__in=[one.pk for one in quick])] == ["done", "done"]
    finally:
        worker.kill()
        print((tmp_path / "worker.log").read_text(errors="replace")[-4000:])
    assert Job.objects.get(pk=job.pk).state == Job.State.CANCELLED and _left(folder) == []


# -- leases ----------------------------------------------------------------------------------------------------------
def test_one_job_is_done_at_a_time(parent: ModelVersion) -> None:
    first, second = (asking.ask_bench("parent", material=SHORT).job for _ in range(2))
    lease = leases.claim(first.pk)
    assert lease is not None and leases.claim(first.pk) is None and leases.claim(second.pk) is None
    leases.release(lease, burn_attempt=False)
    first.refresh_from_db()
    assert (first.state, first.attempts) == (Job.State.QUEUED, 0)
    assert leases.claim(second.pk) is not None


def test_a_job_that_nobody_has_begun_is_cancelled_at_once(parent: ModelVersion) -> None:
    job = asking.ask_bench("parent", material=SHORT).job
    for _ in range(2):
        asking.cancel(job)
    job.refresh_from_db()
    assert job.state == Job.State.CANCELLED and job.ended_at and leases.claim(job.pk) is None
    assert [entry.subject for entry in AuditEntry.objects.filter(action="job.cancelled")] == [str(job)]


def test_the_sweeper_ends_what_was_cancelled_or_tried_too_often(parent: ModelVersion) -> None:
    gone = timezone.now() - timedelta(seconds=1)
    dead = {"state": Job.State.RUNNING, "lease_token": "00000000-0000-0000-0000-000000000001", "lease_until": gone}
    tried, cancelled, owed = (asking.ask_bench("parent", material=SHORT).job for _ in range(3))
    Job.objects.filter(pk=tried.pk).update(attempts=leases.MOST_ATTEMPTS, **dead)
    Job.objects.filter(pk=cancelled.pk).update(cancel_requested=True, **dead)
    assert not sweeping.sweep()  # the third one is too young
    Job.objects.filter(pk=owed.pk).update(created_at=gone - timedelta(minutes=1))
    assert sweeping.sweep()
    states = {str(job.pk): job.state for job in Job.objects.all()}
    assert [states[str(job.pk)] for job in (tried, cancelled, owed)] == ["failed", "cancelled", "queued"]
    assert "3 tries" in Job.objects.get(pk=tried.pk).error


def test_a_model_is_not_made_twice_under_one_name(parent: ModelVersion) -> None:
    asking.ask_quantize("parent", "Q8_0", material=SHORT)
    with pytest.raises(asking.JobRefused, match="waiting or running"):
        asking.ask_quantize("parent", "Q8_0", material=SHORT)


# -- in the process that the worker starts ---------------------------------------------------------------------------
def test_kill_9_of_the_process_leaves_the_job_to_the_next_one(
    parent: ModelVersion, folder: Path, runner: Callable[[], subprocess.Popen[bytes]]
) -> None:
    job = asking.ask_quantize("parent", "Q8_0", material=LONG).job
    process = runner()
    wait_until(lambda: _reading(job), 60)
    (child,) = _children(process.pid)
    process.kill()
    process.wait(10)
    wait_until(lambda: not Path(f"/proc/{child}").exists(), 10)
    assert [name.startswith(".job-") for name in _left(folder)] == [True, True]
    Job.objects.filter(pk=job.pk).update(
        lease_until=timezone.now(),
        created_at=timezone.now() - timedelta(minutes=1),
        parameters=job.parameters | {"questions": ["Where to?"]},
    )
    assert sweeping.sweep() and _left(folder) == []
    assert runner().wait(60) == 0
    job.refresh_from_db()
    assert (job.state, job.attempts, job.error) == (Job.State.DONE, 2, "")
    assert _left(folder) == ["parent-q8_0.gguf"] and job.made is not None and job.made.measured["agreement"] > 0.9


def test_a_process_that_is_stopped_gives_the_job_back_at_once(
    parent: ModelVersion, folder: Path, runner: Callable[[], subprocess.Popen[bytes]]
) -> None:
    job = asking.ask_quantize("parent", "Q8_0", material=LONG).job
    process = runner()
    wait_until(lambda: _reading(job), 60)
    process.terminate()
    assert process.wait(4) == 0
    job.refresh_from_db()
    assert (job.state, job.attempts, job.lease_token) == (Job.State.QUEUED, 0, None) and _left(folder) == []


def test_the_process_does_one_job_after_the_other_and_ends(
    parent: ModelVersion, runner: Callable[[], subprocess.Popen[bytes]]
) -> None:
    asking.ask_bench("parent", material=SHORT)
    asking.ask_bench("parent", material=Material("Too short."))
    assert runner().wait(60) == 0
    assert sorted(Job.objects.values_list("state", flat=True)) == ["done", "failed"]
