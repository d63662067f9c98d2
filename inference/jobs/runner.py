"""The process that does what is owed, job by job, and ends: `python -m inference.jobs.runner`.

The worker starts it when there is something to do, so that no process waits for work that comes once a month, and no
document waits for an hour behind it.
"""

from __future__ import annotations

import signal
import sys
from types import FrameType

import structlog

log = structlog.get_logger("inference.jobs.runner")

_stopped = False


def main() -> int:
    import django

    django.setup()
    from inference.jobs import leases
    from inference.jobs.errors import Stopping
    from inference.jobs.running import run

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, _stop)
    try:
        while not _stopped and (job := leases.owed().filter(cancel_requested=False).first()) is not None:
            lease = leases.claim(job.pk)
            if lease is None:
                return 0  # somebody else works, or it was tried too often: the sweeper sees to it
            log.info("job.begun", job=str(job.pk), kind=job.kind)
            run(lease, _show)
    except Stopping:
        log.info("job.given_back")
    return 0


def _stop(_number: int, _frame: FrameType | None) -> None:
    global _stopped
    _stopped = True


def _show(_progress: float, _step: str) -> None:
    from inference.jobs.errors import Stopping

    if _stopped:
        raise Stopping


if __name__ == "__main__":
    sys.exit(main())
