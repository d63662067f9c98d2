"""A run: question after question, each result kept, so that whoever goes on begins where it stopped."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from retrieval.errors import RetrievalError
from retrieval.evaluation.asking import Answered, Asker
from retrieval.evaluation.errors import RunRefused
from retrieval.evaluation.figures import summed_up
from retrieval.evaluation.holding import wait_for_version
from retrieval.evaluation.leases import MOST_ATTEMPTS, RunLease, claim, heart_beat, locked, release
from retrieval.evaluation.models import EvaluationRun, Question, QuestionResult, QuestionSetVersion
from retrieval.evaluation.sets import row_of_question, rows_of
from retrieval.leasing import LeaseLost
from retrieval.models import Collection
from retrieval.service.client import IndexClient
from retrieval.versions.models import IndexVersion

log = structlog.get_logger(__name__)

MOST_RESULTS = 200
DEFAULT_RESULTS = 50
KEPT_RUNS = 100  # of each question set
_BATCH = 10  # questions between two looks at the row
_TURN_S = 200.0  # then other work has its turn; far below CELERY_TASK_TIME_LIMIT
_PAUSE_S = 5.0
_STATES = EvaluationRun.State
ASKABLE = (  # index versions that have all their documents
    IndexVersion.Status.SERVING,
    IndexVersion.Status.READY,
    IndexVersion.Status.CHECKING,
    IndexVersion.Status.RETIRED,
)
Progress = Callable[[int, int], None]


@transaction.atomic
def start(
    version: QuestionSetVersion,
    *,
    index_version: int | None = None,
    person: Any = None,
    collections: Sequence[Collection] = (),
    k: int = DEFAULT_RESULTS,
    by: Any = None,
) -> EvaluationRun:
    """Queue a run; `tasks.publish` sends it out. Raises RunRefused."""
    if not 1 <= k <= MOST_RESULTS:
        raise RunRefused(f"The number of results must lie between 1 and {MOST_RESULTS}.")
    model = _embedding_model(index_version)
    run = EvaluationRun.objects.create(
        version=version,
        index_version=index_version,
        embedding_model=model,
        person=person,
        k=k,
        asked_by=by,
        queued_at=timezone.now(),
    )
    run.collections.set(collections)
    return run


def cancel(run: EvaluationRun) -> bool:
    """One that nobody works on ends at once, another one with its next step. -> whether there was anything to end."""
    now = timezone.now()
    open_now = EvaluationRun.objects.filter(pk=run.pk, state__in=EvaluationRun.OPEN)
    found = open_now.update(cancel_requested=True)
    open_now.filter(lease_token=None).update(state=_STATES.CANCELLED, ended_at=now)
    return bool(found)


def take_turn(run_id: Any, *, seconds: float = _TURN_S, progress: Progress | None = None) -> bool:
    """-> whether more is to be done, in another turn. Does nothing while somebody else works on it."""
    lease = claim(run_id)
    if lease is None:
        return False
    try:
        with heart_beat(lease):
            return _work(lease, time.monotonic() + seconds, progress)
    except LeaseLost:
        return False
    except RetrievalError as error:
        log.info("evaluation.not_asked", run=str(run_id), code=error.code, reason=str(error))  # the run says it too
        _not_asked(lease, error)
        return False


def _work(lease: RunLease, until: float, progress: Progress | None) -> bool:
    run = EvaluationRun.objects.select_related("version__question_set", "person").get(pk=lease.run_id)
    rows_of(run.version)
    _wait_for_index(run, lease, until)
    done = run.results.values("question")
    owed = iter(list(run.version.rows.exclude(pk__in=done).order_by("number")))
    while batch := list(islice(owed, _BATCH)):
        asker = Asker(run)
        connection.close()  # none waits while the index service computes
        try:
            answered = [(question, asker.ask(row_of_question(question))) for question in batch]
        finally:
            asker.client.close()
        count = _keep(lease, answered)
        if count is None:
            return False
        if progress is not None:
            progress(count, run.version.questions)
        if time.monotonic() > until:
            release(lease)
            return True
    _end(lease, _STATES.DONE)
    return False


def _wait_for_index(run: EvaluationRun, lease: RunLease, until: float) -> None:
    """Raises IndexUnavailable."""
    if run.index_version is None:
        return
    client = IndexClient(settings.RETRIEVAL)
    try:
        wait_for_version(client, lease, run.index_version, until)
    finally:
        client.close()


@transaction.atomic
def _keep(lease: RunLease, answered: Sequence[tuple[Question, Answered]]) -> int | None:
    """-> how many questions are answered; None when the run was cancelled. Raises LeaseLost."""
    run = locked(lease)
    if run.cancel_requested:
        _close(run, _STATES.CANCELLED)
        return None
    QuestionResult.objects.bulk_create(
        QuestionResult(run=run, question=question, ranks=one.ranks, found=one.found, milliseconds=one.milliseconds)
        for question, one in answered
    )
    run.answered += len(answered)
    run.attempts = 0
    run.save(update_fields=["answered", "attempts"])
    return run.answered


def _not_asked(lease: RunLease, error: RetrievalError) -> None:
    """It ends, or waits a little, while it is ours."""
    run = lease.rows.first()
    if run is None:
        return
    if error.retryable and run.attempts < MOST_ATTEMPTS:
        release(lease, pause_s=_PAUSE_S)
        return
    with suppress(LeaseLost):
        _end(lease, _STATES.FAILED, error)


def _end(lease: RunLease, state: EvaluationRun.State, error: RetrievalError | None = None) -> None:
    with transaction.atomic():
        run = locked(lease)
        if error is not None:
            run.error_code, run.error = error.code, f"{error.user_message} {error.advice}".strip()[:500]
        if state == _STATES.DONE:
            run.figures = summed_up(run)
        _close(run, state)
    log.info("evaluation.ended", run=str(lease.run_id), state=state.value)


def _close(run: EvaluationRun, state: EvaluationRun.State) -> None:
    run.state, run.ended_at, run.lease_token, run.lease_until = state, timezone.now(), None, None
    run.save()
    _forget_old(run.version.question_set_id)


def _forget_old(question_set: int) -> None:
    """Each run keeps a row for each question: of a set, the newest runs stay."""
    closed = EvaluationRun.objects.filter(version__question_set=question_set).exclude(state__in=EvaluationRun.OPEN)
    kept = closed.order_by("-ended_at", "-pk").values("pk")[:KEPT_RUNS]
    closed.exclude(pk__in=list(kept.values_list("pk", flat=True))).delete()


def _embedding_model(index_version: int | None) -> str:
    if not index_version:
        serving = IndexVersion.objects.filter(status=IndexVersion.Status.SERVING)
        return serving.values_list("embedding_model", flat=True).first() or ""
    version = IndexVersion.objects.filter(pk=index_version).first()
    if version is None:
        raise RunRefused(f"There is no index version {index_version}.")
    if version.status not in ASKABLE:
        raise RunRefused(f"Index version {index_version} is {version.status}: it is not complete.")
    if version.cleared_at is not None:
        raise RunRefused(f"The vectors of index version {index_version} were deleted.", advice="Build one like it.")
    return version.embedding_model
