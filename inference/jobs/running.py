"""Does a job under its lease, from the claim to the row that says how it ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError, transaction
from django.utils import timezone

from inference.errors import InferenceError
from inference.jobs import leases, work
from inference.jobs.errors import JobCancelled, LeaseLost, Stopping
from inference.jobs.leases import Lease
from inference.jobs.supervising import run_child
from inference.models import Job

log = structlog.get_logger(__name__)

Show = Callable[[float, str], None]  # raises Stopping to give the job back
_FAULT = "A fault of ours; the worker's log has the details."


def run(lease: Lease, show: Show) -> None:
    """Never raises what went wrong with the work: the row says it. Raises Stopping and KeyboardInterrupt."""
    scratch = work.Scratch(settings.INFERENCE.models_dir.resolve(), lease)
    structlog.contextvars.bind_contextvars(job=str(lease.job_id))
    try:
        job = Job.objects.select_related("version__parent").get(pk=lease.job_id)
        finish = work.perform(job, _stage(lease, show), scratch)
        with transaction.atomic():
            job = leases.lock_for_result(lease)
            finish(job)
            _end(job, Job.State.DONE)
        log.info("job.done", kind=job.kind)
    except JobCancelled as error:
        _fail(lease, Job.State.CANCELLED, error.user_message)
    except KeyboardInterrupt:
        _fail(lease, Job.State.CANCELLED, "Interrupted.")
        raise
    except Stopping:
        leases.release(lease, burn_attempt=False)
        raise
    except (LeaseLost, Job.DoesNotExist):
        log.info("job.lease_lost")
    except InferenceError as error:
        log.info("job.failed", code=error.code, detail=str(error))
        _fail(lease, Job.State.FAILED, f"{error.user_message} {error.advice}")
    except DatabaseError as error:
        log.warning("job.database_away", reason=str(error))  # the lease runs out, and the sweeper sends it again
    except Exception:
        log.exception("job.failed")
        _fail(lease, Job.State.FAILED, _FAULT)
    finally:
        scratch.clear()
        structlog.contextvars.unbind_contextvars("job")


def _stage(lease: Lease, show: Show) -> work.Stage:
    def run_stage(given: dict[str, Any], start: float, end: float, name: str) -> dict[str, Any]:
        def beat(progress: float, step: str) -> None:
            overall, text = start + (end - start) * min(max(progress, 0.0), 1.0), f"{name}: {step}" if name else step
            if leases.beat(lease, overall, text):
                raise JobCancelled
            show(overall, text)

        return run_child(given, beat)

    return run_stage


def _fail(lease: Lease, state: Job.State, sentence: str) -> None:
    try:
        with transaction.atomic():
            job = leases.lock_for_result(lease)
            job.error = sentence[:500]
            _end(job, state)
    except (LeaseLost, DatabaseError) as error:
        log.warning("job.end_not_written", state=state.value, reason=str(error))


def _end(job: Job, state: Job.State) -> None:
    job.state, job.ended_at, job.step = state, timezone.now(), ""
    job.lease_token = job.lease_until = None
    if state == Job.State.DONE:
        job.progress, job.error = 1.0, ""
    job.save()
