"""What each kind of job does, stage by stage. Each stage is a child process; the registry is written at the end."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from inference import amounts, pulling, registry
from inference.download import SPARE_BYTES, NoSpace
from inference.gguf_files import read_gguf
from inference.jobs import asking, formats
from inference.jobs.errors import JobRefused, NotEnoughMemory
from inference.jobs.leases import Lease
from inference.jobs.measuring_request import MOST_TEXT_TOKENS, Measuring
from inference.models import Job, ModelVersion
from inference.serving.memory import free_bytes

Stage = Callable[[dict[str, Any], float, float, str], dict[str, Any]]  # what, from and to which progress, its name
Finish = Callable[[Job], None]  # stores what came of it, in the caller's transaction

PREFIX = ".job-"
_WORKING_BYTES = 700_000_000  # beside the file itself: a context, the distributions of a large vocabulary
_LARGE_VOCABULARY, _CHARACTERS_OF_A_TOKEN = 150_000, 3


@dataclass(frozen=True, slots=True)
class Scratch:
    """Files of one attempt. Their names say whose they are, so that the sweeper knows what is left over."""

    folder: Path
    lease: Lease

    def path(self, kind: str) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        return self.folder / f"{PREFIX}{self.lease.job_id}.{self.lease.token}.{kind}"

    def clear(self) -> None:
        for path in self.folder.glob(f"{PREFIX}{self.lease.job_id}.{self.lease.token}.*"):
            path.unlink(missing_ok=True)


def perform(job: Job, stage: Stage, scratch: Scratch) -> Finish:
    if job.kind == Job.Kind.PULL:
        return _pull(job, stage)
    version = job.version
    if version is None:
        raise JobRefused("The model was removed meanwhile.", advice="Nothing is left to do.")
    version = registry.find_file(version.name)
    if job.kind == Job.Kind.BENCH:
        return _bench(job, version, stage, scratch)
    return _make(job, version, stage, scratch)


# -- pull ------------------------------------------------------------------------------------------------------------
def _pull(job: Job, stage: Stage) -> Finish:
    asked = job.parameters
    pull = registry.plan_pull(asked["source"], name=asked["name"], sha256=asked["sha256"])
    given = {"do": "pull", "url": pull.url, "target": str(pull.target), "sha256": pull.sha256, "token": pull.token}
    described = stage(given, 0.0, 1.0, "")["described"]

    def finish(job: Job) -> None:
        job.made = registry.register_pulled(
            pull, described, source=asked["source"], name=asked["name"], by=job.asked_by
        )

    return finish


# -- quantize, prune -------------------------------------------------------------------------------------------------
def _make(job: Job, parent: ModelVersion, stage: Stage, scratch: Scratch) -> Finish:
    asked, material, made = job.parameters, _material(job), scratch.path("gguf")
    registry.check_name(asked["name"])
    needed = formats.bytes_needed(read_gguf(Path(parent.path)), parent.size, asked["to"])
    _require_disk(scratch.folder, needed + _kept_bytes(material["text"]))
    _require_memory(parent.name, parent.size)
    _require_memory(asked["name"], needed)
    written = stage(_quantizing(parent, asked, made), 0.0, 0.4, "making the file")
    before, after = _both(Path(parent.path), made, material, stage, scratch, since=0.4)
    values = _values_of(written["described"], parent, asked)

    def finish(job: Job) -> None:
        target = _free_name(scratch.folder, asked["name"])
        made.replace(target)
        try:
            version = registry.register_file(target, values, name=asked["name"], by=job.asked_by)
            _store(parent, before)
            _store(version, after)
        except Exception:
            target.unlink(missing_ok=True)
            raise
        job.made = version
        job.result = {
            "before": before | {"size": parent.size},
            "after": after | {"size": version.size},
            "fallbacks": written["fallbacks"],
        }

    return finish


def _quantizing(parent: ModelVersion, asked: dict[str, Any], target: Path) -> dict[str, Any]:
    return {
        "do": "quantize",
        "source": parent.path,
        "target": str(target),
        "to": asked["to"],
        "without_layers": asked["without_layers"],
        "threads": settings.INFERENCE.threads,
    }


def _values_of(described: dict[str, Any], parent: ModelVersion, asked: dict[str, Any]) -> dict[str, Any]:
    values = described | {"source": _origin(parent, asked), "parent": parent}
    values["licence"] = values["licence"] or parent.licence
    if asked["to"]:
        mostly = values["quantization"]
        values["quantization"] = asked["to"] if asked["to"].startswith(mostly) else f"{asked['to']}, mostly {mostly}"
    return values


def _origin(parent: ModelVersion, asked: dict[str, Any]) -> str:
    to = f" to {asked['to']}" if asked["to"] else ""
    without = asked["without_layers"]
    pruned = f" without {len(without)} layers ({','.join(map(str, without))})" if without else ""
    return f"{parent.name}{pruned}{to}"[: pulling.MOST_CHARACTERS]


def _free_name(folder: Path, name: str) -> Path:
    plain = folder / f"{name}.gguf"
    return next(
        path
        for path in (plain, *(plain.with_stem(f"{name}-{number}") for number in range(2, 10_000)))
        if not path.exists()
    )


# -- bench -----------------------------------------------------------------------------------------------------------
def _bench(job: Job, version: ModelVersion, stage: Stage, scratch: Scratch) -> Finish:
    """Beside its parent, where the parent's file is still here."""
    material, parent = _material(job), version.parent
    if parent is not None and not Path(parent.path).is_file():
        parent = None
    _require_memory(version.name, version.size)
    if parent is None:
        alone = _measure(Path(version.path), material, stage, 0.0, 1.0, "")
        alone.pop("answers", None)
    else:
        _require_memory(parent.name, parent.size)
        _require_disk(scratch.folder, _kept_bytes(material["text"]))
        before, alone = _both(Path(parent.path), Path(version.path), material, stage, scratch, since=0.0)

    def finish(job: Job) -> None:
        if parent is not None:
            _store(parent, before)
            job.result["before"] = before | {"size": parent.size}
        _store(version, alone)
        job.result["after"] = alone | {"size": version.size}

    return finish


# -- measuring -------------------------------------------------------------------------------------------------------
def _both(
    parent: Path, child: Path, material: dict[str, Any], stage: Stage, scratch: Scratch, *, since: float
) -> tuple[dict[str, Any], dict[str, Any]]:
    middle, kept = (1.0 + since) / 2, scratch.path("distributions")
    before = _measure(parent, material, stage, since, middle, "before", keep=str(kept))
    compared = {"against": str(kept), "answers": before.pop("answers"), "vocabulary": before["vocabulary"]}
    after = _measure(child, material, stage, middle, 1.0, "after", **compared)
    kept.unlink(missing_ok=True)
    return before, after


def _measure(
    path: Path, material: dict[str, Any], stage: Stage, start: float, end: float, name: str, **more: Any
) -> dict[str, Any]:
    config = settings.INFERENCE
    asked = Measuring(
        str(path), **material, threads=config.threads, streams=config.streams, gpu_layers=config.gpu_layers, **more
    )
    found = stage({"do": "measure", **asdict(asked)}, start, end, name)
    return found | {
        "text": asking.digest_of(material["text"]),
        "threads": config.threads,
        "measured_at": timezone.now().isoformat(timespec="seconds"),
    }


def _material(job: Job) -> dict[str, Any]:
    return {
        "text": job.parameters.get("text") or asking.own_text(),
        "questions": job.parameters.get("questions") or asking.own_questions(),
    }


def _store(version: ModelVersion, found: dict[str, Any]) -> None:
    version.measured = found
    version.save(update_fields=["measured"])


# -- room ------------------------------------------------------------------------------------------------------------
def _kept_bytes(text: str) -> int:
    """Of the parent's distributions: 16 bits for each word of the vocabulary, at half of the tokens that are read."""
    tokens = min(len(text) // _CHARACTERS_OF_A_TOKEN, MOST_TEXT_TOKENS)
    return tokens // 2 * 2 * _LARGE_VOCABULARY


def _require_disk(folder: Path, needed: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if needed > free - SPARE_BYTES:
        raise NoSpace(
            f"The work needs up to {amounts.size(needed)} and the disk has {amounts.size(free)} left.",
            advice="Free some space, or set INFERENCE_MODELS_DIR to a larger disk, and try again.",
        )


def _require_memory(name: str, size: int) -> None:
    needed, free = size + _WORKING_BYTES, free_bytes()
    if needed > free:
        raise NotEnoughMemory(f"{name} needs {amounts.size(needed)} of memory and {amounts.size(free)} are free.")
