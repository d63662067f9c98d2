"""The download of a model file: asked of the jobs, whose worker fetches it, and told as far as it is."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext

from chatapp.accounts.models import User
from chatapp.operations.heartbeat import worker_is_alive
from inference import amounts, pulling, tasks
from inference.jobs import asking
from inference.models import Job
from inference.serving.memory import free_bytes

_OPEN = (Job.State.QUEUED, Job.State.RUNNING)
_NO_WORKER = "No worker is running, so nothing is fetched. Start Footnote with `make run`, or a worker."


@dataclass(frozen=True, slots=True)
class Download:
    """The newest one. `percent` None: how large the file is, nobody said."""

    job: Job
    source: str
    percent: int | None
    said: str
    trouble: str = ""

    @property
    def is_open(self) -> bool:
        return self.job.state in _OPEN

    @property
    def goes_on(self) -> bool:
        """Whether it can be asked for once more, from where it stopped."""
        return self.job.state in (Job.State.FAILED, Job.State.CANCELLED)


def newest() -> Download | None:
    job = Job.objects.filter(kind=Job.Kind.PULL).select_related("made").order_by("-created_at").first()
    if job is None:
        return None
    waits = job.state == Job.State.QUEUED
    percent = round(100 * job.progress) if job.progress or waits else None
    said = "stopping" if job.cancel_requested else job.step or ("waiting for the worker" if waits else "starting")
    trouble = _NO_WORKER if job.state in _OPEN and not worker_is_alive() else ""
    return Download(job, pulling.shown(job.parameters.get("source", "")), percent, said, trouble)


def begin(source: str, *, sha256: str, by: User) -> Job:
    """Raises ModelSourceRejected, NameTaken, JobRefused."""
    with transaction.atomic():
        job = asking.ask_pull(source, sha256=sha256, by=by).job
        tasks.send_soon()
    return job


def go_on(*, by: User) -> None:
    """With the newest one, if it ended without a file: what is here already is not fetched again. Raises the same."""
    found = newest()
    if found is not None and found.goes_on:
        asked = found.job.parameters
        begin(asked["source"], sha256=asked.get("sha256", ""), by=by)


def cancel(*, by: User) -> None:
    found = newest()
    if found is not None and found.is_open:
        asking.cancel(found.job, by=by)


def room() -> str:
    """What the machine has left for a model, in a sentence."""
    folder = settings.INFERENCE.models_dir.resolve()
    there = next(one for one in (folder, *folder.parents) if one.is_dir())
    disk, memory = shutil.disk_usage(Path(there)).free, free_bytes()
    told = gettext("This machine has %(disk)s of disk and %(memory)s of memory free.")
    return told % {"disk": amounts.size(disk), "memory": amounts.size(memory)}
