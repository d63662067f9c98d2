"""Organisers hold and run question sets over what is of their organisation, and see nothing of others."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client

from chatapp.accounts.models import User
from chatapp.errors import NotFound
from chatapp.evaluation import services
from chatapp.governance.models import AuditEntry
from chatapp.organisations.models import Organisation
from chatapp.organisations.services import move_person
from retrieval.errors import RetrievalError
from retrieval.evaluation import sets
from retrieval.evaluation.asking import reach_of
from retrieval.evaluation.errors import RunRefused, UnknownEvaluation
from retrieval.evaluation.models import EvaluationRun, QuestionSet, QuestionSetVersion
from retrieval.models import Collection
from retrieval.tenants import HOUSE
from tests.conftest import Cast, signed_in_client
from tests.organisations.houses import Home, home

SETS, RUNS = "/admin/evaluation/questionsetversion/", "/admin/evaluation/evaluationrun/"
_QUESTION = '{{"question": "What does {} ask?", "relevant": ["Rules of {}.txt"]}}'


@pytest.fixture
def acme(cast: Cast) -> Home:
    return home("acme")


@pytest.fixture
def globex(cast: Cast) -> Home:
    return home("globex")


def questions(by: User, about: str = "acme", name: str = "Rules") -> QuestionSetVersion:
    content = _QUESTION.format(about, about).encode()
    return services.import_questions(name=name, content=content, file_name="rules.jsonl", by=by).version


def text(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return answer.content.decode()


def test_an_organiser_imports_starts_looks_at_and_cancels_their_own(acme: Home) -> None:
    client = signed_in_client(acme.organiser)
    file = SimpleUploadedFile("rules.jsonl", _QUESTION.format("acme", "acme").encode())
    assert client.post(f"{SETS}add/", {"name": "Rules", "file": file}).status_code == 302
    version = QuestionSetVersion.objects.get()
    assert version.question_set.tenant == acme.organisation.pk
    form = {"version": version.pk, "k": 10, "person": "person@acme", "collections": [acme.collection.pk]}
    assert client.post(f"{RUNS}add/", form).status_code == 302
    run = EvaluationRun.objects.get()
    assert "What does acme ask?" in text(client, f"{SETS}{version.pk}/change/")
    assert "person@acme" in text(client, f"{RUNS}{run.pk}/change/") and "queued" in text(client, RUNS)
    assert client.get(f"{SETS}{version.pk}/export.jsonl").status_code == 200
    assert client.post(f"{RUNS}{run.pk}/cancel/").status_code == 302
    run.refresh_from_db()
    assert run.state == "cancelled"
    lines = AuditEntry.objects.filter(action__in=["questions imported", "evaluation started", "evaluation cancelled"])
    assert set(lines.values_list("organisation", flat=True)) == {acme.organisation.pk} and len(lines) == 3


def test_nothing_of_others_is_seen(cast: Cast, acme: Home, globex: Home) -> None:
    own = questions(acme.organiser)
    started = services.start_run(own, by=acme.organiser, send=False)
    other = signed_in_client(globex.organiser)
    for page in (SETS, RUNS, f"{RUNS}add/"):
        assert "Rules" not in text(other, page) and "acme" not in text(other, page).casefold()
    for path in (
        f"{SETS}{own.pk}/change/",
        f"{SETS}{own.pk}/export.csv",
        f"{RUNS}{started.pk}/change/",
        f"{RUNS}{started.pk}/cancel/",
        f"{RUNS}{started.pk}/against/",
    ):
        assert other.get(path).status_code == 404 and other.post(path).status_code == 404, path
    assert signed_in_client(acme.person).get(SETS).status_code == 404
    boss = signed_in_client(cast.administrator)
    assert "Acme" in text(boss, SETS) and "Acme" in text(boss, RUNS)


def test_the_history_of_others_is_not_there(acme: Home, globex: Home) -> None:
    own = questions(acme.organiser)
    answer = signed_in_client(globex.organiser).get(f"{SETS}{own.pk}/history/")
    assert answer.status_code == 302  # as of one that is not there
    assert signed_in_client(acme.organiser).get(f"{SETS}{own.pk}/history/").status_code == 200


def test_names_are_apart(acme: Home, globex: Home, cast: Cast) -> None:
    first, second = questions(acme.organiser), questions(globex.organiser, "globex")
    assert (first.number, second.number) == (1, 1)
    assert sets.find("Rules", acme.organisation.pk) == first and sets.find("Rules", globex.organisation.pk) == second
    with pytest.raises(UnknownEvaluation):
        sets.find("Rules")
    assert QuestionSet.objects.filter(name="Rules").count() == 2


@pytest.mark.parametrize("wrong", ["version", "person", "collections"])
def test_a_run_takes_nothing_of_others(acme: Home, globex: Home, wrong: str) -> None:
    own, theirs = questions(acme.organiser), questions(globex.organiser, "globex")
    form: dict[str, Any] = {"version": own.pk, "k": 10, "person": "", "collections": []}
    form[wrong] = {"version": theirs.pk, "person": "person@globex", "collections": [globex.collection.pk]}[wrong]
    answer = signed_in_client(acme.organiser).post(f"{RUNS}add/", form)
    assert answer.status_code == 200 and not EvaluationRun.objects.exists()
    foreign = {"person": {"person": globex.person}, "collections": {"collections": [globex.collection]}, "version": {}}
    with pytest.raises((RunRefused, NotFound)):
        services.start_run(theirs if wrong == "version" else own, by=acme.organiser, send=False, **foreign[wrong])


def test_a_person_who_is_not_there_and_one_of_others_look_the_same(acme: Home, globex: Home) -> None:
    own = questions(acme.organiser)
    said = [
        signed_in_client(acme.organiser).post(f"{RUNS}add/", {"version": own.pk, "k": 10, "person": name}).content
        for name in ("person@globex", "nobody@globex")
    ]
    assert all(b"There is no active person named" in one for one in said)


def test_which_index_is_asked_is_for_those_who_run_footnote(acme: Home) -> None:
    own = questions(acme.organiser)
    client = signed_in_client(acme.organiser)
    assert "index_version" not in text(client, f"{RUNS}add/")
    with pytest.raises(NotFound):
        services.start_run(own, by=acme.organiser, index_version=1, send=False)
    with pytest.raises(NotFound):
        services.judge_version(own, candidate=1, baseline=1, tolerance=0.1, by=acme.organiser)


def test_a_run_searches_its_organisation_alone_also_where_its_person_was_moved(cast: Cast, acme: Home) -> None:
    own = questions(acme.organiser)
    Collection.objects.create(name="Of the house", everyone=True)
    whole = services.start_run(own, by=acme.organiser, send=False)
    as_person = services.start_run(own, by=acme.organiser, person=acme.person, send=False)
    assert reach_of(whole).collections == reach_of(as_person).collections == {acme.collection.pk}
    move_person(acme.person, Organisation.objects.get(pk=HOUSE), by=cast.administrator)
    assert not reach_of(EvaluationRun.objects.get(pk=as_person.pk)).collections


def test_organisers_keep_and_start_so_many(acme: Home, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    own = questions(acme.organiser)
    for _ in range(services.MOST_OPEN):
        services.start_run(own, by=acme.organiser, send=False)
    with pytest.raises(RunRefused, match="under way or wait"):
        services.start_run(own, by=acme.organiser, send=False)
    services.start_run(own, by=cast.administrator, send=False)
    monkeypatch.setattr(services, "MOST_VERSIONS", 1)
    with pytest.raises(RetrievalError, match="keeps 1 versions"):
        questions(acme.organiser, "else")
    with pytest.raises(RetrievalError, match="keeps 1 versions"):
        questions(acme.organiser, "else", "Others")
    assert questions(acme.organiser) == own  # no new one: they are kept already
    assert QuestionSet.objects.filter(tenant=acme.organisation.pk).count() == 1


@pytest.mark.django_db(transaction=True)
def test_bounds_hold_for_requests_that_come_together(acme: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    own = questions(acme.organiser)
    monkeypatch.setattr(services, "MOST_VERSIONS", 3)
    begin = threading.Barrier(6)

    def ask(number: int) -> tuple[bool, bool]:
        begin.wait()
        try:
            return (
                passes(lambda: questions(acme.organiser, f"number {number}", f"Set {number}")),
                passes(lambda: services.start_run(own, by=acme.organiser, send=False)),
            )
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        imported, begun = zip(*pool.map(ask, range(6)), strict=True)
    assert (sum(imported), sum(begun)) == (2, services.MOST_OPEN)


def passes(act: Callable[[], Any]) -> bool:
    try:
        act()
    except RetrievalError:
        return False
    return True


def test_a_version_is_removed_with_its_runs_and_a_line(acme: Home, globex: Home) -> None:
    own = questions(acme.organiser)
    run = services.start_run(own, by=acme.organiser, send=False)
    client, other = signed_in_client(acme.organiser), signed_in_client(globex.organiser)
    remove = f"{SETS}{own.pk}/remove/"
    assert remove in text(client, f"{SETS}{own.pk}/change/")
    assert (other.post(remove).status_code, client.get(remove).status_code) == (404, 405)
    assert "A run asks these questions now." in client.post(remove, follow=True).content.decode()
    services.cancel_run(run, by=acme.organiser)
    assert "Rules@1 is removed" in client.post(remove, follow=True).content.decode()
    assert not QuestionSetVersion.objects.exists() and not EvaluationRun.objects.exists()
    line = AuditEntry.objects.get(action="questions removed")
    assert (line.subject, line.organisation, line.detail["runs"]) == ("Rules@1", acme.organisation.pk, 1)
    with pytest.raises(NotFound):
        services.remove_version(questions(acme.organiser), by=globex.organiser)
