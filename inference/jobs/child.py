"""The process that loads llama.cpp for a job: `python -m inference.jobs.child`.

Reads one JSON object from standard input: {"do": "quantize" | "measure" | "pull", ...}. Writes JSON lines:
{"progress", "step"}, and at last {"done"} or {"error"}. It knows neither Django nor the database; it dies with its
parent.
"""

from __future__ import annotations

import ctypes
import json
import math
import os
import signal
import sys
from pathlib import Path
from typing import IO, Any

_PR_SET_PDEATHSIG = 1


def main() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's matter, which ends us
    lines = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print is no line of ours
    given = json.load(sys.stdin)
    if os.getppid() != given.pop("parent"):
        return  # it died before the first line of this function
    _write(lines, _outcome(given, lines))


def _outcome(given: dict[str, Any], lines: IO[str]) -> dict[str, Any]:
    from inference.errors import InferenceError

    def say(progress: float, step: str) -> None:
        _write(lines, {"progress": progress, "step": step})

    os.nice(10)  # answers go first
    work = {"quantize": _quantize, "measure": _measure, "pull": _pull}[given.pop("do")]
    try:
        return {"done": work(given, say)}
    except InferenceError as error:
        told = {"message": error.user_message, "advice": error.advice, "detail": str(error)}
        return {"error": told | {"code": error.code, "retryable": error.retryable}}
    except (OSError, MemoryError) as error:
        return {"error": {"message": f"The machine refused: {error}.", "advice": "Mend it and try again."}}


def _quantize(given: dict[str, Any], say: Any) -> dict[str, Any]:
    from inference.errors import ModelFileRejected
    from inference.gguf_files import describe
    from inference.llama.quantizing import quantize

    target = Path(given["target"])
    fallbacks = quantize(
        Path(given["source"]),
        target,
        to=given["to"],
        without_layers=given["without_layers"],
        threads=given["threads"],
        progress=lambda share: say(share, "writing the file"),
    )
    try:
        described = describe(target)
    except ModelFileRejected as error:
        raise ModelFileRejected("The file came out broken.", advice="Is the disk full?") from error
    return {"fallbacks": fallbacks, "described": described}


def _measure(given: dict[str, Any], say: Any) -> dict[str, Any]:
    from inference.errors import ModelFileRejected
    from inference.jobs.measuring import measure
    from inference.jobs.measuring_request import Measuring

    found = measure(Measuring(**given), say)
    if not math.isfinite(found["perplexity"]):
        raise ModelFileRejected("This model computes what is no number: its file is of no use.")
    return found


def _pull(given: dict[str, Any], say: Any) -> dict[str, Any]:
    from inference.amounts import downloaded
    from inference.gguf_files import describe
    from inference.jobs.pace import Pace
    from inference.pulling import Pull, fetch

    pace = Pace()

    def show(have: int, total: int) -> None:
        told = (f"downloading, {downloaded(have, total)}", pace.told(have, total))
        say(have / total if total else 0.0, ", ".join(filter(None, told)))

    target = Path(given["target"])
    fetch(Pull(given["url"], target, given["sha256"], given["token"]), show)
    say(1.0, "checking the file")
    return {"described": describe(target)}


def _write(lines: IO[str], value: dict[str, Any]) -> None:
    lines.write(json.dumps(value) + "\n")
    lines.flush()


if __name__ == "__main__":
    main()
