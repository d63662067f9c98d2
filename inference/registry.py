"""The registry's services: add a local file, pull one from the hub or any URL, choose the default, remove."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx
from django.conf import settings
from django.db import close_old_connections, transaction

from inference.errors import InferenceError, ModelFileRejected
from inference.models import ModelVersion
from inference.worker import LocalModel

Progress = Callable[[int, int], None]  # bytes so far, bytes in all (0: unknown)
_ATTEMPTS = 5


class ModelSourceRejected(InferenceError):
    code, http_status = "model_source_rejected", 422
    user_message = "This is not a source that a model can be pulled from."
    advice = "Give hub:OWNER/REPOSITORY/FILE.gguf or an https:// address."


class PullFailed(InferenceError):
    code, http_status, retryable = "pull_failed", 502, True
    user_message = "The download broke off."
    advice = "Run the same command again: it goes on where it stopped."


class UnknownModel(InferenceError):
    code, http_status = "unknown_model", 404
    user_message = "There is no model of that name."
    advice = "`manage.py models list` shows the names."


def default_model() -> LocalModel | None:
    """Read anew each time, so that a running service notices a change."""
    close_old_connections()
    found = ModelVersion.objects.filter(default=True).first()
    return LocalModel(found.name, Path(found.path)) if found and Path(found.path).is_file() else None


def add_model(path: Path, *, name: str = "", source: str = "", licence: str = "") -> ModelVersion:
    """Registers a GGUF file where it lies. The first model becomes the default. Raises ModelFileRejected."""
    path = path.resolve()
    facts = read_gguf(path)
    name = _slug(name or path.stem)
    with transaction.atomic():
        version, _ = ModelVersion.objects.update_or_create(
            name=name,
            defaults={
                "path": str(path),
                "source": source,
                "sha256": _sha256(path),
                "size": path.stat().st_size,
                "licence": licence or facts.get("general.license", ""),
                "quantization": facts.get("quantization", ""),
                "context_tokens": int(facts.get("context_length") or 0),
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


def remove_model(name: str) -> None:
    """Forgets the model; deletes its file only where it was pulled to."""
    version = ModelVersion.objects.filter(name=name).first()
    if version is None:
        raise UnknownModel
    path = Path(version.path)
    version.delete()
    if path.is_relative_to(settings.INFERENCE.models_dir) and not ModelVersion.objects.filter(path=str(path)).exists():
        path.unlink(missing_ok=True)


def pull_model(source: str, *, name: str = "", sha256: str = "", progress: Progress) -> ModelVersion:
    """Downloads with resume, checks the SHA-256 (given, or the hub's own), registers."""
    url = _url(source)
    target = settings.INFERENCE.models_dir / _file_name(url)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(target.suffix + ".partial")
    expected = sha256.lower()
    if not target.exists():
        named = _download(url, partial, progress)
        expected = expected or named
        _verify(partial, expected)
        partial.replace(target)
    elif expected:
        _verify(target, expected)
    return add_model(target, name=name, source=source)


def _url(source: str) -> str:
    if source.startswith("hub:"):
        found = re.fullmatch(r"hub:([\w.-]+)/([\w.-]+)/([\w./-]+\.gguf)(?:@([\w.-]+))?", source)
        if not found or ".." in source:
            raise ModelSourceRejected
        owner, repository, file, revision = found.groups()
        return f"{settings.INFERENCE.hub_url}/{owner}/{repository}/resolve/{revision or 'main'}/{quote(file)}"
    if urlsplit(source).scheme not in ("http", "https"):
        raise ModelSourceRejected
    return source


def _file_name(url: str) -> str:
    name = re.sub(r"[^\w.-]", "_", Path(urlsplit(url).path).name).lstrip(".")
    if not name.endswith(".gguf"):
        raise ModelSourceRejected("The address must end in .gguf.")
    return name[:200]


def _download(url: str, partial: Path, progress: Progress) -> str:
    """-> the SHA-256 that the server names for the file, if it does."""
    last: Exception | None = None
    for _ in range(_ATTEMPTS):
        try:
            return _download_once(url, partial, progress)
        except httpx.TransportError as error:
            last = error
    raise PullFailed(detail=str(last))


def _download_once(url: str, partial: Path, progress: Progress) -> str:
    have = partial.stat().st_size if partial.exists() else 0
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    timeout = httpx.Timeout(30.0, connect=10.0)
    named = ""
    with (
        httpx.Client(follow_redirects=True, timeout=timeout) as client,
        client.stream("GET", url, headers=headers) as response,
    ):
        named = next((h for r in [*response.history, response] if (h := _named_hash(r))), "")
        if response.status_code == 416:  # everything is here already
            return named
        if response.status_code not in (200, 206):
            raise PullFailed(f"The server answered with status {response.status_code}.", advice="Check the address.")
        have = have if response.status_code == 206 else 0
        total = have + int(response.headers.get("Content-Length") or 0)
        _check_space(partial, total - have)
        with partial.open("ab" if have else "wb") as stream:
            for block in response.iter_raw():  # as it arrives: a block held back is lost when the line breaks
                stream.write(block)
                have += len(block)
                progress(have, total)
    return named


def _named_hash(response: httpx.Response) -> str:
    tag = response.headers.get("X-Linked-Etag", "").strip('"')
    return tag.lower() if re.fullmatch(r"[0-9a-fA-F]{64}", tag) else ""


def _check_space(partial: Path, needed: int) -> None:
    free = shutil.disk_usage(partial.parent).free
    if needed > free - 500_000_000:
        raise InferenceError(
            f"The model needs {needed / 1e9:.1f} GB and the disk has {free / 1e9:.1f} GB left.",
            advice="Free some space, or set INFERENCE_MODELS_DIR to a larger disk.",
        )


def _verify(path: Path, expected: str) -> None:
    if expected and _sha256(path) != expected:
        path.unlink()
        raise ModelFileRejected("The downloaded file does not match its SHA-256 and was deleted.")


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _slug(name: str) -> str:
    slug = re.sub(r"[^a-z0-9_-]+", "-", name.lower().replace(".", "-")).strip("-")[:120]
    if not slug:
        raise ModelFileRejected("The model needs a name of letters and digits.")
    return slug


def read_gguf(path: Path) -> dict[str, str]:
    """A few facts of the file's metadata. Raises ModelFileRejected for anything that is not a whole GGUF file."""
    from gguf import GGUFReader

    if not path.is_file():
        raise ModelFileRejected("There is no such file.", advice="Check the path.")
    with path.open("rb") as stream:
        if stream.read(4) != b"GGUF":
            raise ModelFileRejected
    try:
        reader = GGUFReader(path)
        fields = {key: field.contents() for key, field in reader.fields.items() if not key.startswith("tokenizer.ggml")}
        kinds = [tensor.tensor_type.name for tensor in reader.tensors]
    except (
        ValueError,
        KeyError,
        IndexError,
        TypeError,
        OSError,
        OverflowError,
        MemoryError,
        UnicodeDecodeError,
    ) as error:
        raise ModelFileRejected(detail=str(error)) from error
    architecture = str(fields.get("general.architecture", ""))
    if not architecture or not kinds:
        raise ModelFileRejected("The file holds no model.")
    common = max(set(kinds) - {"F32"} or {"F32"}, key=kinds.count)
    return {
        "general.license": str(fields.get("general.license", "")),
        "context_length": str(fields.get(f"{architecture}.context_length", "")),
        "quantization": common,
    }
