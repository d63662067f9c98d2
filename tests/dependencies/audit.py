"""`make audit`: what is known of holes in the versions that are pinned and in the scripts that are vendored.

Exit codes: 0 nothing is known against any of them, 1 something is, 2 a vendored file is another one than was vendored,
3 not audited, or not all: the services that know were not reached, or do not know a package. pip-audit alone calls what
it skipped clean.
"""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.dependencies.known import ROOT, VENDORED, Vendored, changed_files, vendored

CLEAN, FOUND, CHANGED, NOT_AUDITED = 0, 1, 2, 3
_OSV = "https://api.osv.dev/v1/querybatch"
_SECONDS, _PIP_AUDIT_SECONDS = 15, 600
Ask = Callable[[Sequence[Vendored]], Any]


@dataclass
class Outcome:
    audited: int = 0
    holes: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)  # what nobody looked at, and why


def of_packages(report: str, errors: str = "") -> Outcome:
    """What pip-audit wrote (its form `json`)."""
    found = Outcome()
    try:
        dependencies = json.loads(report)["dependencies"]
    except (ValueError, KeyError, TypeError):
        last = (errors.strip().splitlines() or ["pip-audit wrote nothing"])[-1]
        return Outcome(left_out=[f"all packages: {last[:200]}"])
    for one in dependencies:
        if reason := one.get("skip_reason"):
            found.left_out.append(str(reason))
            continue
        found.audited += 1
        found.holes += [f"{one['name']} {one['version']}: {hole['id']}" for hole in one.get("vulns", [])]
    return found


def of_scripts(scripts: Sequence[Vendored], ask: Ask) -> Outcome:
    try:
        answers = ask(scripts)["results"]
        pairs = list(zip(scripts, answers, strict=True))
    except (OSError, ValueError, KeyError, TypeError) as error:
        return Outcome(left_out=[f"vendored scripts: {type(error).__name__} at {_OSV}"])
    found = Outcome(audited=len(pairs))
    for script, answer in pairs:
        found.holes += [f"{script.package} {script.version}: {hole['id']}" for hole in answer.get("vulns", [])]
    return found


def ask_osv(scripts: Sequence[Vendored]) -> Any:
    """Raises OSError and ValueError."""
    queries = [{"package": {"name": one.package, "ecosystem": one.registry}, "version": one.version} for one in scripts]
    request = urllib.request.Request(
        _OSV, json.dumps({"queries": queries}).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
        return json.loads(answer.read(10_000_000))


def exit_code(outcomes: Iterable[Outcome], changed: Sequence[str]) -> int:
    outcomes = list(outcomes)
    if changed:
        return CHANGED
    if any(one.holes for one in outcomes):
        return FOUND
    return NOT_AUDITED if any(one.left_out or not one.audited for one in outcomes) else CLEAN


def told(outcomes: Sequence[Outcome], changed: Sequence[str]) -> list[str]:
    lines = [f"CHANGED {name}" for name in changed]
    lines += [f"FOUND {hole}" for one in outcomes for hole in one.holes]
    left_out = [reason for one in outcomes for reason in one.left_out]
    lines += [f"not audited: {reason}" for reason in left_out[:5]]
    if len(left_out) > 5:
        lines.append(f"not audited: {len(left_out) - 5} more")
    return [*lines, f"{sum(one.audited for one in outcomes)} looked up, {len(left_out)} not audited"]


def _pip_audit() -> Outcome:
    line = [sys.executable, "-m", "pip_audit", "-r", "constraints.txt", "--no-deps", "--disable-pip", "-f", "json"]
    try:
        done = subprocess.run(
            [*line, "--progress-spinner", "off", "--timeout", str(_SECONDS)],
            cwd=ROOT, capture_output=True, text=True, timeout=_PIP_AUDIT_SECONDS,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Outcome(left_out=[f"all packages: pip-audit took more than {_PIP_AUDIT_SECONDS} s"])
    return of_packages(done.stdout, done.stderr)


def main() -> int:
    changed = [name for folder in VENDORED for name in changed_files(folder)]
    outcomes = [_pip_audit(), of_scripts([one for folder in VENDORED for one in vendored(folder)], ask_osv)]
    print("\n".join(told(outcomes, changed)))
    return exit_code(outcomes, changed)


if __name__ == "__main__":
    sys.exit(main())
