from __future__ import annotations

import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from chatapp.evaluation.services import import_questions, start_run
from chatapp.governance.models import AuditEntry
from retrieval.evaluation import running
from retrieval.evaluation.models import EvaluationRun, QuestionSetVersion
from retrieval.models import Collection, Document
from tests.conftest import Cast, signed_in_client
from tests.evaluation.conftest import QUESTIONS, as_jsonl

IMPORT = reverse("admin:evaluation_questionsetversion_add")
START = reverse("admin:evaluation_evaluationrun_add")


@pytest.fixture
def page(cast: Cast) -> Client:
    return signed_in_client(cast.administrator)


@pytest.fixture
def version(cast: Cast) -> QuestionSetVersion:
    by = cast.administrator
    return import_questions(name="Rules", content=as_jsonl(QUESTIONS), file_name="rules.jsonl", by=by).version


def finished(version: QuestionSetVersion, cast: Cast) -> EvaluationRun:
    run = start_run(version, by=cast.administrator, send=False)
    running.take_turn(run.pk)
    run.refresh_from_db()
    return run


def of(run: EvaluationRun) -> str:
    return reverse("admin:evaluation_evaluationrun_change", args=[run.pk])


def text(response: Any) -> str:
    assert response.status_code == 200, response
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def test_questions_are_imported_and_shown(page: Client, cast: Cast) -> None:
    file = SimpleUploadedFile("rules.jsonl", as_jsonl(QUESTIONS))
    shown = text(page.post(IMPORT, {"name": "Rules", "file": file}, follow=True))
    assert "Rules@1 holds 4 questions." in shown
    assert "Where can visitors park?" in shown and "“120 euros a night”" in shown
    assert AuditEntry.objects.get(action="questions imported").subject == "Rules@1"


def test_a_file_with_a_mistake_is_refused_with_its_line(page: Client) -> None:
    file = SimpleUploadedFile("rules.csv", b"question,documents\n,leave.pdf\n")
    assert "Line 2: The question is empty." in text(page.post(IMPORT, {"name": "Rules", "file": file}))
    assert not QuestionSetVersion.objects.exists()


def test_an_export_is_a_file(page: Client, version: QuestionSetVersion) -> None:
    for kind, start in (("jsonl", b'{"question": "How many'), ("csv", b"question,documents")):
        response = page.get(reverse("admin:evaluation_export", args=[version.pk, kind]))
        assert response.content.startswith(start)
        assert f"questions-{version.pk}.{kind}" in response["Content-Disposition"]
    assert page.get(reverse("admin:evaluation_export", args=[version.pk, "exe"])).status_code == 404


def test_a_run_is_started_by_the_form_watched_and_cancelled(
    page: Client, handbook: Collection, version: QuestionSetVersion
) -> None:
    given = {"version": version.pk, "person": "bob", "k": 20, "collections": [handbook.pk]}
    shown = text(page.post(START, given, follow=True))
    run = EvaluationRun.objects.get()
    assert "queued, 0 of 4" in shown and "as bob" in shown and "collections: Handbook" in shown
    page.post(reverse("admin:evaluation_cancel", args=[run.pk]))
    run.refresh_from_db()
    assert run.state == "cancelled"
    assert "cancelled" in text(page.get(of(run)))


def test_a_person_that_is_not_there_is_refused(page: Client, version: QuestionSetVersion) -> None:
    shown = text(page.post(START, {"version": version.pk, "person": "nobody", "k": 20}))
    assert "There is no active person named nobody." in shown
    assert not EvaluationRun.objects.exists()


def test_a_run_shows_figures_and_the_questions_that_found_least(
    page: Client, cast: Cast, handbook: Collection, version: QuestionSetVersion
) -> None:
    Document.objects.filter(name="lunch.pdf").update(status="failed", error="Gone.")
    shown = text(page.get(of(finished(version, cast))))
    assert "nDCG@10 0.750" in shown
    assert "When is lunch served?" in shown and "lunch.pdf: not found" in shown
    assert "1 of the questions names a document that is not among those" in shown


def test_two_runs_are_compared(page: Client, cast: Cast, handbook: Collection, version: QuestionSetVersion) -> None:
    old = finished(version, cast)
    Document.objects.filter(name="lunch.pdf").update(status="failed", error="Gone.")
    new = finished(version, cast)
    shown = text(page.get(reverse("admin:evaluation_compare", args=[old.pk]), {"run": str(new.pk)}))
    assert "0 became better and 1 worse" in shown
    assert "When is lunch served? 1.00 0.00" in shown
    again = page.get(reverse("admin:evaluation_compare", args=[old.pk]), {"run": "nonsense"}, follow=True)
    assert "There is no run" in text(again)


@pytest.mark.parametrize("name", ["alice", "staff", ""])
def test_others_find_nothing(name: str, cast: Cast, handbook: Collection, version: QuestionSetVersion) -> None:
    run = finished(version, cast)
    cast.bob.is_staff = True
    cast.bob.save()
    people = {"alice": cast.alice, "staff": cast.bob}
    client = signed_in_client(people[name]) if name else Client()
    for address in (
        IMPORT,
        START,
        of(run),
        reverse("admin:evaluation_evaluationrun_changelist"),
        reverse("admin:evaluation_questionsetversion_changelist"),
        reverse("admin:evaluation_questionsetversion_change", args=[version.pk]),
        reverse("admin:evaluation_export", args=[version.pk, "csv"]),
        reverse("admin:evaluation_compare", args=[run.pk]),
    ):
        assert client.get(address).status_code in (302, 403, 404), address
    client.post(reverse("admin:evaluation_cancel", args=[run.pk]))
    run.refresh_from_db()
    assert run.state == "done" and not run.cancel_requested
