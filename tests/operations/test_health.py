"""/healthz and /readyz of a real web process, while the parts around it come and go."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from chatapp.operations.heartbeat import beat
from chatapp.operations.models import Heartbeat, Milestone
from inference.models import Candidate, ModelVersion, Route
from retrieval.models import Collection, Document
from tests.conftest import Cast, signed_in_session
from tests.conversations.model_double import ModelDouble
from tests.conversations.web import Web
from tests.ingestion.fake_index import FakeIndex
from tests.waiting import wait_until

WELL = dict.fromkeys(("database", "index", "sample", "worker", "model", "disk"), "ok")
Start = Callable[..., Web]


@pytest.fixture
def index() -> Iterator[FakeIndex]:
    double = FakeIndex()
    yield double
    double.stop()


@pytest.fixture
def model() -> Iterator[ModelDouble]:
    double = ModelDouble()
    yield double
    double.stop()


@pytest.fixture
def start(transactional_db: None, tmp_path: Path, index: FakeIndex, model: ModelDouble) -> Iterator[Start]:
    started: list[Web] = []

    def _start(**environment: str) -> Web:
        started.append(Web(tmp_path, index.url, model.url, **environment))
        started[-1].start()
        return started[-1]

    yield _start
    for web in started:
        web.end()


def ready(web: Web, **cookies: str) -> tuple[int, dict[str, Any]]:
    response = httpx.get(f"{web.url}/readyz", cookies=cookies, timeout=15)
    return response.status_code, response.json()["parts"]


def states(parts: dict[str, Any]) -> dict[str, str]:
    return {name: part["state"] for name, part in parts.items()}


def test_each_part_that_goes_away_is_named_and_readiness_follows(start: Start, index: FakeIndex) -> None:
    web = start()
    beat()
    status, parts = ready(web)
    assert (status, states(parts)) == (200, WELL)

    Heartbeat.objects.update(at=timezone.now() - timedelta(minutes=2))
    status, parts = ready(web)
    assert (status, states(parts)) == (200, WELL | {"worker": "missing"})

    beat()
    index.stop()
    status, parts = ready(web)
    assert (status, states(parts)) == (503, WELL | {"index": "missing"})
    index.start()
    assert ready(web)[0] == 200
    assert '"level": "error"' not in web.log.read_text()


def test_without_a_model_it_is_ready_and_says_that_answers_are_quotations(start: Start, cast: Cast) -> None:
    web = start(INFERENCE_API_BASE_URL="")
    beat()
    status, parts = ready(web, sessionid=signed_in_session(cast.alice))
    assert (status, states(parts)) == (200, WELL | {"model": "weak"})
    assert "quotations" in parts["model"]["reason"]


def test_a_model_that_cannot_be_reached_is_not_called_none(start: Start, cast: Cast) -> None:
    away = ModelVersion.objects.create(name="away", kind="openai", base_url="http://127.0.0.1:9/v1", model="m")
    Candidate.objects.create(route=Route.objects.create(name="page", default=True), version=away)
    web = start(INFERENCE_API_BASE_URL="")
    part = ready(web, sessionid=signed_in_session(cast.alice))[1]["model"]
    assert part == {"state": "weak", "reason": "No model can answer at the moment: answers are quotations."}


def test_a_model_for_some_people_alone_is_no_model_for_everybody_and_one_of_two_that_share_them_is(
    start: Start, cast: Cast, model: ModelDouble
) -> None:
    values = {"kind": "openai", "base_url": f"{model.url}", "model": "double", "outside": True}
    one, other = (ModelVersion.objects.create(name=name, **values) for name in ("one", "other"))
    page = Route.objects.create(name="page", default=True)
    only = Candidate.objects.create(route=page, version=one)
    only.groups.add(Group.objects.create(name="board"))
    elsewhere = Route.objects.create(name="quick")
    Candidate.objects.create(route=elsewhere, version=other)
    web = start(INFERENCE_API_BASE_URL="")
    session = {"sessionid": signed_in_session(cast.alice)}

    def engines(cookies: dict[str, str] = session) -> dict[str, Any]:
        answer: dict[str, Any] = httpx.get(f"{web.url}/api/engines/", cookies=cookies, timeout=15).json()
        return answer

    part = ready(web, **session)[1]["model"]
    assert part["state"] == "weak" and "some questions or people" in part["reason"]
    found = engines()
    assert found["answering"] == "extractive" and [row["now"] for row in found["engines"]] == [False, True, False]
    assert found["engines"][-1]["meant_for"] == "for programs that name its route"
    administrator = engines({"sessionid": signed_in_session(cast.administrator)})
    assert administrator["engines"][-1]["meant_for"] == "for programs that name the route quick"

    only.groups.clear()
    Candidate.objects.create(route=page, version=other)
    wait_until(lambda: engines()["answering"] == "api: one", 10)
    assert [row["now"] for row in engines()["engines"]] == [True, True, False]
    assert ready(web)[1]["model"] == {"state": "ok"}


def test_looking_often_asks_an_outside_endpoint_once(start: Start, model: ModelDouble) -> None:
    web = start()
    assert [ready(web)[1]["model"] for _ in range(10)] == [{"state": "ok"}] * 10
    assert model.lists == 1


def test_strangers_see_states_without_reasons(start: Start) -> None:
    _, parts = ready(start(INFERENCE_API_BASE_URL=""))
    assert parts["model"] == {"state": "weak"}


def test_without_the_database_it_lives_and_is_not_ready_also_for_who_has_a_session(
    start: Start, tmp_path: Path
) -> None:
    web = start(DATABASE_URL=f"postgres://footnote@{str(tmp_path).replace('/', '%2F')}/none")
    for cookies in ({}, {"sessionid": "a" * 32}):
        assert httpx.get(f"{web.url}/healthz", cookies=cookies, timeout=5).json() == {"status": "ok"}
        status, parts = ready(web, **cookies)
        away = dict.fromkeys(("database", "sample", "worker"), "missing")
        assert (status, states(parts)) == (503, WELL | away)


def test_it_is_not_ready_while_the_sample_is_loading(start: Start) -> None:
    web = start()
    Milestone.objects.create(name="sample loaded")
    collection = Collection.objects.create(name="Sample handbook", everyone=True)
    document = Document.objects.create(collection=collection, name="leave.md", size=1, sha256="0" * 64)
    status, parts = ready(web)
    assert (status, parts["sample"]) == (503, {"state": "missing"})
    Document.objects.filter(pk=document.pk).update(status="failed", error="It is broken.")
    assert ready(web)[0] == 200


def test_metrics_answer_administrators_and_the_internal_token_alone(cast: Cast, client: Client) -> None:
    assert client.get("/metrics").headers["Location"].startswith("/accounts/login/")
    assert client.get("/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 302
    scraped = client.get("/metrics", headers={"Authorization": f"Bearer {settings.INTERNAL_TOKEN}"})
    assert scraped.status_code == 200 and "python_info" in scraped.text
    assert client.get("/", headers={"Authorization": f"Bearer {settings.INTERNAL_TOKEN}"}).status_code == 302
    for person, status in ((cast.alice, 404), (cast.administrator, 200)):
        client.force_login(person)
        assert client.get("/metrics").status_code == status
