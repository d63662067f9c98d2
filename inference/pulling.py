"""Where a model is pulled from and to. Nothing here needs the database: a child process may do it."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from inference.config import InferenceConfig
from inference.download import Address, Progress, download
from inference.errors import InferenceError, ModelFileRejected
from inference.gguf_files import read_gguf, sha256_of

MOST_CHARACTERS = 1000  # what the columns of path and source hold


class ModelSourceRejected(InferenceError):
    code, http_status = "model_source_rejected", 422
    user_message = "This is not a source that a model can be pulled from."
    advice = "Give hub:OWNER/REPOSITORY/FILE.gguf or an https:// address."


@dataclass(frozen=True, slots=True)
class Pull:
    url: str
    target: Path
    sha256: str = ""  # that the file must have
    token: str = field(default="", repr=False)  # for the hub alone


def fetch(pull: Pull, progress: Progress) -> None:
    """Downloads with resume, and checks the SHA-256 (given, or the hub's own). A file that is here is only checked."""
    if pull.target.exists():
        if pull.sha256 and sha256_of(pull.target) != pull.sha256:
            raise ModelFileRejected("The file is here already, with another SHA-256.", advice="Remove the model first.")
        return
    pull.target.parent.mkdir(parents=True, exist_ok=True)
    partial = pull.target.with_name(f".{pull.target.name}-{_digest(pull.url)}.partial")
    named = download(Address(pull.url, pull.token), partial, progress)
    try:
        if (pull.sha256 or named) not in ("", sha256_of(partial)):
            raise ModelFileRejected("The downloaded file does not match its SHA-256 and was deleted.")
        read_gguf(partial)
    except ModelFileRejected:
        partial.unlink()
        raise
    partial.replace(pull.target)


def hub_token(url: str, config: InferenceConfig) -> str:
    return config.hub_token if url.startswith(f"{config.hub_url}/") else ""


def second_name(target: Path, url: str) -> Path:
    """Two sources may call their files alike."""
    return target.with_stem(f"{target.stem}-{_digest(url)}")


def _digest(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()[:8]


def checksum(given: str) -> str:
    found = given.strip().lower().removeprefix("sha256:")
    if found and not re.fullmatch(r"[0-9a-f]{64}", found):
        raise ModelSourceRejected("The SHA-256 must be 64 hexadecimal digits.", advice="Copy it from the model's page.")
    return found


def address_of(source: str, hub_url: str) -> str:
    if len(source) > MOST_CHARACTERS:
        raise ModelSourceRejected(f"A source has at most {MOST_CHARACTERS} characters.")
    if source.startswith("hub:"):
        found = re.fullmatch(r"hub:([\w.-]+)/([\w.-]+)/([\w./-]+\.gguf)(?:@([\w.-]+))?", source)
        if not found or ".." in source:
            raise ModelSourceRejected
        owner, repository, file, revision = found.groups()
        return f"{hub_url}/{owner}/{repository}/resolve/{revision or 'main'}/{quote(file)}"
    try:
        parts = urlsplit(source)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ModelSourceRejected
    if parts.username is not None or parts.password is not None:
        raise ModelSourceRejected(
            "The address holds a name or a password, and addresses are kept.",
            advice="Give one without, or download the file yourself and `models add` it.",
        )
    return source


def shown(source: str) -> str:
    """Without what may be a secret: the query, where signatures stand, and a name with its password."""
    if source.startswith("hub:"):
        return source
    parts = urlsplit(source)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def place(url: str) -> str:
    """The same for all addresses that differ only in how they are written or signed."""
    parts = urlsplit(url)
    port = "" if parts.port in (None, {"http": 80, "https": 443}.get(parts.scheme)) else f":{parts.port}"
    return f"{parts.scheme}://{parts.hostname}{port}{unquote(parts.path)}"


def file_name(url: str) -> str:
    name = re.sub(r"[^\w.-]", "_", Path(unquote(urlsplit(url).path)).name).lstrip(".")
    if not name.endswith(".gguf"):
        raise ModelSourceRejected("The address must end in .gguf.")
    if re.search(r"-\d{5}-of-\d{5}\.gguf$", name):
        raise ModelSourceRejected(
            "This model is cut into several files.",
            advice="Choose one in a single file, or join them and `models add`.",
        )
    return f"{name[: -len('.gguf')][:150]}.gguf"
