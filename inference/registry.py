"""The registry's services: add a local file, pull one from the hub or any URL, choose the default, remove."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import close_old_connections, transaction
from django.db.models import ProtectedError, QuerySet

from inference import audit, pulling
from inference.config import LocalModel
from inference.download import Progress
from inference.errors import InferenceError, ModelFileRejected
from inference.gguf_files import describe, read_gguf
from inference.models import Candidate, ModelVersion, Rollout
from inference.serving.load_notes import why_not_loaded

# What our own service can do with any file.
FILE_CAPABILITIES = [one.value for one in ModelVersion.Capability]


class NameTaken(InferenceError):
    code, http_status = "name_taken", 409
    user_message = "Another model has this name."
    advice = "Choose another one, or remove that model first."


class UnknownModel(InferenceError):
    code, http_status = "unknown_model", 404
    user_message = "There is no model of that name."
    advice = "`manage.py models list` shows the names."


class ModelInUse(InferenceError):
    code, http_status = "model_in_use", 409
    user_message = "A route uses this model."
    advice = "Take it out of the route first, or set its state to retired."


class ModelNotReady(InferenceError):
    code, http_status = "model_not_ready", 409
    user_message = "This model is not in use."
    advice = "Set its state to ready first, if that is right."


class NotAFile(InferenceError):
    code, http_status = "not_a_file", 422
    user_message = "This is an endpoint, and only a file can do that."
    advice = "`manage.py models list` shows the kinds."


def installed_models() -> list[LocalModel]:
    """Those that may be asked, the default one first. Read anew each time: a running service notices a change."""
    close_old_connections()
    files = _files_in_use().order_by("-default", "name")
    return [LocalModel(one.name, Path(one.path)) for one in files if Path(one.path).is_file()]


def _files_in_use() -> QuerySet[ModelVersion]:
    return ModelVersion.objects.filter(kind=ModelVersion.Kind.FILE, state=ModelVersion.State.READY)


def trouble_of(version: ModelVersion) -> str:
    """Why the model service does not load this file any more; '' where nothing is wrong."""
    if version.kind != ModelVersion.Kind.FILE:
        return ""
    return why_not_loaded(settings.INFERENCE, Path(version.path))


def find_model(name: str) -> ModelVersion:
    found = ModelVersion.objects.filter(name=name).first()
    if found is None:
        raise UnknownModel
    return found


def find_file(name: str) -> ModelVersion:
    """Raises NotAFile for endpoints, ModelFileRejected where the file is gone."""
    found = find_model(name)
    if found.kind != ModelVersion.Kind.FILE:
        raise NotAFile
    if not Path(found.path).is_file():
        raise ModelFileRejected("The model's file is not on this machine.", advice="Pull or add it again.")
    return found


def add_model(path: Path, *, name: str = "", source: str = "", by: AbstractBaseUser | None = None) -> ModelVersion:
    """Registers a GGUF file where it lies. The first model becomes the default. Raises ModelFileRejected."""
    path = path.resolve()
    if len(str(path)) > pulling.MOST_CHARACTERS:
        raise ModelFileRejected(
            f"The model's path is longer than {pulling.MOST_CHARACTERS} characters.", advice="Move it."
        )
    slug = slug_of(name or path.stem)
    read_gguf(path)
    check_name(slug, path)
    return register_file(path, describe(path) | {"source": source}, name=slug, by=by)


def register_file(path: Path, values: dict[str, Any], *, name: str, by: AbstractBaseUser | None) -> ModelVersion:
    """`values` are what `describe` found, and other fields."""
    check_name(name, path)
    with transaction.atomic():
        version = ModelVersion.objects.select_for_update().filter(name=name).first()
        if version is not None and version.sha256 != values["sha256"]:
            version.measured = {}  # of the file that was there before
        version = version or ModelVersion(name=name)
        common = {"kind": ModelVersion.Kind.FILE, "path": str(path), "capabilities": FILE_CAPABILITIES}
        for field, value in (common | values).items():
            setattr(version, field, value)
        ready = version.state == ModelVersion.State.READY
        version.default = version.default or (ready and not ModelVersion.objects.filter(default=True).exists())
        version.save()
        audit.record("model.added", name, by, path=str(path), sha256=version.sha256)
    return version


def set_default(name: str, *, by: AbstractBaseUser | None = None) -> ModelVersion:
    """Raises UnknownModel, NotAFile, ModelNotReady."""
    with transaction.atomic():
        version = ModelVersion.objects.select_for_update().filter(name=name).first()
        if version is None:
            raise UnknownModel
        if version.kind != ModelVersion.Kind.FILE:
            raise NotAFile("An endpoint cannot be the default.", advice="Name it in a route.")
        if version.state != ModelVersion.State.READY:
            raise ModelNotReady(f"{version} is {version.state}: no question may reach it.")
        ModelVersion.objects.filter(default=True).update(default=False)
        version.default = True
        version.save(update_fields=["default"])
        audit.record("model.default", name, by)
    return version


def remove_model(name: str, *, by: AbstractBaseUser | None = None) -> ModelVersion | None:
    """Forgets the model; deletes its file only where it was pulled or made. -> the default from now on.

    Raises ModelInUse.
    """
    with transaction.atomic():
        version = ModelVersion.objects.select_for_update().filter(name=name).first()
        if version is None:
            raise UnknownModel
        try:
            version.delete()
        except ProtectedError as error:
            raise _in_use(version) from error
        heir = _files_in_use().order_by("-created_at").first()
        if version.default and heir is not None:
            heir.default = True
            heir.save(update_fields=["default"])
        audit.record("model.removed", name, by)
        transaction.on_commit(lambda: _delete_file(version.path))  # the caller may have a transaction that fails yet
    return ModelVersion.objects.filter(default=True).first()


def _delete_file(path: str) -> None:
    inside = bool(path) and Path(path).is_relative_to(settings.INFERENCE.models_dir.resolve())
    if inside and not ModelVersion.objects.filter(path=path).exists():
        Path(path).unlink(missing_ok=True)


def _in_use(version: ModelVersion) -> ModelInUse:
    routes = Candidate.objects.filter(version=version).values_list("route__name", flat=True).distinct()
    if routes:
        return ModelInUse(f"The route {' and the route '.join(routes)} uses {version.name}.")
    rollouts = Rollout.objects.filter(current=version) | Rollout.objects.filter(new=version)
    running = rollouts.filter(state=Rollout.State.RUNNING).first()
    if running is not None:
        return ModelInUse(
            f"The roll-out {running} is running with {version.name}.", advice="Promote it or roll it back first."
        )
    return ModelInUse(
        f"The record of past roll-outs names {version.name}.", advice="Set its state to retired: no route may use it."
    )


def check_name(name: str, path: Path | None = None) -> None:
    """Raises NameTaken, unless the model of that name has this very file."""
    namesakes = ModelVersion.objects.filter(name=name)
    if (namesakes.exclude(path=str(path)) if path else namesakes).exists():
        raise NameTaken


def pull_model(source: str, *, name: str = "", sha256: str = "", progress: Progress) -> ModelVersion:
    """Downloads with resume, checks the SHA-256 (given, or the hub's own), registers."""
    pull = plan_pull(source, name=name, sha256=sha256)
    pulling.fetch(pull, progress)
    return register_pulled(pull, describe(pull.target), source=source, name=name, by=None)


def register_pulled(
    pull: pulling.Pull, values: dict[str, Any], *, source: str, name: str, by: AbstractBaseUser | None
) -> ModelVersion:
    """`values` are what `describe` found. Raises NameTaken."""
    try:
        slug = slug_of(name or pull.target.stem)
        return register_file(pull.target, values | {"source": pulling.shown(source)}, name=slug, by=by)
    except NameTaken as error:
        advice = f"It was taken during the download. The file is here: `models add {pull.target} --name ...`."
        raise NameTaken(advice=advice) from error


def plan_pull(source: str, *, name: str = "", sha256: str = "") -> pulling.Pull:
    """Raises ModelSourceRejected, NameTaken."""
    url, expected = pulling.address_of(source, settings.INFERENCE.hub_url), pulling.checksum(sha256)
    plain = settings.INFERENCE.models_dir.resolve() / pulling.file_name(url)
    here = ModelVersion.objects.filter(path=str(plain), source__in={source, pulling.shown(source)}).exists()
    target = plain if here or not plain.exists() else pulling.second_name(plain, url)
    check_name(slug_of(name or target.stem), target)
    return pulling.Pull(url, target, expected, pulling.hub_token(url, settings.INFERENCE))


def slug_of(name: str) -> str:
    slug = re.sub(r"[^a-z0-9_-]+", "-", name.lower().replace(".", "-")).strip("-")[:120]
    if not slug:
        raise ModelFileRejected("The model needs a name of letters and digits.")
    return slug
