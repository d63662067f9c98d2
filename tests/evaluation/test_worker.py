from __future__ import annotations

from typing import Any

from django.utils import timezone

from chatapp.evaluation.services import import_questions, start_run
from retrieval.evaluation import tasks
from retrieval.evaluation.models import EvaluationRun
from retrieval.models import Collection
from tests.conftest import Cast
from tests.evaluation.conftest import as_jsonl
from tests.ingestion.worker import Worker
from tests.versions.conftest import configured, worker
from tests.waiting import wait_until

__all__ = ["configured", "worker"]


def test_a_run_ends_right_though_its_worker_is_killed(
    cast: Cast, handbook: Collection, configured: Any, worker: Worker
) -> None:
    many = [{"question": f"How many days of leave in year {n}?", "relevant": ["leave.pdf"]} for n in range(400)]
    by = cast.administrator
    version = import_questions(name="Many", content=as_jsonl(many), file_name="many.jsonl", by=by).version
    run = start_run(version, by=by)
    for at in (10, 150):
        wait_until(lambda at=at: answered(run) >= at, 60)  # type: ignore[misc]
        worker.kill()
        EvaluationRun.objects.update(lease_until=timezone.now())  # as it is two minutes later
        worker.start()
        tasks.sweep()
    wait_until(lambda: EvaluationRun.objects.get().state == "done", 60)
    run.refresh_from_db()
    assert (run.answered, run.results.count()) == (400, 400)
    assert run.figures["questions"] == 400


def answered(run: EvaluationRun) -> int:
    return EvaluationRun.objects.values_list("answered", flat=True).get(pk=run.pk)
