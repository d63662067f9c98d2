"""A planted bad version rolls itself back, and a good one is promoted: over real turns of a real web process, with no
worker that would watch.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group

from chatapp.accounts.models import User
from chatapp.governance.models import AuditEntry
from inference import rollouts
from inference.models import Candidate, ModelVersion, Outcome, Rollout, Route
from retrieval.models import Document
from tests.conversations.model_double import ModelDouble
from tests.conversations.web import Client, Frame, Web
from tests.ingestion.fake_index import FakeIndex
from tests.provider_double import Provider, Reply, providers
from tests.waiting import wait_until

LIMITS = {"least_answers": 8, "least_ratings": 4}
WORDS = [f"word{n} " for n in range(12)]
PEOPLE, MOST = 40, 240  # so many that each side of a share has ten: a person's ratings count once
_numbers = count(1)


@pytest.fixture(scope="module")
def running_web(django_db_setup: None, django_db_blocker: Any, index_double: FakeIndex) -> Iterator[Web]:
    with tempfile.TemporaryDirectory(prefix="fn-rollouts-") as folder:
        process = Web(Path(folder), index_double.url, "")
        process.environment |= {"INFERENCE_API_BASE_URL": "", "INFERENCE_API_MODEL": ""}
        process.start()
        yield process
        process.end()
        assert "Traceback" not in process.log.read_text(errors="replace")


@pytest.fixture(scope="module")
def new_double() -> Iterator[ModelDouble]:
    double = ModelDouble()
    yield double
    double.stop()


@pytest.fixture(scope="module")
def refusing() -> Iterator[Provider]:
    with providers() as some:
        yield some.new()


@dataclass
class House:
    web: Web
    route: Route
    old: ModelVersion
    people: list[Client]
    asked: Counter[str] = field(default_factory=Counter)
    questions: Iterator[int] = field(default_factory=lambda: count(1))

    def version(self, url: str) -> ModelVersion:
        name = f"version-{next(_numbers)}"
        return ModelVersion.objects.create(name=name, kind="openai", base_url=url, model="m")

    def rolls_out(self, new: ModelVersion, share: int = 50) -> Rollout:
        rollout = rollouts.start(route=self.route, new=new, share=share, by=None, **LIMITS)
        wait_until(lambda: f"house: {new.name}" in self._engines(), 20)
        return rollout

    def ask(self, person: Client) -> tuple[str, Frame]:
        """-> the engine that wrote the answer, and the frame that accepted the question."""
        with person.socket() as socket:
            accepted = socket.ask(f"How many days of leave has number {next(self.questions)}?")
            done = socket.until("done")[-1]
        assert done["status"] == "complete"
        self.asked[done["engine"]] += 1
        return str(done["engine"]), accepted

    def ask_until(self, rollout: Rollout, after: Callable[[Client, str, Frame], None] = lambda *_: None) -> str:
        """Everybody asks in turn until the roll-out has ended. -> why it did."""
        for number in range(MOST):
            person = self.people[number % len(self.people)]
            after(person, *self.ask(person))
            rollout.refresh_from_db()
            if rollout.state != Rollout.State.RUNNING:
                return rollout.reason
        raise AssertionError([rail for rail in rollouts.judge(rollout).rails])

    def _engines(self) -> set[str]:
        return {one["name"] for one in self.people[0].get("/api/engines/").json()["engines"]}


@pytest.fixture
def house(web: Web, handbook: Document, model: ModelDouble, new_double: ModelDouble) -> House:
    new_double.reset()
    model.words, new_double.words = list(WORDS), list(WORDS)
    model.pause_s = new_double.pause_s = 0.002
    people = [User.objects.create_user(f"person-{number}") for number in range(PEOPLE)]
    for person in people:
        person.groups.set(Group.objects.all())
    found = House(web, rollouts.default_route(), None, [Client(web, person) for person in people])  # type: ignore[arg-type]
    found.old = found.version(model.url)
    Candidate.objects.create(route=found.route, version=found.old)
    return found


def rate(person: Client, accepted: Frame, rating: str) -> None:
    address = f"/api/messages/{accepted['answer']}/rating/"
    answer = person.http.put(address, json={"rating": rating}, headers=person.csrf())
    assert answer.status_code == 200, answer.text


def is_undone(rollout: Rollout, house: House) -> None:
    """In the rows, in the audit trail, and for the people."""
    assert rollout.state == Rollout.State.ROLLED_BACK
    assert ModelVersion.objects.get(pk=rollout.new_id).state == ModelVersion.State.REJECTED
    assert AuditEntry.objects.get(action="rollout.rolled_back").detail["reason"] == rollout.reason
    assert rollout.new.name in rollout.reason and house.old.name in rollout.reason
    wait_until(lambda: f"house: {rollout.new.name}" not in house._engines(), 20)
    assert {house.ask(person)[0] for person in house.people} == {f"house: {house.old.name}"}


def test_a_version_that_fails_rolls_itself_back_and_nobody_is_left_without_an_answer(
    house: House, refusing: Provider
) -> None:
    refusing.script = [Reply(400, {"error": {"message": "no", "code": "bad"}})]
    rollout = house.rolls_out(house.version(refusing.url))
    reason = house.ask_until(rollout)
    assert "all failed" in reason or "(100 %)" in reason  # by its first answers, or where those were few by the rail
    assert set(house.asked) == {f"house: {house.old.name}"}  # it answered for the other one, too
    is_undone(rollout, house)


def test_a_version_that_is_slow_rolls_itself_back(house: House, new_double: ModelDouble) -> None:
    new_double.pause_s = 0.03
    rollout = house.rolls_out(house.version(new_double.url))
    assert "tokens a second (median)" in house.ask_until(rollout)
    is_undone(rollout, house)


def test_a_version_that_begins_late_rolls_itself_back(house: House, new_double: ModelDouble) -> None:
    new_double.first_after_s = 0.3
    rollout = house.rolls_out(house.version(new_double.url))
    assert "time to the first text" in house.ask_until(rollout)
    is_undone(rollout, house)


def test_a_version_that_is_down_rolls_itself_back_though_nobody_asks_it(house: House) -> None:
    rollout = house.rolls_out(house.version("http://127.0.0.1:9/v1"))
    reason = house.ask_until(rollout)
    assert "all failed" in reason or "(100 %)" in reason
    assert set(house.asked) == {f"house: {house.old.name}"}
    assert set(Outcome.objects.filter(version=rollout.new).values_list("code", flat=True)) == {"passed by"}
    is_undone(rollout, house)


def test_a_version_whose_people_give_up_waiting_rolls_itself_back(house: House, new_double: ModelDouble) -> None:
    """They press Stop before its first text: those answers did not fail, and were never there."""
    new_double.gate.clear()
    rollout = house.rolls_out(house.version(new_double.url))

    def stop_what_hangs(person: Client) -> str:
        with person.socket() as socket:
            turn = socket.ask(f"How many days of leave has number {next(house.questions)}?")["turn"]
            for _ in range(2000):
                frame = socket.next_of_turn()
                if frame["type"] == "writer" and rollout.new.name in frame["engine"]:
                    socket.send({"type": "stop", "turn": turn})
                if frame["type"] == "done":
                    return str(frame["status"])
        raise AssertionError("It did not end.")

    statuses = set()
    for number in range(MOST):
        statuses.add(stop_what_hangs(house.people[number % PEOPLE]))
        rollout.refresh_from_db()
        if rollout.state != Rollout.State.RUNNING:
            break
    assert statuses == {"complete", "stopped"}
    assert "longer than anybody waited" in rollout.reason
    new_double.gate.set()
    is_undone(rollout, house)


def test_a_version_that_answers_nonsense_rolls_itself_back_by_what_people_say(
    house: House, new_double: ModelDouble
) -> None:
    new = house.version(new_double.url)
    rollout = house.rolls_out(new)

    def complain(person: Client, engine: str, accepted: Frame) -> None:
        rate(person, accepted, "bad" if engine == f"house: {new.name}" else "good")

    assert "rated bad" in house.ask_until(rollout, complain)
    is_undone(rollout, house)


def test_a_good_version_is_promoted_and_each_person_stays_with_one_until_then(
    house: House, new_double: ModelDouble
) -> None:
    new = house.version(new_double.url)
    rollout = house.rolls_out(new)
    before = [house.ask(person)[0] for person in house.people]
    for _ in range(3):
        assert [house.ask(person)[0] for person in house.people] == before
    assert set(before) == {f"house: {house.old.name}", f"house: {new.name}"}
    wait_until(lambda: Outcome.objects.filter(rollout=rollout).count() == 4 * PEOPLE, 10)
    assert rollouts.watch() == 0
    rollouts.promote(house.route, by=None)
    wait_until(lambda: f"house: {house.old.name}" not in house._engines(), 20)
    assert {house.ask(person)[0] for person in house.people} == {f"house: {new.name}"}
    rollouts.roll_back(house.route, by=None, reason="Second thoughts.")
    wait_until(lambda: f"house: {new.name}" not in house._engines(), 20)
    assert {house.ask(person)[0] for person in house.people} == {f"house: {house.old.name}"}
