"""Asks for work on a model: checks the request, and writes the row. Commands and pages come through here."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from inference import audit, pulling, registry
from inference.gguf_files import read_gguf
from inference.jobs import formats
from inference.jobs.errors import JobRefused
from inference.models import Job, ModelVersion

log = structlog.get_logger(__name__)

_HERE = Path(__file__).parent
MOST_TEXT, MOST_QUESTIONS, MOST_QUESTION = 400_000, 100, 2000
_MOST_QUEUED = 50
_UNTOLD = ("text", "questions", "source", "slug", "place")
_LOCK = 7_103_442  # of our own, for questions


@dataclass(frozen=True, slots=True)
class Asked:
    job: Job
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Material:
    """What models are compared on. Empty: what comes with Footnote."""

    text: str = ""
    questions: tuple[str, ...] = ()

    def parameters(self) -> dict[str, Any]:
        """Raises JobRefused."""
        if len(self.text) > MOST_TEXT:
            raise JobRefused(f"The text has more than {MOST_TEXT} characters.", advice="Give a part of it.")
        if len(self.questions) > MOST_QUESTIONS or any(len(one) > MOST_QUESTION for one in self.questions):
            raise JobRefused(f"At most {MOST_QUESTIONS} questions of at most {MOST_QUESTION} characters each.")
        return {"text": self.text.replace("\0", ""), "questions": [one.replace("\0", "") for one in self.questions]}


def own_text() -> str:
    return (_HERE / "text.txt").read_text()


def own_questions() -> list[str]:
    return (_HERE / "questions.txt").read_text().splitlines()


def digest_of(text: str) -> str:
    """Figures of two files compare only where they come from one text."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def ask_quantize(
    model: str, to: str, *, name: str = "", material: Material | None = None, by: AbstractBaseUser | None = None
) -> Asked:
    """Raises JobRefused, NameTaken, UnknownModel, NotAFile."""
    parent = registry.find_file(model)
    facts, to = read_gguf(Path(parent.path)), formats.format_named(to)
    if facts.quantization == to:
        raise JobRefused(f"{parent.name} is {to} already.")
    parameters = _new_file(parent, name or f"{parent.name}-{to}", material) | {"to": to, "without_layers": []}
    return Asked(_write(Job.Kind.QUANTIZE, parent, parameters, by), formats.warnings_of(facts, to))


def ask_prune(
    model: str,
    layers: str,
    *,
    to: str = "",
    name: str = "",
    material: Material | None = None,
    by: AbstractBaseUser | None = None,
) -> Asked:
    """Raises JobRefused, NameTaken, UnknownModel, NotAFile."""
    parent = registry.find_file(model)
    facts = read_gguf(Path(parent.path))
    without, number = formats.layers_named(layers, facts), formats.format_named(to) if to else None
    left = facts.layers - len(without)
    new_name = name or f"{parent.name}-{left}-layers{f'-{number}' if number else ''}"
    warnings = formats.warnings_of_layers(without, facts) + (formats.warnings_of(facts, number) if number else [])
    parameters = _new_file(parent, new_name, material) | {"to": number, "without_layers": without}
    return Asked(_write(Job.Kind.PRUNE, parent, parameters, by), warnings)


def ask_bench(model: str, *, material: Material | None = None, by: AbstractBaseUser | None = None) -> Asked:
    version = registry.find_file(model)
    return Asked(_write(Job.Kind.BENCH, version, (material or Material()).parameters(), by))


def ask_pull(source: str, *, name: str = "", sha256: str = "", by: AbstractBaseUser | None = None) -> Asked:
    """Raises ModelSourceRejected, NameTaken, JobRefused."""
    pull = registry.plan_pull(source, name=name, sha256=sha256)
    compared = {"slug": registry.slug_of(name or pull.target.stem), "place": pulling.place(pull.url)}
    return Asked(_write(Job.Kind.PULL, None, {"source": source, "name": name, "sha256": sha256} | compared, by))


@transaction.atomic
def cancel(job: Job, *, by: AbstractBaseUser | None = None) -> None:
    """At once where nobody works on it; whoever does ends its child within a second or so. Twice is once."""
    owed = _open().filter(pk=job.pk, cancel_requested=False)
    if not owed.update(cancel_requested=True):
        return
    audit.record("job.cancelled", str(job), by)
    Job.objects.filter(pk=job.pk, state=Job.State.QUEUED).update(
        state=Job.State.CANCELLED, ended_at=timezone.now(), step=""
    )
    log.info("job.cancel_requested", job=str(job.pk))


def _new_file(parent: ModelVersion, name: str, material: Material | None) -> dict[str, Any]:
    slug = registry.slug_of(name)
    registry.check_name(slug)
    return (material or Material()).parameters() | {"name": slug}


def _write(
    kind: Job.Kind, version: ModelVersion | None, parameters: dict[str, Any], by: AbstractBaseUser | None
) -> Job:
    subject = str(version or pulling.shown(parameters.get("source", "")))
    with transaction.atomic():
        _lock()
        audit.record("job.asked", subject, by, kind=str(kind), **_told(parameters))
        if Job.objects.filter(state=Job.State.QUEUED).count() >= _MOST_QUEUED:
            raise JobRefused(f"{_MOST_QUEUED} jobs are waiting already.", advice="Wait, or cancel some.")
        _check_twins(parameters)
        job: Job = Job.objects.create(
            kind=kind, version=version, parameters=parameters, asked_by_id=by.pk if by else None
        )
    return job


def _lock() -> None:
    """Until the transaction ends: two who ask at once would both see no other job."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def _check_twins(parameters: dict[str, Any]) -> None:
    """No two jobs fetch one file or make a model of one name. Raises JobRefused."""
    if (place := parameters.get("place")) and _open().filter(parameters__place=place).exists():
        raise JobRefused("A job that pulls this is waiting or running.", advice="Wait for it, or cancel it.")
    name = parameters.get("slug") or parameters.get("name")
    if name and _open().filter(Q(parameters__name=name) | Q(parameters__slug=name)).exists():
        raise JobRefused(
            "A job that makes a model of this name is waiting or running.", advice="Wait for it, or give another name."
        )


def _open() -> QuerySet[Job]:
    return Job.objects.filter(state__in=[Job.State.QUEUED, Job.State.RUNNING])


def _told(parameters: dict[str, Any]) -> dict[str, Any]:
    """For the audit trail: without the texts that models are compared on, and what tells two jobs apart."""
    return {name: value for name, value in parameters.items() if name not in _UNTOLD and value}
