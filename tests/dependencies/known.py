"""What this project depends on: its pinned packages, what is installed of them, and the scripts that are vendored."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
VENDORED = ("static/vendor", "tests/browser/vendor")
# Extras that exclude one another or need other machines; what they bring is pinned by hand where it is used.
OTHER_MACHINES = ("gpu", "gpu-cuvs")


@dataclass(frozen=True)
class Vendored:
    folder: str
    package: str
    version: str
    licence: str
    registry: str = "npm"


def vendored(folder: str) -> list[Vendored]:
    """From the table of its README."""
    rows = re.findall(
        r"^\| (\w+) \| (\S+) (\d[\w.-]*)([^|]*) \|.*\| ([^|]+) \|$", (ROOT / folder / "README.md").read_text(), re.M
    )
    return [
        Vendored(folder, package, version, licence, "PyPI" if "PyPI" in more else "npm")
        for folder, package, version, more, licence in rows
    ]


def changed_files(folder: str) -> list[str]:
    """Those whose hash is not the listed one, that are gone, and that nobody listed."""
    base = ROOT / folder
    listed = {
        name: digest
        for digest, name in (line.split(maxsplit=1) for line in (base / "SHA256SUMS").read_text().splitlines())
    }
    found = {
        str(path.relative_to(base)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in base.rglob("*")
        if path.is_file() and path.parent != base
    }
    return sorted(f"{folder}/{name}" for name in listed.keys() | found.keys() if listed.get(name) != found.get(name))


def pinned() -> dict[str, str]:
    """Name -> version, of constraints.txt."""
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9._!+-]+", line) for line in lines), lines
    return {canonicalize_name(name): version for name, version in (line.split("==") for line in lines)}


def wanted() -> dict[str, set[str]]:
    """Name -> extras, of all that is installed on account of pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    told = list(project["dependencies"])
    for extra, more in project["optional-dependencies"].items():
        told += more if extra not in OTHER_MACHINES else []
    return _closure(told)


def _closure(told: Iterable[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    waiting = [Requirement(one) for one in told]
    while waiting:
        one = waiting.pop()
        name = canonicalize_name(one.name)
        if not _holds(one, {""}) or (name in found and one.extras <= found[name]):
            continue
        found[name] = found.get(name, set()) | one.extras
        if (installed := of(name)) is not None:
            told_there = [Requirement(text) for text in installed.requires or []]
            waiting += [_bare(more) for more in told_there if _holds(more, found[name] or {""})]
    return found


def _holds(one: Requirement, extras: Iterable[str]) -> bool:
    environment = {name: str(value) for name, value in default_environment().items()}
    return one.marker is None or any(one.marker.evaluate(environment | {"extra": extra}) for extra in (*extras, ""))


def _bare(one: Requirement) -> Requirement:
    one.marker = None  # it holds here
    return one


def of(name: str) -> Distribution | None:
    """None: not installed here (an extra)."""
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def licences(one: Distribution) -> list[str]:
    """As its metadata says: the expression, else the classifiers, else the first line of the text."""
    told = one.metadata
    if expression := told.get("License-Expression"):
        return [str(expression)]
    classifiers = [
        text.split("::")[-1].strip() for text in told.get_all("Classifier") or [] if text.startswith("License")
    ]
    named = [text for text in classifiers if text != "OSI Approved"]
    return named or [str(told.get("License") or "").strip().partition("\n")[0]]
