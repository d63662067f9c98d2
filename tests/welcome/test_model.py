"""The second step: a download that the jobs fetch, or no model for now."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client

from chatapp.governance.models import AuditEntry
from chatapp.operations import heartbeat
from inference import tasks
from inference.download import NoSpace
from inference.jobs import leases, running
from inference.models import Candidate, Job, ModelVersion, Route
from inference.routing.pool import BUILT_IN
from tests.conftest import Cast
from tests.inference.hub_double import Hub
from tests.ingestion.worker import Worker
from tests.waiting import wait_until
from tests.welcome.pages import ROOT, plain, states, text_of

PAGE = f"{ROOT}model/"
TINY = {"do": "pull", "repository": "acme/tiny", "file": "tiny.gguf"}


def post(admin: Client, **fields: str) -> str:
    return plain(admin.post(PAGE, fields, follow=True).content)


def work(show: Any = lambda progress, step: None) -> Job:
    """As the worker's process does it."""
    lease = leases.claim(Job.objects.get(state="queued").pk)
    assert lease is not None
    running.run(lease, show)
    return Job.objects.get(pk=lease.job_id)


def test_later_is_a_choice_that_a_model_ends(double: Hub, admin: Client, cast: Cast) -> None:
    assert states(admin)[1] == "open"
    assert "What should be asked first?" in post(admin, do="later")
    post(admin, do="later")
    assert states(admin)[1] == "later" and "You chose this" in text_of(admin, "model/")
    assert AuditEntry.objects.filter(action="setup.model_later", actor=cast.administrator).count() == 1
    post(admin, **TINY)
    work()
    assert states(admin)[1] == "done" and "You chose this" not in text_of(admin, "model/")


def test_a_download_is_followed_and_the_step_is_done_by_the_file_alone(double: Hub, admin: Client) -> None:
    page = post(admin, **TINY, sha256=double.digest)
    assert "On its way" in page and "hub:acme/tiny/tiny.gguf" in page and "waiting for the worker" in page
    assert states(admin)[1] == "open"
    shown: list[str] = []
    job = work(lambda progress, step: shown.append(text_of(admin, "model/")))
    assert job.state == "done" and any("starting" in one or "downloading" in one for one in shown)
    assert "It is here as tiny" in text_of(admin, "model/") and states(admin)[1] == "done"
    Path(ModelVersion.objects.get().path).unlink()
    assert states(admin)[1] == "open" and "Its file is not on this machine" in text_of(admin, "model/")


def test_without_a_worker_the_page_says_so(double: Hub, admin: Client) -> None:
    assert "No worker is running" in post(admin, **TINY)
    heartbeat.beat()
    assert "No worker is running" not in text_of(admin, "model/")


def test_what_was_cancelled_goes_on_where_it_stopped(double: Hub, admin: Client, models_dir: Path) -> None:
    double.script = ["cut", "503", "503", "503", "503", "503", "503"]
    post(admin, **TINY)

    def cancel(progress: float, step: str) -> None:
        if "downloading" in step:
            admin.post(PAGE, {"do": "cancel"})

    assert work(cancel).state == "cancelled"
    page = text_of(admin, "model/")
    assert "The download was cancelled" in page and "Try again" in page
    double.script, half = [], next(iter(models_dir.glob(".*.partial"))).stat().st_size
    assert "On its way" in post(admin, do="again")
    assert work().state == "done" and double.asked_ranges()[-1] == f"bytes={half}-"
    post(admin, do="again")
    post(admin, do="cancel")
    assert Job.objects.count() == 2, "there is nothing to go on with or to cancel"


@pytest.mark.parametrize(
    ("prepare", "sentence"),
    [
        ({"gated": True}, "only to accounts that accepted its terms. Accept them on the model"),
        ({"names": "0" * 64}, "does not match its SHA-256"),
    ],
)
def test_what_the_hub_refuses_is_said_with_what_to_do(
    double: Hub, admin: Client, prepare: dict[str, Any], sentence: str
) -> None:
    for name, value in prepare.items():
        setattr(double, name, value)
    post(admin, **TINY)
    assert work().state == "failed"
    page = text_of(admin, "model/")
    assert "The download failed" in page and sentence in page and "manage.py models pull hub:acme/tiny" in page


def test_a_repository_that_is_not_there_a_hub_that_is_away_and_a_full_disk_are_told_apart(
    double: Hub, admin: Client, settings: Any
) -> None:
    post(admin, **TINY | {"repository": "acme/none"})
    work()
    assert "There is no such repository, or it wants a sign-in" in text_of(admin, "model/")
    settings.INFERENCE = replace(settings.INFERENCE, hub_url="http://127.0.0.1:1")
    post(admin, **TINY)
    work()
    assert "127.0.0.1 cannot be reached: it refuses connections" in text_of(admin, "model/")
    full = NoSpace("The model needs 4.00 GB more and the disk has 1.00 GB left.")
    Job.objects.create(kind="pull", state="failed", error=f"{full.user_message} {full.advice}")
    assert "the disk has 1.00 GB left. Free some space" in text_of(admin, "model/")


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"repository": ""}, "This field is required"),
        ({"file": "tiny.bin"}, "not a source that a model can be pulled from"),
        ({"file": "m-00001-of-00003.gguf"}, "cut into several files"),
        ({"repository": "../..", "file": "x.gguf"}, "not a source"),
        ({"file": "x" * 399 + ".gguf"}, "at most 400 characters"),
        ({"sha256": "abc"}, "64 hexadecimal digits"),
    ],
)
def test_what_is_no_model_is_refused_before_anything_is_asked(
    double: Hub, admin: Client, fields: dict[str, str], sentence: str
) -> None:
    assert sentence in post(admin, **TINY | fields)
    assert not Job.objects.exists() and double.asked == []


def test_one_file_is_not_fetched_twice_at_once(double: Hub, admin: Client) -> None:
    post(admin, **TINY)
    assert "is waiting or running" in post(admin, **TINY)
    assert Job.objects.count() == 1


def test_a_download_that_was_asked_for_goes_on_when_its_worker_dies(
    double: Hub, admin: Client, models_dir: Path, tmp_path: Path
) -> None:
    """The real worker, killed in the middle: the next one goes on with the row."""
    for message in Path(django_settings.CELERY_BROKER_TRANSPORT_OPTIONS["data_folder_in"]).iterdir():
        message.unlink()
    double.script = ["cut", *["503"] * 3]
    worker = Worker("http://127.0.0.1:1", "", tmp_path / "worker.log")
    worker.env |= {"INFERENCE_MODELS_DIR": str(models_dir), "INFERENCE_HUB_URL": double.url}
    worker.start()
    try:
        post(admin, **TINY)
        wait_until(lambda: "downloading" in Job.objects.get().step, 60)
        worker.kill()
        Job.objects.update(lease_until=None, state="queued", lease_token=None)  # as its lease runs out
        double.script = []
        worker.start()
        tasks.run_jobs.delay()
        wait_until(lambda: Job.objects.get().state == "done", 60)
    finally:
        worker.kill()
        print((tmp_path / "worker.log").read_text(errors="replace")[-4000:])
    assert "It is here as tiny" in text_of(admin, "model/")
    assert [path.name for path in models_dir.iterdir()] == ["tiny.gguf"]


def test_a_model_of_another_route_is_not_the_one_of_the_page(admin: Client) -> None:
    inside = {"kind": "openai", "base_url": "http://127.0.0.1:9/v1", "model": "m"}
    version = ModelVersion.objects.create(name="elsewhere", **inside)
    route = Route.objects.create(name="programs")
    Candidate.objects.create(route=route, version=version)
    assert states(admin)[1] == "open"
    Route.objects.filter(pk=route.pk).update(name=BUILT_IN)
    assert states(admin)[1] == "done"
    ModelVersion.objects.update(state="retired")
    assert states(admin)[1] == "open"
