"""The page on which an administrator sees how the house is and how it fared."""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from chatapp.conversations.answer_cache import NOTE
from chatapp.conversations.models import Conversation, Message, Turn
from chatapp.feedback.models import Rating
from chatapp.operations import model_services, state
from chatapp.operations.figures import gathering
from chatapp.operations.models import Minute
from inference.models import ModelVersion, Outcome
from retrieval.throughput.models import Slot
from tests.conftest import Cast, signed_in_client

PAGE = "/admin/operations/minute/"
AWAY = "http://127.0.0.1:9"


@pytest.fixture
def page(cast: Cast) -> Client:
    return signed_in_client(cast.administrator)


@pytest.fixture
def well(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests about figures do not knock at services."""
    monkeypatch.setattr(state, "everything", lambda: [state.Shown("Database", "ok")])


def text(response: Any) -> str:
    assert response.status_code == 200, response
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def outcome(*, minutes_ago: float = 1, **values: Any) -> Outcome:
    given = {"engine": "local: small", "first_token_ms": 250, "writing_ms": 4000, "completion_tokens": 120}
    made = Outcome.objects.create(**given | {"prompt_tokens": 900} | values)
    Outcome.objects.filter(pk=made.pk).update(at=timezone.now() - timedelta(minutes=minutes_ago))
    return made


def asked(cast: Cast, *, minutes_ago: float = 1, **answered: Any) -> Message:
    conversation = Conversation.objects.create(owner=cast.alice)
    question = Message.objects.create(conversation=conversation, role="user", text="How many days?")
    answer = Message.objects.create(
        conversation=conversation, role="assistant", parent=question, text="Thirty.", **answered
    )
    turn = Turn.objects.create(asker=cast.alice, question=question, answer=answer, running=False)
    Turn.objects.filter(pk=turn.pk).update(created_at=timezone.now() - timedelta(minutes=minutes_ago))
    return answer


def test_what_happened_in_a_minute_is_summed_up_from_the_records(cast: Cast) -> None:
    version = ModelVersion.objects.create(name="gamma", kind="openai", base_url="https://m.example.com/v1", model="g")
    now = timezone.now()
    outcome(version=version, cost=Decimal("0.5"), turn=uuid.uuid4())
    outcome(first_token_ms=None, failed=True, code="engine_unavailable", completion_tokens=0, prompt_tokens=0)
    outcome(code="overtaken", completion_tokens=3)
    asked(cast, status="complete", written_by=[{"engine": "local: small", "from": 0, "note": NOTE}])
    asked(cast, status="failed")
    Slot.objects.create(collection_id=uuid.uuid4(), at=now - timedelta(minutes=1), ready=2, failed=1, passages=40)
    gathering.gather()
    summed = Minute.objects.filter(summed=True)
    found = {name: sum(getattr(one, name) for one in summed) for name in gathering._SUMMED[:8]}
    assert found == {
        "answers": 1, "failures": 1, "questions": 2, "cached": 1, "unanswered": 1,
        "prompt_tokens": 1800, "completion_tokens": 123, "cost": Decimal("0.5"),
    }  # fmt: skip
    (minute,) = [one for one in summed if one.documents]
    assert (minute.documents, minute.documents_failed, minute.passages) == (2, 1, 40)
    assert sum(sum(one.speed) for one in summed) == 1, "three tokens tell no speed, and a failure none either"
    assert sum(sum(one.first_token) for one in summed) == 2


def test_a_record_that_comes_late_is_added_and_none_is_counted_twice(cast: Cast) -> None:
    outcome(minutes_ago=3)
    gathering.gather()
    gathering.gather()
    assert sum(Minute.objects.values_list("answers", flat=True)) == 1
    outcome(minutes_ago=3)
    gathering.gather()
    assert sum(Minute.objects.values_list("answers", flat=True)) == 2


def test_after_a_pause_of_the_worker_what_was_missed_is_summed_up_bit_by_bit(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "MOST", timedelta(minutes=60))
    for minutes_ago in (170, 80, 2):
        outcome(minutes_ago=minutes_ago)
    assert [gathering.gather() for _ in range(2)] == [60, 60]
    assert sum(Minute.objects.values_list("answers", flat=True)) < 3
    for _ in range(4):
        gathering.gather()
    assert sum(Minute.objects.values_list("answers", flat=True)) == 3


def test_records_from_before_the_minutes_were_there_are_read_for_a_week_at_most(cast: Cast) -> None:
    outcome(minutes_ago=30 * 24 * 60)
    gathering.gather()
    oldest = Minute.objects.order_by("at").first()
    assert oldest is not None and timezone.now() - oldest.at < timedelta(days=8, minutes=2)


def test_old_minutes_are_forgotten(cast: Cast) -> None:
    kept, gone = (timezone.now() - timedelta(days=days) for days in (34, 36))
    Minute.objects.bulk_create([Minute(at=kept), Minute(at=gone)])
    assert gathering.forget_old() == 1
    assert list(Minute.objects.values_list("at", flat=True)) == [kept]


def test_the_most_that_waited_in_a_minute_is_kept(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = iter([3, 7, None, 2])
    monkeypatch.setattr(gathering.model_services, "waiting", lambda: next(looks))
    at = timezone.now().replace(second=0, microsecond=0)
    for _ in range(4):
        gathering._look_at_queues(at)
    assert Minute.objects.get(at=at).waiting == 7


@pytest.fixture
def service() -> Iterator[str]:
    """A model service that is asked for its figures alone."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.headers["Authorization"] == f"Bearer {settings.INTERNAL_TOKEN}"
            self.send_response(200 if known else 401)
            self.end_headers()
            self.wfile.write(b'footnote_model_waiting{model="a"} 2.0\nfootnote_model_waiting{model="b"} 3.0\n')

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_the_queues_of_model_services_are_added_up(service: str, settings: Any) -> None:
    settings.INFERENCE = replace(settings.INFERENCE, model_service_urls=(service, AWAY, service))
    assert model_services.waiting() == 10
    assert [one.problem for one in model_services.services()] == ["", "It cannot be reached.", ""]


def test_services_that_say_nothing_are_asked_side_by_side(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    released = Event()

    def silent(url: str, _path: str) -> httpx.Response:
        released.wait(20)
        raise httpx.ReadTimeout(url)

    settings.INFERENCE = replace(settings.INFERENCE, model_service_urls=tuple(f"http://{n}" for n in range(8)))
    monkeypatch.setattr(model_services, "_get", silent)
    monkeypatch.setattr(model_services, "_ALL_S", 0.2)
    began = time.monotonic()
    found = model_services.services()
    assert model_services.waiting() is None
    assert time.monotonic() - began < 5
    released.set()
    assert {one.problem for one in found} == {"It did not answer within 0 s."} and len(found) == 8


def test_a_service_that_is_away_says_nothing_of_its_queue(settings: Any) -> None:
    settings.INFERENCE = replace(settings.INFERENCE, model_service_urls=(AWAY,))
    assert model_services.waiting() is None


def test_the_page_shows_the_plots_with_their_tables(page: Client, cast: Cast, well: None) -> None:
    version = ModelVersion.objects.create(
        name="gamma", kind="openai", base_url="https://m.example.com/v1", model="g", monthly_budget=Decimal(10),
        price_prompt=Decimal(2),
    )  # fmt: skip
    for _ in range(4):
        outcome(version=version, cost=Decimal("0.25"))
    Rating.objects.create(message=asked(cast, status="complete"), person=cast.alice, value=-1)
    asked(cast, status="interrupted")
    Minute.objects.create(at=timezone.now().replace(second=0, microsecond=0), running=5, waiting=2)
    gathering.gather()
    for span in ("hour", "day", "week"):
        answer = page.get(PAGE, {"span": span})
        shown = text(answer)
        assert "4 written by engines, 0 given before; 0 tries of an engine failed." in shown
        assert "1 of 2 questions on the page got no whole answer." in shown
        assert "Half of the answers began within about 250 ms" in shown
        assert "At most 5 answers on the page at a time, 2 questions waiting for a model." in shown
        assert "1.00 in the currency of the prices." in shown and "0 good, 1 bad." in shown
        assert "gamma 1.00 10.00" in shown
        drawn = answer.content.split(b'id="content-main"')[1].split(b"</main>")[0]
        plots = drawn.count(b"<figure")
        assert plots == 8 and b"Nothing in this time." not in drawn
        assert drawn.count(b"<table") == plots + 1, "one of each plot, and one of the spending"
        assert b"style=" not in drawn, "the policy allows no inline styles"


def test_a_house_in_which_nothing_happened_says_so(page: Client, well: None) -> None:
    shown = text(page.get(PAGE))
    assert shown.count("Nothing in this time.") == 8
    assert "No model has a price or a budget." in shown


def test_the_same_in_german_draws_with_points_and_not_with_commas(page: Client, well: None) -> None:
    outcome()
    gathering.gather()
    drawn = page.get(PAGE, headers={"Accept-Language": "de"}).content.decode()
    assert re.search(r'<rect class="look-first" x="\d+(\.\d+)?" y="\d+(\.\d+)?"', drawn)


def test_the_page_reads_few_rows_however_many_answers_there_were(page: Client, well: None) -> None:
    Minute.objects.bulk_create(
        Minute(at=timezone.now().replace(second=0, microsecond=0) - timedelta(minutes=n), answers=1) for n in range(120)
    )
    with CaptureQueriesContext(connection) as queries:
        shown = text(page.get(PAGE))
    assert re.search("(59|60) written by engines", shown), "a minute may end meanwhile"
    assert not [one for one in queries.captured_queries if "inference_outcome" in one["sql"]]


def test_a_part_that_is_away_is_named_with_what_to_do(page: Client, cast: Cast) -> None:
    """No service runs beside this test."""
    shown = text(page.get(PAGE))
    assert "Database well" in shown
    assert "Worker away No worker takes new documents at the moment. Look into log/worker.log" in shown
    assert "Model service weak It cannot be reached. Look into log/model.log." in shown
    assert "Redis well It is not used" in shown
    renewed = page.get(f"{PAGE}state/")
    assert "Worker away" in text(renewed) and b'id="parts"' in renewed.content


def test_a_redis_that_is_away_is_named(settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:9/0"
    assert state._redis() == state.Shown("Redis", "missing", "It cannot be reached.", state._REDIS)


def test_engines_that_say_nothing_hold_up_no_page(monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent:
        async def describe(self, **_: bool) -> list[Any]:
            await asyncio.sleep(60)
            return []

    monkeypatch.setattr(state, "_WAIT_S", 0.1)
    monkeypatch.setattr(state, "get_router", Silent)
    (shown,) = state._engines()
    assert shown.state == "weak" and "did not say" in shown.reason


@pytest.mark.parametrize("who", ["alice", "bob", "charlie"])
def test_for_others_the_page_is_not_there(cast: Cast, who: str) -> None:
    client = signed_in_client(getattr(cast, who))
    for address in (PAGE, f"{PAGE}state/"):
        assert client.get(address).status_code == 404


def test_nothing_is_changed_there(page: Client) -> None:
    assert page.post(PAGE).status_code == 405
    assert page.post(f"{PAGE}state/").status_code == 405


def test_the_worker_does_it_by_itself() -> None:
    from chatapp.celery import app

    tasks = {one["task"]: one["schedule"] for one in app.conf.beat_schedule.values()}
    assert tasks["chatapp.operations.tasks.gather_figures"] <= 60
    assert "chatapp.operations.tasks.forget_figures" in tasks
    assert settings.CELERY_TASK_TIME_LIMIT
