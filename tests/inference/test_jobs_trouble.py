"""Jobs whose child hangs, whose runs all die, or whose name was given away meanwhile."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from chatapp.models_command import working
from inference.jobs import asking, leases
from inference.jobs.errors import JobCancelled
from inference.jobs.leases import Lease
from inference.jobs.running import run
from inference.jobs.supervising import run_child
from inference.models import Job, ModelVersion
from tests.tiny_gguf import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Path:
    settings.INFERENCE = replace(settings.INFERENCE, models_dir=tmp_path / "models", threads=1, streams=1)
    (tmp_path / "models").mkdir()
    return tmp_path / "models"


def test_a_child_that_hangs_before_it_reads_its_request_is_ended_when_the_job_is_cancelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text("import time\ntime.sleep(12)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    beats: list[str] = []

    def beat(progress: float, step: str) -> None:
        beats.append(step)
        if len(beats) == 2:
            raise JobCancelled

    begun = time.monotonic()
    with pytest.raises(JobCancelled):
        run_child({"do": "measure", "text": "x" * 400_000}, beat)
    assert time.monotonic() - begun < 6 and beats == ["starting", "starting"]


def test_a_command_whose_job_was_tried_too_often_ends_where_no_worker_runs(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call_command("models", "add", str(make(tmp_path / "parent.gguf")), stdout=StringIO())
    runs, looks = [], []

    def dies(lease: Lease, show: Any) -> None:
        runs.append(lease)
        Job.objects.filter(pk=lease.job_id).update(lease_until=timezone.now() - timedelta(seconds=1))

    def sleep(_seconds: float) -> None:
        looks.append(1)
        assert len(looks) < 20, "it waits for ever"

    monkeypatch.setattr(working, "run", dies)
    monkeypatch.setattr(working, "time", SimpleNamespace(sleep=sleep))
    with pytest.raises(CommandError, match="3 tries ended without a result"):
        call_command("models", "bench", "parent", stderr=StringIO())
    assert len(runs) == 3 and Job.objects.get().state == Job.State.FAILED


def test_a_pull_whose_name_was_taken_meanwhile_says_where_its_file_is(folder: Path, tmp_path: Path) -> None:
    make(folder / "fresh.gguf")  # as if it had just been downloaded
    asked = asking.ask_pull("https://models.example/fresh.gguf")
    ModelVersion.objects.create(
        name="fresh",
        kind=ModelVersion.Kind.FILE,
        path=str(folder / "fresh.gguf"),
        source=asked.job.parameters["source"],
    )
    lease = leases.claim(asked.job.pk)
    assert lease is not None

    def taken(progress: float, step: str) -> None:
        ModelVersion.objects.update(path=str(make(tmp_path / "other.gguf")))

    run(lease, taken)
    job = Job.objects.get()
    assert job.state == Job.State.FAILED
    assert f"`models add {folder}" in job.error and (folder / "fresh.gguf").exists()
