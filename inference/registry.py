"""The registry's services: add a local file, pull one from the hub or any URL, choose the default, remove."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from django.conf import settings
from django.db import close_old_connections, transaction

from inference.config import LocalModel
from inference.download import Address, Progress, download
from inference.errors import InferenceError, ModelFileRejected
from inference.models import ModelVersion

_MOST_CONTEXT = 2**31 - 1  # what the column holds
_MOST_CHARACTERS = 1000  # what the columns of path and source hold


class ModelSourceRejected(InferenceError):
    code, http_status = "model_source_rejected", 422
    user_message = "This is not a source that a model can be pulled from."
    advice = "Give hub:OWNER/REPOSITORY/FILE.gguf or an https:// address."


class NameTaken(InferenceError):
    code, http_status = "name_taken", 409
    user_message = "Another model has this name."
    advice = "Choose another one with --name, or remove that model first."


class UnknownModel(InferenceError):
    code, http_status = "unknown_model", 404
    user_message = "There is no model of that name."
    advice = "`manage.py models list` shows the names."


def installed_models() -> list[LocalModel]:
    """The default one first. Read anew each time, so that a running service notices a change."""
    close_old_connections()
    models = ModelVersion.objects.order_by("-default", "name")
    return [LocalModel(one.name, Path(one.path)) for one in models if Path(one.path).is_file()]


def add_model(path: Path, *, name: str = "", source: str = "") -> ModelVersion:
    """Registers a GGUF file where it lies. The first model becomes the default. Raises ModelFileRejected."""
    path = path.resolve()
    if len(str(path)) > _MOST_CHARACTERS:
        raise ModelFileRejected(f"The model's path is longer than {_MOST_CHARACTERS} characters.", advice="Move it.")
    facts = read_gguf(path)
    name = _slug(name or path.stem)
    _check_name(name, path)
    with transaction.atomic():
        version, _ = ModelVersion.objects.update_or_create(
            name=name,
            defaults={
                "path": str(path),
                "source": source,
                "sha256": _sha256(path),
                "size": path.stat().st_size,
                "licence": facts.licence,
                "quantization": facts.quantization,
                "context_tokens": facts.context_tokens,
            },
        )
        if not ModelVersion.objects.filter(default=True).exists():
            version.default = True
            version.save(update_fields=["default"])
    return version


def set_default(name: str) -> ModelVersion:
    with transaction.atomic():
        version = ModelVersion.objects.select_for_update().filter(name=name).first()
        if version is None:
            raise UnknownModel
        ModelVersion.objects.filter(default=True).update(default=False)
        version.default = True
        version.save(update_fields=["default"])
    return version


def remove_model(name: str) -> ModelVersion | None:
    """Forgets the model; deletes its file only where it was pulled to. -> the default from now on."""
    with transaction.atomic():
        version = ModelVersion.objects.select_for_update().filter(name=name).first()
        if version is None:
            raise UnknownModel
        version.delete()
        heir = ModelVersion.objects.order_by("-created_at").first()
        if version.default and heir is not None:
            heir.default = True
            heir.save(update_fields=["default"])
    path = Path(version.path)
    inside = path.is_relative_to(settings.INFERENCE.models_dir.resolve())
    if inside and not ModelVersion.objects.filter(path=version.path).exists():
        path.unlink(missing_ok=True)
    return ModelVersion.objects.filter(default=True).first()


def _check_name(name: str, path: Path) -> None:
    if ModelVersion.objects.filter(name=name).exclude(path=str(path)).exists():
        raise NameTaken


def pull_model(source: str, *, name: str = "", sha256: str = "", progress: Progress) -> ModelVersion:
    """Downloads with resume, checks the SHA-256 (given, or the hub's own), registers."""
    url, expected = _url(source), _checksum(sha256)
    target = _target(url, source)
    _check_name(_slug(name or target.stem), target)
    if not target.exists():
        _fetch(url, target, expected, progress)
    elif expected and _sha256(target) != expected:
        raise ModelFileRejected("The file is here already, with another SHA-256.", advice="Remove the model first.")
    return add_model(target, name=name, source=source)


def _fetch(url: str, target: Path, expected: str, progress: Progress) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}-{_digest(url)}.partial")
    token = settings.INFERENCE.hub_token if url.startswith(f"{settings.INFERENCE.hub_url}/") else ""
    named = download(Address(url, token), partial, progress)
    try:
        if (expected or named) not in ("", _sha256(partial)):
            raise ModelFileRejected("The downloaded file does not match its SHA-256 and was deleted.")
        read_gguf(partial)
    except ModelFileRejected:
        partial.unlink()
        raise
    partial.replace(target)


def _target(url: str, source: str) -> Path:
    """Two sources may call their files alike: the second one gets another name."""
    plain = settings.INFERENCE.models_dir.resolve() / _file_name(url)
    here = ModelVersion.objects.filter(path=str(plain), source=source).exists()
    return plain if here or not plain.exists() else plain.with_stem(f"{plain.stem}-{_digest(url)}")


def _digest(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()[:8]


def _checksum(given: str) -> str:
    checksum = given.strip().lower().removeprefix("sha256:")
    if checksum and not re.fullmatch(r"[0-9a-f]{64}", checksum):
        raise ModelSourceRejected("The SHA-256 must be 64 hexadecimal digits.", advice="Copy it from the model's page.")
    return checksum


def _url(source: str) -> str:
    if len(source) > _MOST_CHARACTERS:
        raise ModelSourceRejected(f"A source has at most {_MOST_CHARACTERS} characters.")
    if source.startswith("hub:"):
        found = re.fullmatch(r"hub:([\w.-]+)/([\w.-]+)/([\w./-]+\.gguf)(?:@([\w.-]+))?", source)
        if not found or ".." in source:
            raise ModelSourceRejected
        owner, repository, file, revision = found.groups()
        return f"{settings.INFERENCE.hub_url}/{owner}/{repository}/resolve/{revision or 'main'}/{quote(file)}"
    try:
        parts = urlsplit(source)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ModelSourceRejected
    return source


def _file_name(url: str) -> str:
    name = re.sub(r"[^\w.-]", "_", Path(unquote(urlsplit(url).path)).name).lstrip(".")
    if not name.endswith(".gguf"):
        raise ModelSourceRejected("The address must end in .gguf.")
    if re.search(r"-\d{5}-of-\d{5}\.gguf$", name):
        raise ModelSourceRejected(
            "This model is cut into several files.",
            advice="Choose one in a single file, or join them and `models add`.",
        )
    return f"{name[: -len('.gguf')][:150]}.gguf"


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _slug(name: str) -> str:
    slug = re.sub(r"[^a-z0-9_-]+", "-", name.lower().replace(".", "-")).strip("-")[:120]
    if not slug:
        raise ModelFileRejected("The model needs a name of letters and digits.")
    return slug


@dataclass(frozen=True, slots=True)
class GgufFacts:
    licence: str
    context_tokens: int  # 0: the file does not say
    quantization: str


def read_gguf(path: Path) -> GgufFacts:
    """A few facts of the file's metadata. Raises ModelFileRejected for anything that is not a whole GGUF file."""
    from gguf import GGUFReader

    try:
        with path.open("rb") as stream:
            if stream.read(4) != b"GGUF":
                raise ModelFileRejected
        reader = GGUFReader(path)
        fields = {key: field.contents() for key, field in reader.fields.items() if not key.startswith("tokenizer.ggml")}
        kinds = [tensor.tensor_type.name for tensor in reader.tensors]
    except OSError as error:
        raise ModelFileRejected("There is no such file, or it cannot be read.", advice="Check the path.") from error
    except (ValueError, LookupError, TypeError, OverflowError, MemoryError, AttributeError) as error:
        raise ModelFileRejected(detail=str(error)) from error
    architecture = _text(fields.get("general.architecture"))
    if not architecture or not kinds:
        raise ModelFileRejected("The file holds no model.")
    common = max(set(kinds) - {"F32"} or {"F32"}, key=kinds.count)
    context = fields.get(f"{architecture}.context_length")
    return GgufFacts(
        licence=_text(fields.get("general.license")),
        context_tokens=min(max(context, 0), _MOST_CONTEXT) if isinstance(context, int) else 0,
        quantization=common,
    )


def _text(value: Any) -> str:
    """A file from elsewhere may hold anything where a word should be; the database takes no NUL."""
    return value.replace("\0", "")[:200] if isinstance(value, str) else ""
