from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Sequence
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import connection

from chatapp.evaluation.services import cancel_run, find_run, import_questions, start_run
from chatapp.governance.models import AuditEntry
from retrieval.evaluation import leases, running, sets, tasks
from retrieval.evaluation.asking import Answered, Asker
from retrieval.evaluation.errors import UnknownEvaluation
from retrieval.evaluation.models import EvaluationRun
from retrieval.evaluation.rows import Row
from retrieval.models import Collection, Document
from tests.conftest import Cast
from tests.evaluation.conftest import QUESTIONS, as_jsonl
from tests.index.conftest import Service


def evaluate(*arguments: str) -> Any:
    """-> the JSON that the command printed."""
    out = StringIO()
    call_command("evaluate", *arguments, "--json", stdout=out)
    return json.loads(out.getvalue())


def file_of(folder: Path, questions: Sequence[dict[str, Any]] = QUESTIONS) -> str:
    path = folder / "questions.jsonl"
    path.write_bytes(as_jsonl(questions))
    return str(path)


def test_a_question_set_is_imported_run_and_summed_up(cast: Cast, handbook: Collection, tmp_path: Path) -> None:
    kept = evaluate("import", file_of(tmp_path), "--set", "House rules")
    assert (kept["question_set"], kept["version"], kept["questions"], kept["new"]) == ("House rules", 1, 4, True)
    run = evaluate("run", "House rules")
    assert (run["state"], run["answered"], run["error"]) == ("done", 4, None)
    measures = run["figures"]["measures"]
    assert measures["hit@1"]["mean"] == 1.0 and measures["nDCG@10"]["mean"] == 1.0
    assert measures["nothing found"]["mean"] == 0.0
    assert run["figures"]["by_tag"]["people"]["questions"] == 2
    assert run["figures"]["milliseconds"]["p95"] > 0
    assert run["figures"]["absent"] == 0
    recorded = AuditEntry.objects.values_list("action", flat=True)
    assert {"questions imported", "evaluation started"} <= set(recorded)


def test_a_person_is_asked_for_with_their_permissions(
    cast: Cast, handbook: Collection, reached: Service, publish: Callable[..., Document], tmp_path: Path
) -> None:
    open_to_bob = Collection.objects.create(name="Open")
    open_to_bob.readers.add(Group.objects.get(name="members"))
    publish(open_to_bob, "parking.pdf", ["Visitors park on the first floor."])
    reached.caught_up()
    evaluate("import", file_of(tmp_path), "--set", "House rules")
    run = evaluate("run", "House rules", "--as", "bob")
    assert run["asked_as"] == "bob"
    assert run["figures"]["measures"]["hit@10"]["mean"] == 0.25
    found = EvaluationRun.objects.get().results.values_list("found", flat=True)
    assert {one["document"] for results in found for one in results} == {"parking.pdf"}


def test_someone_without_any_collection_is_not_evaluated(cast: Cast, handbook: Collection, tmp_path: Path) -> None:
    evaluate("import", file_of(tmp_path), "--set", "House rules")
    with pytest.raises(SystemExit):
        evaluate("run", "House rules", "--as", "charlie")
    assert EvaluationRun.objects.get().error_code == "evaluation_refused"


def test_a_run_that_broke_off_goes_on_where_it_stopped(
    cast: Cast, handbook: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "_BATCH", 1)
    run = started(cast)
    assert running.take_turn(run.pk, seconds=0.0) is True
    first = run.results.get().pk
    assert running.take_turn(run.pk) is False
    run.refresh_from_db()
    assert (run.state, run.answered, run.results.count()) == ("done", 4, 4)
    assert run.results.filter(pk=first).exists()


def test_two_workers_never_work_on_one_run(cast: Cast, handbook: Collection) -> None:
    run = started(cast)
    assert leases.claim(run.pk) is not None
    assert leases.claim(run.pk) is None
    tasks.build_run(str(run.pk))
    assert run.results.count() == 0


def test_a_run_stays_with_its_worker_however_long_a_question_takes(
    cast: Cast, handbook: Collection, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.RETRIEVAL = dataclasses.replace(settings.RETRIEVAL, lease_seconds=1)
    monkeypatch.setattr(leases, "LEASE_S", 1.0)
    run = started(cast)
    ask = Asker.ask
    claims: list[object] = []

    def slow(asker: Asker, row: Row) -> Answered:
        time.sleep(0.6)
        claims.append(leases.claim(run.pk))
        return ask(asker, row)

    monkeypatch.setattr(Asker, "ask", slow)
    assert running.take_turn(run.pk) is False
    run.refresh_from_db()
    assert claims == [None] * 4
    assert (run.state, run.answered, run.lease_token) == ("done", 4, None)


def test_a_cancelled_run_ends_with_its_next_step(cast: Cast, handbook: Collection) -> None:
    run = started(cast)

    def cancel(done: int, total: int) -> None:
        cancel_run(run, by=cast.administrator)

    running._BATCH, before = 1, running._BATCH
    try:
        assert running.take_turn(run.pk, progress=cancel) is False
    finally:
        running._BATCH = before
    run.refresh_from_db()
    assert (run.state, run.answered) == ("cancelled", 1)
    tasks.build_run(str(run.pk))
    assert run.results.count() == 1


def test_an_index_service_that_is_away_is_waited_for_and_given_up_at_last(
    cast: Cast, handbook: Collection, settings: Any
) -> None:
    run = started(cast, index_version=None)
    settings.RETRIEVAL = settings.RETRIEVAL.__class__(
        **{
            **{name: getattr(settings.RETRIEVAL, name) for name in settings.RETRIEVAL.__slots__},
            "index_service_url": "unix:///nowhere.sock",
        }
    )
    for _ in range(leases.MOST_ATTEMPTS):
        EvaluationRun.objects.update(lease_until=None)
        running.take_turn(run.pk)
    run.refresh_from_db()
    assert (run.state, run.error_code) == ("failed", "index_unavailable")


def test_questions_that_were_changed_behind_our_back_are_not_asked(cast: Cast, handbook: Collection) -> None:
    run = started(cast)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE evaluation_question DISABLE TRIGGER USER")
        cursor.execute("UPDATE evaluation_question SET text = 'Another one?' WHERE number = 1")
        cursor.execute("ALTER TABLE evaluation_question ENABLE TRIGGER USER")
    running.take_turn(run.pk)
    run.refresh_from_db()
    assert (run.state, run.error_code) == ("failed", "bad_question_set")


def test_documents_that_are_not_there_are_counted(cast: Cast, handbook: Collection, tmp_path: Path) -> None:
    gone = {"question": "Who was dismissed?", "relevant": ["gone.pdf"]}
    evaluate("import", file_of(tmp_path, [*QUESTIONS, gone]), "--set", "House rules")
    assert evaluate("run", "House rules")["figures"]["absent"] == 1


def test_two_runs_are_compared_question_by_question(cast: Cast, handbook: Collection, tmp_path: Path) -> None:
    evaluate("import", file_of(tmp_path), "--set", "House rules")
    old = evaluate("run", "House rules")
    Document.objects.filter(name="lunch.pdf").update(status="failed", error="Gone.")
    new = evaluate("run", "House rules")
    found = evaluate("compare", old["run"], new["run"])
    assert (found["questions"], found["better"], found["worse"]) == (4, 0, 1)
    assert found["changed"] == [{"question": "When is lunch served?", "number": 4, "old": 1.0, "new": 0.0}]
    by_name = {one["measure"]: one for one in found["differences"]}
    assert by_name["nDCG@10"]["difference"] == -0.25
    assert by_name["nothing found"]["chance_of_no_gain"] == 1.0
    assert "Documents came or went between the runs." in found["notes"]
    same = evaluate("compare", old["run"][:8], old["run"][:8])
    assert all(one["difference"] == 0 for one in same["differences"])


def test_the_newest_runs_of_a_set_are_kept(cast: Cast, handbook: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "KEPT_RUNS", 2)
    runs = []
    for _ in range(3):
        runs.append(started(cast))
        running.take_turn(runs[-1].pk)
    assert set(EvaluationRun.objects.values_list("pk", flat=True)) == {run.pk for run in runs[1:]}


def test_only_administrators_evaluate(cast: Cast, handbook: Collection, tmp_path: Path) -> None:
    from chatapp.commands import Error

    with pytest.raises(Error):
        evaluate("import", file_of(tmp_path), "--set", "House rules", "--user", "alice")


def started(cast: Cast, **values: Any) -> EvaluationRun:
    kept = import_questions(name="Rules", content=as_jsonl(QUESTIONS), file_name="rules.jsonl", by=cast.administrator)
    return start_run(kept.version, by=cast.administrator, send=False, **values)


def test_a_run_is_found_by_the_beginning_of_its_id_however_many_came_after_it(
    cast: Cast, handbook: Collection, tmp_path: Path
) -> None:
    evaluate("import", file_of(tmp_path), "--set", "House rules")
    version = sets.find("House rules")
    older = EvaluationRun.objects.create(pk=UUID("0123abcd00004000" + 16 * "8"), version=version)
    EvaluationRun.objects.bulk_create(EvaluationRun(version=version, pk=UUID(int=2**127 + n)) for n in range(1001))
    for said in ("0123", "0123ABCD-00", str(older.pk)):
        assert find_run(said, cast.administrator) == older
    for said in ("012", "8000", "0123abce", "0123%", ""):
        with pytest.raises(UnknownEvaluation):
            find_run(said, cast.administrator)
