"""A model that is pulled from the page of jobs under /admin/, from a server shaped like the hub."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client

from chatapp.governance.models import AuditEntry
from inference import download
from inference.jobs import asking, leases, running, sweeping
from inference.jobs.errors import JobRefused
from inference.models import Job, ModelVersion
from tests.conftest import Cast, signed_in_client
from tests.inference.hub_double import Hub, hub
from tests.tiny_gguf import make

JOBS = "/admin/inference/job/"
TINY = "hub:acme/tiny/tiny.gguf"


@pytest.fixture
def models_dir(tmp_path: Path) -> Path:
    return tmp_path / "models"


@pytest.fixture
def double(tmp_path: Path, models_dir: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setattr(download, "FIRST_WAIT_S", 0.01)
    with hub(make(tmp_path / "made.gguf").read_bytes()) as one:
        settings.INFERENCE = replace(settings.INFERENCE, models_dir=models_dir, hub_url=one.url)
        yield one


@pytest.fixture
def admin(cast: Cast) -> Client:
    return signed_in_client(cast.administrator)


def _ask(admin: Client, source: str = TINY, **fields: str) -> str:
    """-> the page that follows."""
    answer = admin.post(f"{JOBS}add/", {"kind": "pull", "source": source, **fields}, follow=True)
    return " ".join(answer.content.decode().split())


def _work(show: Any = lambda progress, step: None) -> Job:
    lease = leases.claim(Job.objects.get(state="queued").pk)
    assert lease is not None
    running.run(lease, show)
    return Job.objects.get(pk=lease.job_id)


def test_a_model_is_asked_for_followed_and_there(double: Hub, admin: Client, cast: Cast, models_dir: Path) -> None:
    double.script = ["cut", "503"]  # the child waits a second before it goes on
    page = _ask(admin, name="From the page", sha256=double.digest.upper())
    assert TINY in page and "queued" in page and "Cancel the job" in page
    shown: list[str] = []

    def look(progress: float, step: str) -> None:
        shown.append(" ".join(admin.get(JOBS).content.decode().split()))

    job = _work(look)
    assert (job.state, job.error) == ("done", "") and job.made is not None
    assert (job.made.name, job.made.sha256, job.made.source) == ("from-the-page", double.digest, TINY)
    assert any(re.search(r"</progress> 50 %, downloading, \d+\.\d kB of \d+\.\d kB<", one) for one in shown)
    assert "100 %" in admin.get(JOBS).content.decode() and [path.name for path in models_dir.iterdir()] == ["tiny.gguf"]
    made = AuditEntry.objects.filter(action__in=["job.asked", "model.added"]).order_by("pk")
    assert [(entry.action, entry.actor) for entry in made] == [
        ("job.asked", cast.administrator),
        ("model.added", cast.administrator),
    ]


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"source": ""}, "From where?"),
        ({"source": "ftp://host/x.gguf"}, "not a source that a model can be pulled from"),
        ({"source": "hub:acme/tiny/tiny.bin"}, "Give hub:OWNER/REPOSITORY/FILE.gguf"),
        ({"source": "https://host/m-00001-of-00003.gguf"}, "cut into several files"),
        ({"source": "https://host/" + "x" * 1000 + ".gguf"}, "at most 1000 characters"),
        ({"source": "https://me:secret@host/tiny.gguf"}, "holds a name or a password"),
        ({"source": "https://me@host/tiny.gguf"}, "download the file yourself"),
        ({"sha256": "abc"}, "64 hexadecimal digits"),
        ({"name": "taken"}, "Another model has this name"),
        ({"name": "!!!"}, "needs a name of letters and digits"),
    ],
)
def test_what_the_command_refuses_the_page_refuses(
    double: Hub, admin: Client, fields: dict[str, str], sentence: str
) -> None:
    ModelVersion.objects.create(name="taken", path="/nowhere/taken.gguf")
    page = _ask(admin, **fields)
    assert "errorlist" in page and sentence in page
    assert not Job.objects.exists() and double.asked == []
    assert "secret@" not in str(list(AuditEntry.objects.values()))


def test_one_source_is_not_pulled_twice_at_once(double: Hub, admin: Client) -> None:
    _ask(admin)
    assert "A job that pulls this is waiting or running. Wait for it, or cancel it." in _ask(admin, name="other")
    _work()
    assert "queued" in _ask(admin)


@pytest.mark.parametrize(
    "variant", ["{}/cdn/tiny.gguf?signature=b#x", "{}/cdn/%74iny.gguf", "{}/cdn/tiny.gguf?", "HTTP{}/cdn/tiny.gguf"]
)
def test_one_file_under_another_address_is_not_pulled_twice(double: Hub, admin: Client, variant: str) -> None:
    _ask(admin, f"{double.url}/cdn/tiny.gguf?signature=a", name="one")
    address = variant.format(double.url.removeprefix("http") if variant.startswith("HTTP") else double.url)
    assert "A job that pulls this is waiting or running." in _ask(admin, address, name="other")
    assert Job.objects.count() == 1


@pytest.mark.parametrize(
    ("first", "second"), [("", "Tiny"), ("tiny", ""), ("", ""), ("Other name", "other-name"), ("a.b", "A B")]
)
def test_two_pulls_do_not_make_one_name(double: Hub, admin: Client, first: str, second: str) -> None:
    _ask(admin, name=first)
    page = _ask(admin, "hub:acme/second/tiny.gguf", name=second)
    assert "makes a model of this name is waiting or running. Wait for it, or give another name." in page


@pytest.mark.django_db(transaction=True)
def test_of_two_who_ask_at_the_same_moment_the_second_is_refused(double: Hub) -> None:
    refused: list[JobRefused] = []

    def ask_too() -> None:
        try:
            asking.ask_pull(f"{double.url}/cdn/tiny.gguf?signature=b", name="two")
        except JobRefused as error:
            refused.append(error)
        finally:
            connection.close()

    other = threading.Thread(target=ask_too)
    with transaction.atomic():
        asking.ask_pull(f"{double.url}/cdn/tiny.gguf?signature=a", name="one")
        other.start()
        other.join(0.5)
    other.join(10)
    assert len(refused) == 1 and Job.objects.count() == 1


def test_a_signature_is_used_and_neither_shown_nor_kept(double: Hub, admin: Client) -> None:
    address = f"{double.url}/cdn/tiny.gguf"
    shown = _ask(admin, f"{address}?signature=secret-1")
    job = _work()
    assert job.state == "done" and job.made is not None and job.made.source == address
    shown += admin.get(JOBS).content.decode() + str(list(AuditEntry.objects.values()))
    assert address in shown and "secret-1" not in shown
    sweeping.sweep()
    job.refresh_from_db()
    assert job.parameters["source"] == address and "secret-1" not in str(job.parameters)


def test_a_pull_that_is_cancelled_ends_and_goes_on_when_it_is_asked_for_again(
    double: Hub, admin: Client, models_dir: Path
) -> None:
    double.script = ["cut", *["503"] * 4]
    _ask(admin)
    first = Job.objects.get()

    def cancel(progress: float, step: str) -> None:
        assert "stopping" in admin.post(f"{JOBS}{first.pk}/cancel/", follow=True).content.decode()

    job = _work(cancel)
    assert (job.state, ModelVersion.objects.exists()) == ("cancelled", False)
    assert [path.suffix for path in models_dir.iterdir()] == [".partial"]
    double.script.clear()
    double.asked.clear()
    _ask(admin)
    assert _work().state == "done"


def test_a_pull_that_fails_says_why_on_its_page(double: Hub, admin: Client) -> None:
    _ask(admin, source="hub:acme/tiny/absent.gguf")
    job = _work()
    page = admin.get(f"{JOBS}{job.pk}/change/").content.decode()
    assert "no such file" in page and "hub:acme/tiny/absent.gguf" in page and "Cancel the job" not in page


def test_a_person_who_is_no_superuser_asks_for_nothing(double: Hub, cast: Cast) -> None:
    answer = signed_in_client(cast.bob).post(f"{JOBS}add/", {"kind": "pull", "source": TINY})
    assert answer.status_code in (302, 404) and not Job.objects.exists()
