"""Whether a running service answers as its OpenAPI description says, whatever it is sent."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

# Not asked: whether every request that fits the form is taken. A grammar must be one, and the last message a question.
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "ignored_auth",
)
_RUN = [sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()", "run"]


def hold_against(
    description: str,
    *options: str,
    key: str,
    folder: Path,
    examples: int,
    checks: tuple[str, ...] = CHECKS,
    within_s: int = 200,
) -> None:
    line = [*_RUN, description, *options, "--header", f"Authorization: Bearer {key}", "--checks", ",".join(checks)]
    line += ["--max-examples", str(examples), "--phases", "examples,coverage,fuzzing", "--seed", "7"]
    line += ["--no-color", "--warnings", "off"]
    done = subprocess.run(line, cwd=folder, capture_output=True, text=True, timeout=within_s)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
