"""`python -m tests`: the suite, as CPython's regrtest runs its own with `--rerun`.

Two processes share the files. What fails there runs once more by itself: a test that waits for other processes can lose
against a busy machine. What fails by itself fails the run, and so do more than a few failures; what passed only by
itself is named at the end, to be mended.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

MOST_AGAIN = 5
# Within a process, the files stay in the order in which they were collected: browser tests go last.
SIDE_BY_SIDE = ("-n", "2", "--dist", "loadfile", "--no-loadscope-reorder")
_SOME_FAILED = 1  # pytest.ExitCode.TESTS_FAILED


def run(folder: Path, together: Sequence[str] = SIDE_BY_SIDE) -> int:
    """-> exit code"""
    failures = folder / ".pytest_cache" / "v" / "cache" / "lastfailed"
    failures.unlink(missing_ok=True)
    code = _pytest(folder, *together)
    failed = sorted(json.loads(failures.read_text())) if failures.exists() else []
    if code != _SOME_FAILED or not 0 < len(failed) <= MOST_AGAIN:
        return code
    _say(f"{len(failed)} failed among the others; each runs once more by itself:", failed)
    if code := _pytest(folder, "--last-failed", "--last-failed-no-failures", "none"):
        return code
    _say("FAILED AMONG THE OTHERS, PASSED BY ITSELF: not steady, to be mended", failed)
    return 0


def _pytest(folder: Path, *options: str) -> int:
    return subprocess.run([sys.executable, "-m", "pytest", *options], cwd=folder, check=False).returncode


def _say(title: str, tests: Sequence[str]) -> None:
    print(f"\n{title}", *(f"  {test}" for test in tests), sep="\n", flush=True)


if __name__ == "__main__":
    sys.exit(run(Path.cwd()))
