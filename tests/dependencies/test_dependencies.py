"""Every dependency is pinned and under a licence that the house takes; what is vendored is what was vendored."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.dependencies import audit, known
from tests.dependencies.audit import CHANGED, CLEAN, FOUND, NOT_AUDITED, Outcome, exit_code, of_packages, of_scripts
from tests.dependencies.known import VENDORED, Vendored

# What each part of what a package says of its licence may be. LGPL: psycopg, a library of its own, unchanged.
ALLOWED = (
    r"(The )?(MIT|0BSD|ISC|Zlib|Unlicense|CC0-1\.0|CNRI-Python|BSL-1\.0|MIT-0|MIT-CMU|PSF-2\.0|PSFL)( License)?",
    r"(The |New )?(BSD|BSD[- ][23]-Clause|[23]-Clause BSD)( License)?",
    r"Apache(-2\.0| 2\.0| Software)?( WITH LLVM-exception)?( License)?( 2\.0)?",
    r"MPL-2\.0|Mozilla Public License 2\.0 \(MPL 2\.0\)",
    r"LGPL-3\.0-only|LGPL-2\.1-or-later",
    r"ISC License \(ISCL\)|Python Software Foundation License|DFSG approved|dependency licenses",
)
_SAID_OTHERWISE = {"qrcode": "BSD-3-Clause"}  # its classifier "Other" is about the name "QR code"
_OF_THE_ENVIRONMENT = {"pip", "setuptools"}  # they come with it, and nothing of ours imports them


def allowed(text: str) -> bool:
    """Of alternatives one does; of what holds together each part must."""
    text = text.strip()
    if any(re.fullmatch(pattern, text) for pattern in ALLOWED):
        return True
    for word, enough in ((" OR ", any), (" AND ", all), (", ", all)):
        parts = _split(text, word)
        if len(parts) > 1:
            return enough(allowed(part) for part in parts)
    return text.startswith("(") and text.endswith(")") and allowed(text[1:-1])


def _split(text: str, word: str) -> list[str]:
    """Where it stands outside of parentheses."""
    parts = [""]
    for piece in re.split(f"({re.escape(word)})", text):
        if piece == word and parts[-1].count("(") == parts[-1].count(")"):
            parts.append("")
        else:
            parts[-1] += piece
    return parts


def test_every_dependency_is_pinned_and_installed_as_pinned() -> None:
    pinned, wanted = known.pinned(), known.wanted()
    assert len(wanted) > 100
    loose = sorted(name for name in wanted if name not in pinned.keys() | _OF_THE_ENVIRONMENT)
    assert not loose, f"Not in constraints.txt: {loose}"
    installed = {name: one.version.partition("+")[0] for name in wanted if (one := known.of(name)) is not None}
    other = {
        name: (pinned[name], version) for name, version in installed.items() if version != pinned.get(name, version)
    }
    assert not other, f"Pinned, and installed: {other}"


def test_every_licence_is_one_that_the_house_takes() -> None:
    refused = {}
    for name in known.wanted():
        if (one := known.of(name)) is None:
            continue
        told = [_SAID_OTHERWISE[name]] if name in _SAID_OTHERWISE else known.licences(one)
        if not all(allowed(text) for text in told):
            refused[name] = told
    assert not refused, refused


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("MIT", True), ("MIT OR GPL-2.0-only", True), ("Apache-2.0 AND BSD-2-Clause", True), ("LGPL-3.0-only", True),
        ("MPL-2.0 AND (Apache-2.0 OR MIT)", True), ("AGPL-3.0-only", False), ("GPL-3.0-only", False), ("", False),
        ("MIT AND AGPL-3.0-or-later", False), ("GNU Affero General Public License v3", False), ("Proprietary", False),
        ("SSPL-1.0", False), ("MIT AND (AGPL-3.0-only OR GPL-3.0-only)", False),
    ],
)  # fmt: skip
def test_what_is_a_licence_that_the_house_takes(text: str, taken: bool) -> None:
    assert allowed(text) is taken


@pytest.mark.parametrize("folder", VENDORED)
def test_what_is_vendored_is_listed_with_version_and_licence_and_unchanged(folder: str) -> None:
    assert not known.changed_files(folder)
    told = known.vendored(folder)
    assert {one.folder for one in told} == {path.name for path in (known.ROOT / folder).iterdir() if path.is_dir()}
    assert not [one for one in told if re.search("GPL", one.licence)]


def test_a_changed_a_missing_and_a_foreign_file_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "vendor" / "a"
    folder.mkdir(parents=True)
    (folder / "foreign.js").write_text("x")
    (folder / "changed.js").write_text("x")
    (folder.parent / "SHA256SUMS").write_text(f"{'0' * 64}  a/changed.js\n{'0' * 64}  a/missing.js\n")
    monkeypatch.setattr(known, "ROOT", tmp_path)
    assert known.changed_files("vendor") == ["vendor/a/changed.js", "vendor/a/foreign.js", "vendor/a/missing.js"]


def test_what_was_skipped_counts_as_not_audited() -> None:
    clean: dict[str, Any] = {"name": "a", "version": "1", "vulns": []}
    skipped = {"name": "b", "skip_reason": "Dependency not found: b (1)"}
    holed = {"name": "c", "version": "1", "vulns": [{"id": "PYSEC-1"}]}
    found = of_packages(json.dumps({"dependencies": [clean, skipped, holed]}))
    assert (found.audited, found.holes, found.left_out) == (2, ["c 1: PYSEC-1"], ["Dependency not found: b (1)"])
    scripts = Outcome(audited=1)
    assert exit_code([found, scripts], []) == FOUND
    assert exit_code([of_packages(json.dumps({"dependencies": [clean, skipped]})), scripts], []) == NOT_AUDITED
    assert exit_code([of_packages(json.dumps({"dependencies": [clean]})), scripts], []) == CLEAN
    assert exit_code([of_packages("", "ServiceError: no route"), scripts], []) == NOT_AUDITED
    assert exit_code([Outcome(audited=1), scripts], ["a.js"]) == CHANGED


def test_a_service_that_is_not_reached_is_told_plainly() -> None:
    def away(_: object) -> object:
        raise OSError("no route")

    scripts = [Vendored("a", "axe-core", "1.0", "MIT")]
    found = of_scripts(scripts, away)
    assert exit_code([Outcome(audited=1), found], []) == NOT_AUDITED
    assert any(line.startswith("not audited: vendored scripts: OSError") for line in audit.told([found], []))
    assert of_scripts(scripts, lambda _: {"results": [{"vulns": [{"id": "GHSA-1"}]}]}).holes == ["axe-core 1.0: GHSA-1"]
    assert of_scripts(scripts, lambda _: {"results": []}).left_out
