from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone
from tokenizers import Tokenizer

from retrieval.embedders import static_embedder
from retrieval.embedders.model_folders import PACKAGED_MODEL, model_folder
from retrieval.errors import IndexUnavailable
from retrieval.evaluation import gating, leases, running, sets
from retrieval.evaluation.errors import RunRefused
from retrieval.evaluation.models import EvaluationRun
from retrieval.evaluation.rows import Row, Target
from retrieval.models import Collection, Document, Passage, PassageVector
from retrieval.versions import gate
from retrieval.versions.current import notify, serving_for_writing
from retrieval.versions.models import IndexedDocument, IndexVersion
from tests.conftest import Cast
from tests.index.conftest import Service
from tests.waiting import wait_until

# What is asked shares no word with what answers: only meaning finds it.
PAIRS = {
    "Vacation lasts twenty-five days.": "How much holiday may employees take?",
    "Automobiles stand in the garage below ground.": "Where do I park my car?",
    "The physician visits on Mondays.": "When can I see a doctor?",
    "Salaries arrive at the end of each month.": "On which day is my wage paid?",
    "Infants are looked after in the nursery.": "Is there child care for babies?",
    "The canteen cooks at noon.": "When is lunch?",
    "Passwords expire after ninety days.": "How often must I change my login secret?",
    "Trains are booked in second class.": "May I travel by railway in first?",
    "Fire drills happen twice a year.": "How frequently do we practise evacuation?",
    "Notebooks are replaced every four years.": "At what age do I get a new laptop?",
    "Harassment is reported to the ombudsman.": "Whom do I tell about bullying?",
    "Dogs stay at home.": "May I bring my pet to the office?",
}


@pytest.fixture
def versions(
    cast: Cast,
    reached: Service,
    collection: Collection,
    publish: Callable[[Collection, str, Sequence[str]], Document],
    tmp_path: Path,
) -> Iterator[dict[str, int]]:
    """Three versions of the same documents: the serving one, one that is as good, and one that knows nothing."""
    for number, text in enumerate(PAIRS):
        publish(collection, f"{number:02}.txt", [text])
    reached.caught_up()
    serving = serving_for_writing()
    as_good = _copy(serving, PACKAGED_MODEL, reached)
    ignorant = _copy(serving, _random_model(tmp_path / "random"), reached)
    notify()
    wait_until(lambda: all(_held(reached, pk) for pk in (serving.pk, as_good.pk, ignorant.pk)), 20)
    questions = [Row(asked, (Target(f"{n:02}.txt"),)) for n, asked in enumerate(PAIRS.values())]
    sets.freeze("Rules", questions)
    yield {"serving": serving.pk, "as good": as_good.pk, "ignorant": ignorant.pk}
    IndexVersion.objects.all().delete()
    notify()


def test_a_version_that_finds_less_does_not_pass(versions: dict[str, int]) -> None:
    verdict = judge("Rules", versions["ignorant"], versions["serving"])
    assert not verdict.passed
    assert "worse by more than 0.02: nDCG@10" in verdict.summary
    assert verdict.report["worse"] > verdict.report["better"]


def test_a_version_that_finds_as_much_passes(versions: dict[str, int]) -> None:
    verdict = judge("Rules", versions["as good"], versions["serving"])
    assert verdict.passed and "not worse" in verdict.summary
    assert verdict.report["differences"][0]["difference"] == 0.0


def test_a_version_that_is_better_passes(versions: dict[str, int]) -> None:
    assert judge("Rules", versions["serving"], versions["ignorant"]).passed


def test_a_gate_that_broke_off_goes_on_where_it_stopped(
    versions: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gating, "_SECONDS", 0.0)
    with pytest.raises(IndexUnavailable):
        judge("Rules", versions["as good"], versions["serving"])
    begun = EvaluationRun.objects.get()
    assert (begun.state, begun.answered) == ("running", 10)
    monkeypatch.undo()
    assert judge("Rules", versions["as good"], versions["serving"]).passed
    begun.refresh_from_db()
    assert (begun.state, begun.answered) == ("done", 12)
    assert EvaluationRun.objects.count() == 2


def test_the_command_fails_with_the_gate(versions: dict[str, int]) -> None:
    out = StringIO()
    names = ["--candidate", str(versions["ignorant"]), "--baseline", str(versions["serving"])]
    with pytest.raises(SystemExit) as ended:
        call_command("evaluate", "gate", "Rules", *names, "--json", stdout=out)
    assert ended.value.code == 1
    assert json.loads(out.getvalue())["passed"] is False


def test_a_question_set_that_is_not_there_is_no_pass(versions: dict[str, int]) -> None:
    verdict = judge("Others", versions["as good"], versions["serving"])
    assert (verdict.passed, verdict.summary) == (False, "There is no question set 'Others'.")


def test_a_version_that_is_not_loaded_yet_is_waited_for_however_long(versions: dict[str, int]) -> None:
    absent = IndexVersion.objects.create(status="ready", promote=False, embedding_model="/nowhere/at-all")
    for _ in range(leases.MOST_ATTEMPTS + 2):
        with pytest.raises(IndexUnavailable):
            judge("Rules", absent.pk, versions["serving"])
        EvaluationRun.objects.update(lease_until=None)  # as it is five seconds later


def test_a_held_and_a_kept_version_are_compared_without_being_put_in_service(
    versions: dict[str, int], reached: Service
) -> None:
    """Each is loaded while it is asked, and dropped again."""
    both = IndexVersion.objects.filter(pk__in=[versions["as good"], versions["ignorant"]])
    both.update(status="ready", promote=False)
    IndexVersion.objects.filter(pk=versions["ignorant"]).update(status="retired", ended_at=timezone.now())
    notify()
    wait_until(lambda: not _held(reached, versions["as good"]) and not _held(reached, versions["ignorant"]), 10)
    out = StringIO()
    names = ["--candidate", str(versions["as good"]), "--baseline", str(versions["ignorant"])]
    call_command("evaluate", "gate", "Rules", *names, "--json", stdout=out)
    assert json.loads(out.getvalue())["passed"] is True
    wait_until(lambda: not _held(reached, versions["as good"]) and not _held(reached, versions["ignorant"]), 10)
    assert _held(reached, versions["serving"])


def test_a_version_is_given_back_when_a_run_was_left_behind(versions: dict[str, int], reached: Service) -> None:
    IndexVersion.objects.filter(pk=versions["as good"]).update(status="ready", promote=False)
    run = running.start(sets.find("Rules"), index_version=versions["as good"])
    assert leases.claim(run.pk)  # and its process is killed
    wait_until(lambda: _held(reached, versions["as good"]), 10)
    long_ago = timezone.now() - timedelta(minutes=4)
    EvaluationRun.objects.update(created_at=long_ago, queued_at=long_ago, lease_until=long_ago)
    wait_until(lambda: not _held(reached, versions["as good"]), 10)


def test_a_version_that_cannot_be_loaded_ends_a_run_with_the_reason(versions: dict[str, int]) -> None:
    absent = IndexVersion.objects.create(status="ready", promote=False, embedding_model="/nowhere/at-all")
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("evaluate", "run", "Rules", "--index-version", str(absent.pk), "--json", stdout=out)
    assert f"Version {absent.pk} cannot be loaded: " in json.loads(out.getvalue())["error"]


@pytest.mark.parametrize("status", ["building", "failed", "cancelled"])
def test_a_version_that_is_not_complete_is_refused(versions: dict[str, int], status: str) -> None:
    absent = IndexVersion.objects.create(status=status, error="It broke.", embedding_model=PACKAGED_MODEL)
    with pytest.raises(RunRefused, match="not complete"):
        running.start(sets.find("Rules"), index_version=absent.pk)


def judge(*arguments: Any) -> gate.Verdict:
    """As a build calls it."""
    installed = gate.installed()
    assert installed is not None
    return installed(*arguments)


def _held(service: Service, version: int) -> bool:
    from retrieval.contracts import SearchRequest

    try:
        service.client.search_batch([SearchRequest("leave", frozenset())], version=version)
    except IndexUnavailable:
        return False
    return True


@transaction.atomic
def _copy(serving: IndexVersion, model: str, service: Service) -> IndexVersion:
    """At once: an index service must not load half of it."""
    version = IndexVersion.objects.create(status="checking", gate="Rules", embedding_model=model)
    for place in IndexedDocument.objects.filter(version=serving):
        IndexedDocument.objects.create(version=version, document=place.document, passages=place.passages)
    if model != serving.embedding_model:
        passages = list(Passage.objects.order_by("pk"))
        vectors = service.client.embed([one.text for one in passages], bulk=True, of_model=model)
        PassageVector.objects.bulk_create(
            PassageVector(passage=one, model=model, vector=vector.astype("<f2").tobytes())
            for one, vector in zip(passages, vectors, strict=True)
        )
    return version


def _random_model(folder: Path) -> str:
    source = model_folder(PACKAGED_MODEL) / "tokenizer.json"
    tokenizer = Tokenizer.from_file(str(source))
    rows = np.random.default_rng(5).normal(size=(tokenizer.get_vocab_size(), 48))
    static_embedder.write(folder, rows.astype(np.float16), tokenizer)
    shutil.copyfile(source, folder / "tokenizer.json")
    return str(folder)
