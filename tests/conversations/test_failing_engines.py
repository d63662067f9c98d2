"""A model service that is killed, hangs, is slow, sends garbage or has a full queue, while several people ask.

The service is a process of its own; behind it stands an endpoint that always answers.
"""

from __future__ import annotations

import re
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group

from chatapp.accounts.models import User
from chatapp.conversations.models import Message, Turn
from inference.models import Candidate, ModelVersion, Outcome, Route
from retrieval.models import Document, Passage
from tests.conversations.between import Between
from tests.conversations.model_double import WORDS, ModelDouble
from tests.conversations.model_process import TOKEN, ModelProcess, install
from tests.conversations.web import Client, Frame, Web, numbers_of, text_of
from tests.inference.reciting import slow
from tests.ingestion.fake_index import FakeIndex
from tests.tiny_gguf import quoting_model
from tests.waiting import wait_until

FIRST_S, BETWEEN_S = 3.0, 2.0  # timeouts of the engines
HELD_AT = 80  # pieces of text of 250: more than is held back until it was looked at
BACK_S = 15.0  # the breaker's five seconds, twice where a probe came too early
QUESTION, QUOTED = "What is said of staff?", "28 days of paid leave"
DOUBLE, ALL_WORDS = "api: double", "".join(WORDS)


# -- several people ----------------------------------------------------------------------------------------------------
@dataclass
class Asked:
    """A question on its way; frames are added as they come."""

    client: Client
    begun: float = field(default_factory=time.monotonic)
    accepted: Frame = field(default_factory=dict)
    frames: list[Frame] = field(default_factory=list)
    first_text_s: float = 0.0
    error: BaseException | None = None

    def run(self) -> None:
        try:
            with self.client.socket() as socket:
                self.accepted = socket.ask(QUESTION)
                while not self.frames or self.frames[-1]["type"] != "done":
                    self.frames.append(socket.receive(30))
                    if self.text and not self.first_text_s:
                        self.first_text_s = time.monotonic() - self.begun
        except BaseException as error:  # noqa: BLE001 - the test's thread raises it
            self.error = error

    @property
    def text(self) -> str:
        return text_of(list(self.frames))

    @property
    def writers(self) -> list[str]:
        return [str(one["engine"]) for one in self.message.written_by]

    @property
    def message(self) -> Message:
        return Message.objects.get(pk=self.accepted["answer"])

    @property
    def attempts(self) -> list[tuple[str, bool, str]]:
        """What was recorded of each engine; it comes about a second later."""
        rows = Outcome.objects.filter(turn=self.accepted["turn"])
        wait_until(lambda: rows.filter(failed=False).exclude(code="overtaken").exists(), 15)
        return list(rows.order_by("pk").values_list("engine", "failed", "code"))


class Crowd:
    def __init__(self, clients: Sequence[Client]) -> None:
        self.asked = [Asked(one) for one in clients]
        self._threads = [threading.Thread(target=one.run, daemon=True) for one in self.asked]
        for thread in self._threads:
            thread.start()

    def wait_until_written(self, people: int) -> None:
        """So many have seen text, and the answer of none of them is complete."""
        wait_until(lambda: sum(len(one.text) > 3 for one in self.asked) >= people, 60, every_s=0.002)

    def end(self) -> list[Asked]:
        for thread in self._threads:
            thread.join(60)
        for one in self.asked:
            if one.error is not None:
                raise one.error
            is_whole(one)
        return self.asked


def is_whole(asked: Asked) -> None:
    """Complete, and in the database exactly what was shown, by whom it was shown."""
    message, frames = asked.message, asked.frames
    assert (frames[-1]["status"], message.status, message.error) == ("complete", "complete", None)
    assert numbers_of(frames) == list(range(1, len(numbers_of(frames)) + 1))
    assert message.text == text_of(frames) and message.text.strip()
    assert message.written_by == _written_by(frames) and message.engine == message.written_by[-1]["engine"]
    assert not Turn.objects.filter(pk=asked.accepted["turn"], running=True).exists()


def _written_by(frames: Sequence[Frame]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for position, frame in enumerate(frames):
        if frame["type"] == "writer":
            begins = len(text_of(list(frames[:position])))
            found = [one for one in found if one["from"] < begins]
            found.append(
                {"engine": frame["engine"], "from": begins} | ({"note": frame["note"]} if frame["note"] else {})
            )
    return found


def is_continued(asked: Asked, double: ModelDouble) -> None:
    """The double was told what had been shown, and went on behind it."""
    shown = asked.text.removesuffix(ALL_WORDS)
    assert shown and asked.text == shown + ALL_WORDS and WORDS[0] not in shown
    assert asked.message.written_by[-1]["from"] == len(shown)
    assert any(call["messages"][-2] == {"role": "assistant", "content": shown} for call in double.calls)


# -- what is there -----------------------------------------------------------------------------------------------------
@dataclass
class House:
    web: Web
    people: list[Client]
    double: ModelDouble
    services: list[ModelProcess]

    def crowd(self, people: int = 5) -> Crowd:
        return Crowd(self.people[:people])

    def ask(self) -> Asked:
        return Crowd(self.people[:1]).end()[0]

    def comes_back(self, engine: str) -> None:
        """By itself: nothing but questions, which are answered by others until then."""
        begun = time.monotonic()
        while (asked := self.ask()).writers != [engine]:
            assert set(asked.writers) <= {engine, DOUBLE}, asked.writers
            assert time.monotonic() - begun < BACK_S, self.web.log.read_text()[-2000:]
            time.sleep(0.3)


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="fn-faults-") as path:
        yield Path(path)


@pytest.fixture(scope="module")
def slow_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return slow(tmp_path_factory.mktemp("slow") / "slow.gguf", width=256)


@pytest.fixture(scope="module")
def services(place: Path, django_db_setup: None) -> Iterator[list[ModelProcess]]:
    made = [ModelProcess(place, name) for name in ("one", "other")]
    yield made
    for one in made:
        one.end()


@pytest.fixture(autouse=True)
def started(services: list[ModelProcess], transactional_db: None) -> Iterator[None]:
    """No process outlasts its test: a model that it has in memory is not in the next one's registry."""
    yield
    for one in services:
        one.end()


@pytest.fixture(scope="module")
def between(services: list[ModelProcess]) -> Iterator[Between]:
    made = Between(services[0].socket)
    yield made
    made.stop()


WebAt = Callable[..., Web]


@pytest.fixture(scope="module")
def web_at(
    place: Path, index_double: FakeIndex, model_double: ModelDouble, django_db_setup: None, django_db_blocker: Any
) -> Iterator[WebAt]:
    made: dict[tuple[str, float], Web] = {}

    def at(*urls: str, first_s: float = FIRST_S, between_s: float = BETWEEN_S) -> Web:
        addresses = ",".join(urls)
        if (addresses, between_s) not in made:
            made[addresses, between_s] = Web(
                place,
                index_double.url,
                model_double.url,
                MODEL_SERVICE_URLS=addresses,
                CHATAPP_INTERNAL_TOKEN=TOKEN,
                CHATAPP_ANSWER_CACHE="0",
                CHATAPP_LINK_HOSTS="*",  # some of these models write no spaces, and a word is held for its end
                INFERENCE_FIRST_TOKEN_TIMEOUT=str(first_s),
                INFERENCE_BETWEEN_TOKENS_TIMEOUT=str(between_s),
                INFERENCE_ANSWER_TIMEOUT="40",
                INFERENCE_MAX_ANSWER_TOKENS="250",
            )
            made[addresses, between_s].start()
        return made[addresses, between_s]

    yield at
    for process in made.values():
        process.end()
        assert "Traceback" not in process.log.read_text(errors="replace")


@pytest.fixture
def house(
    web_at: WebAt, between: Between, services: list[ModelProcess], model: ModelDouble, handbook: Document
) -> House:
    """One service."""
    between.reset()
    return _house(web_at(between.url), services[:1], model, handbook)


@pytest.fixture
def patient(
    web_at: WebAt, between: Between, services: list[ModelProcess], model: ModelDouble, handbook: Document
) -> House:
    """One service, and no time runs out."""
    between.reset()
    return _house(web_at(between.url, first_s=20, between_s=20), services[:1], model, handbook)


@pytest.fixture
def two_copies(
    web_at: WebAt, between: Between, services: list[ModelProcess], model: ModelDouble, handbook: Document
) -> House:
    """The first one lies behind `between`. No time runs out: a busy machine is no fault of theirs."""
    between.reset()
    return _house(web_at(between.url, services[1].url, first_s=20, between_s=20), services, model, handbook)


def _house(web: Web, services: list[ModelProcess], model: ModelDouble, handbook: Document) -> House:
    staff = "Full-time staff have 28 days of paid leave in a calendar year."
    Passage.objects.filter(document=handbook, ordinal=0).update(text=staff)
    people = [User.objects.create_user(f"person{number}") for number in range(5)]
    for person in people:
        person.groups.set(Group.objects.all())
    return House(web, [Client(web, person) for person in people], model, services)


# -- one service, and an endpoint behind it ----------------------------------------------------------------------------
def test_a_service_that_is_killed_loses_no_answer_and_is_asked_again(
    patient: House, between: Between, slow_model: Path
) -> None:
    install(slow_model, "slow")
    patient.services[0].start()
    patient.comes_back("local: slow")
    between.hold_after = HELD_AT  # or a quick machine has written the whole answer before
    crowd = patient.crowd()
    crowd.wait_until_written(2)
    patient.services[0].end()
    between.hold_after = None
    asked = crowd.end()
    halves = [one for one in asked if len(one.writers) == 2]
    assert {tuple(one.writers) for one in asked} <= {("local: slow", DOUBLE), (DOUBLE,)}
    assert len(halves) >= 2, [one.attempts for one in asked]
    for one in halves:
        is_continued(one, patient.double)
        assert one.message.written_by[1]["note"] == "slow broke off."
        assert one.attempts == [("local: slow", True, "engine_unavailable"), (DOUBLE, False, "")]
    assert all(one.text == ALL_WORDS for one in asked if one.writers == [DOUBLE])
    assert patient.ask().writers == [DOUBLE]
    patient.services[0].start()
    patient.comes_back("local: slow")


def test_a_service_that_hangs_is_left_alone_and_asked_again_when_it_goes_on(
    house: House, between: Between, slow_model: Path
) -> None:
    install(slow_model, "slow")
    house.services[0].start()
    house.comes_back("local: slow")
    between.hold_after = HELD_AT
    crowd = house.crowd()
    crowd.wait_until_written(2)
    house.services[0].signal(signal.SIGSTOP)
    frozen = time.monotonic()
    asked = crowd.end()
    assert time.monotonic() - frozen < FIRST_S + BETWEEN_S + 5
    halves = [one for one in asked if len(one.writers) == 2]
    assert len(halves) >= 2
    for one in halves:
        is_continued(one, house.double)
        assert one.message.written_by[1]["note"] == "slow did not answer in time."
    left_alone = house.ask()
    assert left_alone.writers == [DOUBLE] and left_alone.first_text_s < 1.5, "nobody waits for it again"
    assert left_alone.attempts == [(DOUBLE, False, "")]
    time.sleep(max(0.0, frozen + BETWEEN_S + 5.5 - time.monotonic()))  # the breaker lets a question through
    tried = house.ask()
    assert tried.writers[-1] == DOUBLE and tried.first_text_s < FIRST_S + 2
    between.hold_after = None
    house.services[0].signal(signal.SIGCONT)
    house.comes_back("local: slow")


def test_a_service_that_is_slow_is_not_waited_for_beyond_its_time(house: House, between: Between) -> None:
    install(quoting_model(), "quoting")
    house.services[0].start()
    house.comes_back("local: quoting")
    between.slow_s = FIRST_S + 2
    asked = house.crowd().end()
    assert all(one.text == ALL_WORDS and one.writers == [DOUBLE] for one in asked)
    assert ("local: quoting", True, "engine_unavailable") in asked[0].attempts
    between.slow_s = 0.0
    house.comes_back("local: quoting")
    assert QUOTED in house.ask().text


def test_with_a_hedged_start_nobody_waits_for_a_slow_service(house: House, between: Between) -> None:
    install(quoting_model(), "quoting")
    house.services[0].start()
    route = Route.objects.create(name="hedged", default=True, hedge_after_ms=300)
    endpoint = ModelVersion.objects.create(name="second", kind="openai", base_url=house.double.url, model="double")
    for position, version in enumerate((ModelVersion.objects.get(name="quoting"), endpoint)):
        Candidate.objects.create(route=route, version=version, position=position)
    names = ["local: quoting", "house: second", "extractive"]
    wait_until(lambda: [e["name"] for e in house.people[0].get("/api/engines/").json()["engines"]] == names, 20)
    wait_until(lambda: house.ask().writers == names[:1], 20)
    between.slow_s = 2.0
    asked = house.crowd().end()
    assert all(one.text == ALL_WORDS and one.writers == ["house: second"] for one in asked), asked[0].writers
    assert min(one.first_text_s for one in asked) < 1.5
    assert asked[0].attempts[0] == ("local: quoting", False, "overtaken")
    between.slow_s = 0.0
    wait_until(lambda: _active(house.services[0]) == 0, 10)
    wait_until(lambda: house.ask().writers == names[:1], 20)


@pytest.mark.parametrize("after", [0, 2], ids=["from the first text on", "in the middle"])
def test_a_service_that_sends_garbage_is_left_alone(house: House, between: Between, after: int) -> None:
    install(quoting_model(), "quoting")
    house.services[0].start(INFERENCE_PROMPT_LOOKUP="0")
    house.comes_back("local: quoting")
    between.spoil_after = after
    asked = house.crowd().end()
    first = next(one for one in asked if len(one.attempts) > 1)
    assert first.attempts == [("local: quoting", True, "engine_unavailable"), (DOUBLE, False, "")]
    if after:
        is_continued(first, house.double)
        assert first.message.written_by[1]["note"] == "quoting sent something that is not an answer."
    assert all(one.text.endswith(ALL_WORDS) and "garbag" not in one.text for one in asked)
    between.spoil_after = None
    house.comes_back("local: quoting")
    assert QUOTED in house.ask().text


def test_a_service_with_a_full_queue_sends_the_others_on_and_stays_in_use(house: House, slow_model: Path) -> None:
    install(slow_model, "slow")
    house.services[0].start(INFERENCE_STREAMS="1", INFERENCE_WAITING="1")
    house.comes_back("local: slow")
    asked = house.crowd().end()
    sent_on = [one for one in asked if one.writers == [DOUBLE]]
    assert sent_on and any(one.writers == ["local: slow"] for one in asked)
    assert ("local: slow", True, "engine_busy") in sent_on[0].attempts
    assert house.ask().writers == ["local: slow"], "a full queue is no fault"


def _active(service: ModelProcess) -> int:
    found = re.findall(r"^footnote_model_active\{.*?\} (\d+)", service.get("/metrics").text, re.M)
    return sum(map(int, found))


# -- two copies --------------------------------------------------------------------------------------------------------
def _start(services: Sequence[ModelProcess], **environment: str) -> None:
    for one in services:
        one.launch(**environment)
    for one in services:
        wait_until(one.answers, 60)


def test_of_two_copies_one_dies_and_the_other_goes_on_with_its_answers(
    two_copies: House, between: Between, slow_model: Path
) -> None:
    install(slow_model, "slow")
    _start(two_copies.services, INFERENCE_STREAMS="8")  # one has room for all
    two_copies.comes_back("local: slow")
    between.hold_after = 2
    crowd = two_copies.crowd()
    crowd.wait_until_written(3)
    wait_until(lambda: between.held > 0, 10)  # both are asked
    two_copies.services[0].end()
    between.hold_after = None
    asked = crowd.end()
    moved = [one for one in asked if len(one.attempts) > 1]
    said = [(one.message.written_by, one.attempts) for one in asked]
    assert moved and all(set(one.writers) == {"local: slow"} for one in asked), said
    assert not two_copies.double.calls
    for one in moved:
        assert one.attempts == [("local: slow", True, "engine_unavailable"), ("local: slow", False, "")]
    between.questions = 0
    assert all(one.writers == ["local: slow"] for one in two_copies.crowd(4).end()) and not between.questions
    two_copies.services[0].start(INFERENCE_STREAMS="8")
    wait_until(lambda: two_copies.ask().writers == ["local: slow"] and between.questions > 0, BACK_S)
    assert not two_copies.double.calls


def test_of_two_copies_the_quick_one_gets_most_questions(two_copies: House, between: Between) -> None:
    install(quoting_model(), "quoting")
    _start(two_copies.services)
    two_copies.comes_back("local: quoting")
    between.slow_s = 0.5
    for _ in range(2):
        two_copies.crowd(2).end()  # it learns
    between.questions = 0
    for _ in range(6):
        assert all(one.writers == ["local: quoting"] for one in two_copies.crowd(4).end())
    assert between.questions <= 24 / 3, f"{between.questions} of 24 questions went to the slow copy"
