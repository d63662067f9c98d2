"""A new version takes a share of the people, is compared, and is promoted or rolled back."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import uuid
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from chatapp.governance.models import AuditEntry
from inference import outcomes, registry, rollouts
from inference.engine import Usage
from inference.models import Candidate, ModelVersion, Outcome, Rollout, Route
from inference.rollouts import watching
from inference.rollouts.chance import larger_by_chance, shares_differ_by_chance
from inference.rollouts.figures import Figures, Outright, Series
from inference.rollouts.judging import compare
from inference.routing import page
from inference.routing.attempt import Attempted
from tests.conftest import Cast
from tests.database import database_url

Version = Callable[..., ModelVersion]
ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def version(transactional_db: None, tmp_path: Path) -> Version:
    def make(name: str, **fields: Any) -> ModelVersion:
        path = tmp_path / f"{name}.gguf"
        path.touch()
        return ModelVersion.objects.create(name=name, **{"path": str(path), **fields})

    return make


@pytest.fixture
def old(version: Version) -> ModelVersion:
    return version("old", default=True)


@pytest.fixture
def new(version: Version) -> ModelVersion:
    return version("new")


@pytest.fixture
def rollout(old: ModelVersion, new: ModelVersion) -> Rollout:
    return rollouts.start(route=rollouts.default_route(), new=new, share=50, by=None)


def answers(rollout: Rollout, version: ModelVersion, count: int, **values: Any) -> list[uuid.UUID]:
    """Reported as the router does; the n-th value of a list is the n-th answer's."""
    turns = [uuid.uuid4() for _ in range(count)]

    def value(name: str, number: int, otherwise: Any) -> Any:
        given = values.get(name, otherwise)
        return given[number % len(given)] if isinstance(given, list) else given

    outcomes.record(
        Attempted(
            turn_id=str(turn),
            route=rollout.route.name,
            engine=f"local: {version}",
            version=version.pk,
            rollout=rollout.pk,
            failed=value("failed", number, False),
            code=value("code", number, ""),
            first_token_ms=value("first", number, [180, 200, 230, 260]),
            writing_ms=value("writing", number, [3000, 3200, 3400]),
            usage=Usage(prompt_tokens=1000, completion_tokens=100),
            asker=value("asker", number, f"person {number}"),
        )
        for number, turn in enumerate(turns)
    )
    return turns


@pytest.fixture(autouse=True)
def nobody_looked_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "BETWEEN_S", 1e9)
    monkeypatch.setattr(watching, "_looked_at", watching.monotonic())


def reason_of(rollout: Rollout) -> str:
    rollout.refresh_from_db()
    assert rollout.state == Rollout.State.ROLLED_BACK, [rail for rail in rollouts.judge(rollout).rails]
    return rollout.reason


def still_running(rollout: Rollout) -> bool:
    rollouts.watch()
    rollout.refresh_from_db()
    return rollout.state == Rollout.State.RUNNING


# -- guard rails -------------------------------------------------------------------------------------------------------


def test_a_version_that_fails_more_often_is_rolled_back_with_both_figures(
    rollout: Rollout, old: ModelVersion, new: ModelVersion
) -> None:
    answers(rollout, old, 60)
    answers(rollout, new, 40, failed=[True, False, False, False])
    assert rollouts.watch() == 1
    reason = reason_of(rollout)
    assert "new failed in 8 of 30 (27 %) answers" in reason and "old in 0 of 60 (0 %)" in reason
    assert ModelVersion.objects.get(name="new").state == ModelVersion.State.REJECTED
    assert ModelVersion.objects.get(default=True) == old
    entry = AuditEntry.objects.get(action="rollout.rolled_back")
    assert entry.detail["reason"] == reason and entry.actor_name == ""


def test_a_version_that_begins_late_is_rolled_back(rollout: Rollout, old: ModelVersion, new: ModelVersion) -> None:
    answers(rollout, old, 40)
    answers(rollout, new, 40, first=[600, 500, 300, 900])
    assert rollouts.watch() == 1
    assert "is 550 ms, that of old 215 ms" in reason_of(rollout)


@pytest.mark.parametrize("code", ["overtaken", "stopped"])
def test_a_version_that_nobody_waits_for_is_late(
    rollout: Rollout, old: ModelVersion, new: ModelVersion, code: str
) -> None:
    answers(rollout, old, 40)
    answers(rollout, new, 40, first=[None, None, 240], code=[code, code, ""])
    assert rollouts.watch() == 1
    assert "is longer than anybody waited" in reason_of(rollout)


def test_what_is_stopped_after_its_first_text_was_not_late(
    rollout: Rollout, old: ModelVersion, new: ModelVersion
) -> None:
    answers(rollout, old, 40)
    answers(rollout, new, 40, code="stopped")
    assert still_running(rollout)


def test_a_version_that_writes_slowly_is_rolled_back(rollout: Rollout, old: ModelVersion, new: ModelVersion) -> None:
    answers(rollout, old, 40)
    answers(rollout, new, 40, writing=[9000, 10_000])
    assert rollouts.watch() == 1
    assert "new writes 10.4 tokens a second (median), old 30.9" in reason_of(rollout)


def test_a_version_that_answers_nonsense_is_rolled_back_by_its_ratings(
    rollout: Rollout, old: ModelVersion, new: ModelVersion
) -> None:
    for turn in answers(rollout, old, 30)[:12]:
        outcomes.rate(turn, 1)
    rated = answers(rollout, new, 30)
    for turn in rated[:9]:
        outcomes.rate(turn, -1)
    assert still_running(rollout)
    outcomes.rate(rated[9], -1)
    assert rollouts.watch() == 1
    assert "10 of 10 (100 %) were rated bad, of those of old 0 of 12 (0 %)" in reason_of(rollout)


def test_a_rating_that_is_taken_back_does_not_count(rollout: Rollout, old: ModelVersion, new: ModelVersion) -> None:
    for version in (old, new):
        for turn in answers(rollout, version, 30):
            outcomes.rate(turn, -1 if version is new else 1)
    for turn in Outcome.objects.filter(version=new).values_list("turn", flat=True)[:25]:
        assert turn is not None
        outcomes.rate(turn, None)
    assert still_running(rollout)


def test_a_version_that_is_as_good_goes_on(rollout: Rollout, old: ModelVersion, new: ModelVersion) -> None:
    for version in (old, new):
        for number, turn in enumerate(answers(rollout, version, 200, failed=[False] * 30 + [True])):
            outcomes.rate(turn, -1 if number % 4 == 0 else 1)
    assert still_running(rollout)
    assert {rail.state for rail in rollouts.judge(rollout).rails} == {"holds"}


@pytest.mark.parametrize("code", ["question_refused", "context_too_long"])
def test_questions_of_people_who_are_not_known_count_as_one_when_they_are_refused(
    code: str, rollout: Rollout, old: ModelVersion, new: ModelVersion
) -> None:
    answers(rollout, old, 60)
    answers(rollout, new, 40, failed=True, code=code, asker="")
    assert still_running(rollout)


@pytest.mark.parametrize(("people", "goes_on"), [(1, True), (4, True), (8, False)])
def test_refusals_count_once_for_each_person(
    people: int, goes_on: bool, rollout: Rollout, old: ModelVersion, new: ModelVersion
) -> None:
    answers(rollout, old, 60)
    askers = [f"person {number}" for number in range(people)]
    answers(rollout, new, 40, failed=True, code="question_refused", asker=askers)
    assert still_running(rollout) == goes_on


@pytest.mark.parametrize(("people", "goes_on"), [(1, True), (8, True), (40, False)])
def test_stops_before_the_first_text_count_once_for_each_person(
    people: int, goes_on: bool, rollout: Rollout, old: ModelVersion, new: ModelVersion
) -> None:
    answers(rollout, old, 60)
    answers(rollout, new, 25)
    askers = [f"impatient {number}" for number in range(people)]
    answers(rollout, new, 40, code="stopped", first=None, writing=0, asker=askers)
    assert still_running(rollout) == goes_on


def test_stops_keep_no_version_alive_that_never_answers(rollout: Rollout, old: ModelVersion, new: ModelVersion) -> None:
    answers(rollout, old, 9)
    answers(rollout, new, 4, failed=True)
    answers(rollout, new, 1, code="stopped", first=None, writing=0)
    assert still_running(rollout)
    answers(rollout, new, 1, failed=True)
    assert not still_running(rollout)
    assert "The first 5 answers of new all failed" in reason_of(rollout)


@pytest.mark.parametrize("asker", ["one and the same", ""], ids=["one person", "nobody knows who"])
def test_the_ratings_of_one_person_count_once(
    asker: str, rollout: Rollout, old: ModelVersion, new: ModelVersion
) -> None:
    for number, rated in enumerate(answers(rollout, old, 40) + answers(rollout, new, 40, asker=asker)):
        outcomes.rate(rated, 1 if number < 40 else -1)
    assert still_running(rollout)


def test_what_stands_for_a_person_is_no_name_and_another_one_for_each_version(
    rollout: Rollout, old: ModelVersion, new: ModelVersion
) -> None:
    for version in (old, new):
        answers(rollout, version, 2, asker="ada")
    people = Outcome.objects.values_list("version", "person").distinct()
    assert len(people) == len({person for _, person in people}) == 2 and None not in {person for _, person in people}


def test_too_few_answers_are_no_verdict(rollout: Rollout, old: ModelVersion, new: ModelVersion) -> None:
    answers(rollout, old, 29)
    answers(rollout, new, 5, failed=[True, False, False, False, False])
    assert still_running(rollout)
    answers(rollout, new, 24, first=[5000], writing=[60_000])
    assert still_running(rollout)  # 29 of each, and one of them failed: two more that begin decide
    answers(rollout, old, 1)
    answers(rollout, new, 2)
    assert not still_running(rollout)


def test_a_version_that_fails_from_the_start_is_not_waited_for(
    rollout: Rollout, old: ModelVersion, new: ModelVersion
) -> None:
    answers(rollout, old, 9)
    answers(rollout, new, 4, failed=True)
    assert still_running(rollout)
    answers(rollout, new, 1, failed=True)
    assert rollouts.watch() == 1
    assert "The first 5 answers of new all failed; old wrote 9 of 9" in reason_of(rollout)


def test_a_version_that_breaks_later_is_not_waited_for(rollout: Rollout, old: ModelVersion, new: ModelVersion) -> None:
    """Long before the next look, and measured on what the current one did since then."""
    answers(rollout, old, 70)
    answers(rollout, new, 70)
    answers(rollout, old, 10)
    answers(rollout, new, 14, failed=True)
    assert still_running(rollout)
    answers(rollout, new, 1, failed=True)
    assert rollouts.watch() == 1
    assert "The newest 15 answers of new all failed; old wrote 10 of 10" in reason_of(rollout)


def test_failures_say_nothing_while_nobody_knows_whether_the_current_version_answers(
    rollout: Rollout, new: ModelVersion
) -> None:
    answers(rollout, new, 25, failed=True)
    assert still_running(rollout)


def test_where_the_new_one_takes_everybody_the_answers_in_its_place_are_the_comparison(
    rollout: Rollout, old: ModelVersion, new: ModelVersion
) -> None:
    answers(rollout, new, 8, failed=True)
    assert still_running(rollout)
    outcomes.record(Attempted(str(uuid.uuid4()), "footnote", "local: old", old.pk, None, False, "", 200, 3000)
                    for _ in range(8))  # fmt: skip
    assert rollouts.watch() == 1
    assert "old wrote 8 of 8" in reason_of(rollout)


def test_an_outage_of_both_is_not_blamed_on_the_new_one(rollout: Rollout, old: ModelVersion, new: ModelVersion) -> None:
    answers(rollout, old, 8, failed=True)
    answers(rollout, new, 8, failed=True)
    assert still_running(rollout)


def test_answers_of_another_time_do_not_count(old: ModelVersion, new: ModelVersion) -> None:
    route = rollouts.default_route()
    earlier = rollouts.start(route=route, new=new, by=None)
    answers(earlier, old, 50)
    answers(earlier, new, 50, failed=True)
    rollouts.roll_back(route, by=None, reason="Wrong settings.")
    again = rollouts.start(route=route, new=new, by=None)
    answers(again, old, 50)
    assert still_running(again)


def test_outcomes_alone_make_a_bad_version_roll_itself_back(
    rollout: Rollout, old: ModelVersion, new: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "BETWEEN_S", 0.0)  # no worker runs
    answers(rollout, old, 10)
    answers(rollout, new, 5, failed=True)
    assert "first 5" in reason_of(rollout)


@pytest.mark.parametrize("seed", range(3))
def test_chance_undoes_hardly_more_than_one_of_a_hundred_roll_outs_of_equal_versions(seed: int) -> None:
    """With limits that allow no difference at all, so that nothing but the tests of chance stands between.

    At the rate that is promised, 1 of 100, more than 20 of 1,000 come in one of 600 tries.
    """
    chance = random.Random(seed)
    plan = Rollout(current=ModelVersion(name="old"), new=ModelVersion(name="new"), least_answers=10, least_ratings=5,
                   most_failures_more=0, most_first_token_ratio=1.0, least_speed_ratio=1.0,
                   most_bad_ratings_more=0)  # fmt: skip
    undone = sum(
        bool(compare(plan, _equal(chance, 160), _equal(chance, 160), Outright(0, 160, 0)).reason) for _ in range(1000)
    )
    assert undone <= 20


def test_a_look_gives_the_same_however_often_and_late_it_is_taken() -> None:
    """Between two looks nothing is judged, and what came after the first look does not change it."""
    plan = Rollout(current=ModelVersion(name="old"), new=ModelVersion(name="new"), least_answers=10)
    good, bad = _series([0.0] * 39), _series([0.0] * 10 + [1.0] * 29)
    states = [
        compare(plan, _failing(good[:count]), _failing(bad[:count]), Outright(0, 0, 0)).rails[0].state
        for count in (9, 10, 19, 20, 39)
    ]
    assert states == ["waiting", "holds", "holds", "broken", "broken"]
    later = _series([1.0] * 10 + [0.0] * 29)
    assert compare(plan, _failing(good), _failing(later), Outright(0, 0, 0)).rails[0].state == "broken"


def _series(values: list[float]) -> Series:
    return tuple(enumerate(values))


def _failing(series: Series) -> Figures:
    return Figures(series, (), (), ())


def _equal(chance: random.Random, count: int) -> Figures:
    return Figures(
        _series([float(chance.random() < 0.2) for _ in range(count)]),
        _series([chance.lognormvariate(5.5, 0.6) for _ in range(count)]),
        _series([chance.gauss(30, 6) for _ in range(count)]),
        _series([float(chance.random() < 0.3) for _ in range(count // 2)]),
    )


def test_the_tests_of_chance_know_the_textbook() -> None:
    assert shares_differ_by_chance(3, 4, 1, 4) == pytest.approx(17 / 70)  # the lady who tastes tea
    assert shares_differ_by_chance(5, 5, 0, 5) == pytest.approx(1 / 252)
    assert shares_differ_by_chance(0, 9, 4, 9) == pytest.approx(1.0)
    assert shares_differ_by_chance(1, 0, 0, 5) == 1.0
    assert larger_by_chance([2.0] * 9, [2.0] * 9) == pytest.approx(1.0)
    ahead = [19.0, 22.0, 16.0, 29.0, 24.0]  # with [20, 11, 17, 12]: U = 17, z = (17 - 10 - 0.5) / sqrt(16.67)
    assert larger_by_chance(ahead, [20.0, 11.0, 17.0, 12.0]) == pytest.approx(0.0557, abs=0.001)
    assert larger_by_chance([20.0, 11.0, 17.0, 12.0], ahead) > 0.9


# -- beginning, promoting, going back ----------------------------------------------------------------------------------


def test_a_promoted_version_becomes_the_default_and_can_be_taken_back(
    cast: Cast, rollout: Rollout, old: ModelVersion, new: ModelVersion
) -> None:
    rollouts.promote(rollout.route, by=cast.administrator)
    assert ModelVersion.objects.get(default=True) == new
    assert set(ModelVersion.objects.values_list("state", flat=True)) == {"ready"}
    rollouts.roll_back(rollout.route, by=cast.administrator, reason="People complain.")
    assert ModelVersion.objects.get(default=True) == old
    assert reason_of(rollout) == "People complain."
    trail = [(entry.action, entry.actor_name) for entry in AuditEntry.objects.order_by("pk")]
    trail = [line for line in trail if line[0].startswith("rollout.")]
    assert trail == [
        ("rollout.started", ""), ("rollout.promoted", "administrator"), ("rollout.rolled_back", "administrator")
    ]  # fmt: skip
    with pytest.raises(rollouts.NoRollout):
        rollouts.roll_back(rollout.route, by=None, reason="Twice.")


def test_on_a_route_with_candidates_every_place_changes_hands(version: Version, old: ModelVersion) -> None:
    new, other = version("new"), version("other")
    route = Route.objects.create(name="long")
    for position, one in ((1, old), (2, other), (3, old)):
        Candidate.objects.create(route=route, version=one, position=position)
    rollouts.start(route=route, new=new, by=None)
    rollouts.promote(route, by=None)
    assert [str(place.version) for place in route.candidates.all()] == ["new", "other", "new"]
    assert ModelVersion.objects.get(default=True) == old
    rollouts.roll_back(route, by=None, reason="")
    assert [str(place.version) for place in route.candidates.all()] == ["old", "other", "old"]


@pytest.fixture
def on_a_route(version: Version, old: ModelVersion) -> tuple[Route, ModelVersion]:
    """`old` stands there, and the other is tried in its place."""
    route, new = rollouts.default_route(), version("new")
    Candidate.objects.create(route=route, version=old, position=1)
    rollouts.start(route=route, new=new, by=None)
    return route, new


def first_on(route: Route) -> ModelVersion:
    return route.candidates.select_related("version")[0].version


def test_what_was_put_first_meanwhile_stays_first_when_it_is_promoted(
    on_a_route: tuple[Route, ModelVersion], old: ModelVersion
) -> None:
    route, new = on_a_route
    page.put_first(new, by=None)
    rollouts.promote(route, by=None)
    assert first_on(route) == new
    rollouts.roll_back(route, by=None, reason="Worse.")
    assert first_on(route) == old and not route.candidates.filter(version=new).exists()


def test_what_was_put_first_again_stays_first_when_the_promotion_is_taken_back(
    on_a_route: tuple[Route, ModelVersion], old: ModelVersion
) -> None:
    route, new = on_a_route
    rollouts.promote(route, by=None)
    page.put_first(old, by=None)
    rollouts.roll_back(route, by=None, reason="Worse.")
    assert first_on(route) == old and not route.candidates.filter(version=new).exists()


def test_a_place_with_conditions_before_the_current_version_stays_where_it_is(
    version: Version, old: ModelVersion
) -> None:
    route, new = rollouts.default_route(), version("new")
    Candidate.objects.create(route=route, version=new, position=1, languages=["de"])
    Candidate.objects.create(route=route, version=old, position=2)
    rollouts.start(route=route, new=new, by=None, current=old)
    rollouts.promote(route, by=None)
    assert [(one.version, one.languages) for one in route.candidates.select_related("version")] == [
        (new, ["de"]), (new, [])
    ]  # fmt: skip


def test_where_the_current_version_was_taken_off_the_route_nothing_is_promoted(
    on_a_route: tuple[Route, ModelVersion], version: Version, old: ModelVersion
) -> None:
    route, new = on_a_route
    Candidate.objects.create(route=route, version=new, position=2)
    route.candidates.filter(version=old).delete()
    with pytest.raises(rollouts.RolloutRefused, match="does not answer on"):
        rollouts.promote(route, by=None)
    assert first_on(route) == new and Rollout.objects.get().state == Rollout.State.RUNNING


def test_a_place_with_conditions_is_not_exchanged_unseen(
    on_a_route: tuple[Route, ModelVersion], old: ModelVersion
) -> None:
    route, new = on_a_route
    Candidate.objects.create(route=route, version=new, position=2, sensitivity="free")
    with pytest.raises(rollouts.RolloutRefused, match="has a place"):
        rollouts.promote(route, by=None)
    assert first_on(route) == old and Rollout.objects.get().state == Rollout.State.RUNNING


def test_a_promotion_is_not_taken_back_after_the_route_was_changed(
    rollout: Rollout, version: Version, new: ModelVersion
) -> None:
    rollouts.promote(rollout, by=None)
    registry.set_default(version("third").name)
    with pytest.raises(rollouts.NoRollout, match="no longer uses new"):
        rollouts.roll_back(rollout.route, by=None, reason="")


def test_a_roll_out_that_guard_rails_ended_cannot_be_promoted(
    rollout: Rollout, old: ModelVersion, new: ModelVersion
) -> None:
    answers(rollout, old, 10)
    answers(rollout, new, 5, failed=True)
    rollouts.watch()
    with pytest.raises(rollouts.NoRollout):
        rollouts.promote(rollout.route, by=None)
    with pytest.raises(rollouts.RolloutRefused, match="rejected"):
        rollouts.start(route=rollout.route, new=new, by=None)


def refusal(route: Route, new: ModelVersion, **values: Any) -> str:
    with pytest.raises(rollouts.RolloutRefused) as refused:
        rollouts.start(route=route, new=new, by=None, **values)
    assert not Rollout.objects.filter(state="running").exists()
    return f"{refused.value.user_message} {refused.value.advice}"


def test_only_a_version_that_can_serve_there_is_rolled_out(version: Version, old: ModelVersion) -> None:
    route = rollouts.default_route()
    assert "answers there already" in refusal(route, old)
    assert "is retired" in refusal(route, version("aged", state="retired"))
    assert "reads 512 tokens" in refusal(route, version("short", context_tokens=512))
    gone = version("gone")
    Path(gone.path).unlink()
    assert "file of gone is gone" in refusal(route, gone)
    endpoint = {"kind": "openai", "path": "", "base_url": "https://api.example.com/v1"}
    assert "no candidates" in refusal(route, version("endpoint", **endpoint))
    good = version("good")
    assert "share" in refusal(route, good, share=0) and "least_answers" in refusal(route, good, least_answers=1)
    Candidate.objects.create(route=route, version=old, position=1)
    cloud = version("cloud", outside=True, **endpoint)
    assert "would leave the house" in refusal(route, cloud) and "Confirm" in refusal(route, cloud)
    beside = Candidate.objects.create(route=route, version=good, position=1)
    assert "has a place" in refusal(route, good, current=old)
    beside.delete()
    assert "does not answer on" in refusal(route, cloud, current=version("elsewhere"), leaves_the_house=True)
    assert rollouts.start(route=route, new=cloud, by=None, leaves_the_house=True).current == old
    with pytest.raises(rollouts.RolloutRefused, match="has a roll-out already"):
        rollouts.start(route=route, new=version("next"), by=None)


def test_where_versions_share_a_place_the_one_to_replace_is_named(version: Version, old: ModelVersion) -> None:
    route, other, new = rollouts.default_route(), version("other"), version("new")
    for one in (old, other):
        Candidate.objects.create(route=route, version=one, position=1)
    assert "Say which one" in refusal(route, new)
    assert rollouts.start(route=route, new=new, current=other, by=None).current == other


# -- processes that judge together, and one that dies ------------------------------------------------------------------


def process(code: str) -> subprocess.Popen[bytes]:
    setup = "import django, os, signal; django.setup(); from inference import rollouts, seams; "
    setup += "from inference.models import Route; "
    environment = os.environ | {"DATABASE_URL": database_url(), "DJANGO_SETTINGS_MODULE": "chatapp.settings"}
    return subprocess.Popen([sys.executable, "-c", setup + code], cwd=ROOT, env=environment)


def test_several_processes_that_judge_at_once_roll_back_once(
    rollout: Rollout, old: ModelVersion, new: ModelVersion
) -> None:
    answers(rollout, old, 10)
    answers(rollout, new, 5, failed=True)
    judges = [process("exit(rollouts.watch())") for _ in range(3)]
    assert sorted(judge.wait(60) for judge in judges) == [0, 0, 1]
    assert AuditEntry.objects.filter(action="rollout.rolled_back").count() == 1
    assert "first 5" in reason_of(rollout)


@pytest.mark.parametrize("call", ["promote(route, by=None)", "roll_back(route, by=None, reason='x')"])
def test_a_process_that_is_killed_in_the_middle_changes_nothing(
    rollout: Rollout, old: ModelVersion, new: ModelVersion, call: str
) -> None:
    die = "seams.journal.connect(lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)); "
    assert process(f"{die} route = Route.objects.get(); rollouts.{call}").wait(60) == -9
    rollout.refresh_from_db()
    assert rollout.state == Rollout.State.RUNNING and ModelVersion.objects.get(default=True) == old
    assert rollouts.promote(rollout, by=None).state == Rollout.State.PROMOTED


# -- outcomes ----------------------------------------------------------------------------------------------------------


def test_spending_is_counted_by_the_month_and_by_the_prices(rollout: Rollout, new: ModelVersion) -> None:
    new.price_prompt, new.price_completion = Decimal("2.5"), Decimal(10)
    new.save()
    answers(rollout, new, 4)
    assert outcomes.spent_this_month([new.pk, rollout.current_id]) == {
        new.pk: 4 * (Decimal("0.0025") + Decimal("0.001")),
        rollout.current_id: 0,
    }
    last_month = timezone.now().replace(day=1, hour=0, minute=0, second=0) - timedelta(seconds=1)
    Outcome.objects.update(at=last_month)
    assert outcomes.spent_this_month([new.pk]) == {new.pk: 0}


def test_what_nobody_counted_is_charged_by_estimate_and_stays_out_of_the_figures(new: ModelVersion) -> None:
    new.price_prompt, new.price_completion = Decimal(1000), Decimal(3000)
    new.save()
    one = Attempted(str(uuid.uuid4()), "r", "e", new.pk, None, False, "stopped", 100, 500, estimated=Usage(100, 50))
    outcomes.record([one])
    row = Outcome.objects.get()
    assert outcomes.spent_this_month([new.pk]) == {new.pk: Decimal("0.25")}
    assert (row.prompt_tokens, row.completion_tokens) == (0, 0)


def test_what_is_odd_or_gone_is_recorded_all_the_same(rollout: Rollout, new: ModelVersion) -> None:
    unknown = Attempted("chatcmpl-1", "r" * 99, "e" * 999, uuid.uuid4(), uuid.uuid4(), True, "c" * 99, 2**40, -5)
    assert outcomes.record([unknown]) == 1
    row = Outcome.objects.get()
    assert (row.turn, row.version, row.rollout, row.first_token_ms, row.writing_ms) == (None, None, None, 2**31 - 1, 0)


def test_outcomes_older_than_forty_days_are_forgotten(rollout: Rollout, new: ModelVersion) -> None:
    answers(rollout, new, 3)
    old = Outcome.objects.first()
    assert old is not None
    Outcome.objects.filter(pk=old.pk).update(at=timezone.now() - outcomes.KEPT - timedelta(minutes=1))
    assert outcomes.forget_old() == 1
    assert Outcome.objects.count() == 2


# -- commands ----------------------------------------------------------------------------------------------------------


def command(*words: str) -> Any:
    said = StringIO()
    call_command("models", *words, "--json", stdout=said)
    return json.loads(said.getvalue())


def test_commands_start_promote_and_take_back(old: ModelVersion, new: ModelVersion) -> None:
    started = command("canary", "new", "--share", "25", "--least-answers", "50", "--least-speed-ratio", "0.5")
    rollout = Rollout.objects.get()
    assert started == {
        "route": "footnote",
        "current": "old",
        "new": "new",
        "state": "running",
        "reason": "",
        "share": 25,
    }
    assert (rollout.least_answers, rollout.least_speed_ratio, rollout.least_ratings) == (50, 0.5, 10)
    assert command("promote")["state"] == "promoted"
    assert command("rollback", "--reason", "Too short.")["reason"] == "Too short."
    assert ModelVersion.objects.get(default=True) == old
    assert AuditEntry.objects.get(action="rollout.rolled_back").detail["reason"] == "Too short."


def test_commands_say_what_cannot_be(old: ModelVersion, new: ModelVersion) -> None:
    for words, sentence in (
        (("promote",), "no roll-out on this route"),
        (("rollback", "--route", "elsewhere"), "no route named 'elsewhere'"),
        (("canary", "nobody"), "no model of that name"),
        (("canary", "old"), "answers there already"),
        (("canary", "new", "--share", "0"), "share"),
        (("canary", "new", "--most-first-token-ratio", "nan"), "most_first_token_ratio"),
    ):
        with pytest.raises(CommandError, match=sentence):
            command(*words)
    assert not Rollout.objects.exists()
