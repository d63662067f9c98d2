"""Routes as administrators set them: read from Postgres, in force within seconds, explained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from django.contrib.auth.models import Group
from django.db import OperationalError

from chatapp.database import in_database
from inference.config import InferenceConfig
from inference.engine import ChatMessage, Generation, Writer
from inference.models import Candidate, ModelVersion, Outcome, Rollout, Route
from inference.routing import stored
from inference.routing.describing import answering
from inference.routing.pool import EnginePool
from inference.routing.router import Router
from inference.routing.selection import line_up
from inference.routing.stored import StoredRoutes, load

ASKED = Generation("turn", "How many days of leave do I have?", (ChatMessage("user", "How many?"),), asker="alice")
Versions = Callable[..., ModelVersion]


async def _embed(texts: Sequence[str]) -> np.ndarray:
    return np.ones((len(texts), 1), dtype=np.float32)


@pytest.fixture
def pool(tmp_path: Path) -> EnginePool:
    """One copy of the model service, and an endpoint of the settings: nobody is behind either."""
    keys = {"INFERENCE_KEY_ONE": "sesame"}
    config = InferenceConfig((f"unix://{tmp_path}/none.sock",), "token", tmp_path, api_base_url="http://127.0.0.1:9/v1",
                             api_model="big", keys=keys)  # fmt: skip
    return EnginePool(config, _embed)


@pytest.fixture
def version(transactional_db: None, tmp_path: Path) -> Versions:
    def make(name: str, **values: object) -> ModelVersion:
        endpoint = {"kind": "openai", "base_url": "http://127.0.0.1:9/v1", "model": "m", "outside": True}
        return ModelVersion.objects.create(name=name, **{**endpoint, **values})

    return make


def line(pool: EnginePool, asked: Generation = ASKED, route: str = "") -> list[str]:
    """Who would be asked, and '-' before those whose conditions do not hold."""
    plan = load(pool).plan(route)
    assert plan is not None
    return [("-" if place.passed_by else "") + place.candidate.name for place in line_up(plan, asked)]


@pytest.mark.django_db
def test_without_rows_the_default_model_stands_before_the_endpoint_of_the_settings(
    pool: EnginePool, tmp_path: Path
) -> None:
    assert line(pool) == ["default", "api: big"]
    path = tmp_path / "qwen.gguf"
    path.touch()
    ModelVersion.objects.create(name="qwen", path=str(path), default=True)
    assert line(pool) == ["qwen", "api: big"]
    assert [one.name for one in load(pool).engines()] == ["local: qwen", "api: big", "extractive"]


def test_candidates_are_asked_in_their_positions(pool: EnginePool, version: Versions) -> None:
    route = Route.objects.create(name="footnote", default=True)
    for position, name in ((3, "third"), (1, "first"), (2, "second")):
        Candidate.objects.create(route=route, version=version(name), position=position)
    assert line(pool) == ["first", "second", "third"]


@pytest.mark.parametrize(
    ("condition", "holds", "fails"),
    [
        ({"tasks": ["talk"]}, {"task": "talk"}, {"task": "answer"}),
        ({"least_characters": 10}, {"question": "x" * 10}, {"question": "x" * 9}),
        ({"most_characters": 10}, {"question": "x" * 10}, {"question": "x" * 11}),
        ({"languages": ["de"]}, {"question": "Wie viele Tage Urlaub habe ich?"}, {"question": ASKED.question}),
        ({"languages": ["en", "fr"]}, {}, {"question": "Wie viele Tage Urlaub habe ich?"}),
        ({"sensitivity": "free"}, {"in_house": False}, {"in_house": True}),
        ({"sensitivity": "in_house"}, {"in_house": True}, {"in_house": False}),
    ],
)
def test_a_condition_decides_whether_a_candidate_is_asked(
    pool: EnginePool,
    version: Versions,
    condition: dict[str, object],
    holds: dict[str, object],
    fails: dict[str, object],
) -> None:
    route = Route.objects.create(name="footnote", default=True)
    Candidate.objects.create(route=route, version=version("one"), **condition)
    assert line(pool, replace(ASKED, **holds)) == ["one"]  # type: ignore[arg-type]
    assert line(pool, replace(ASKED, **fails)) == ["-one"]  # type: ignore[arg-type]


def test_a_candidate_for_groups_is_asked_by_their_people_alone(pool: EnginePool, version: Versions) -> None:
    legal = Group.objects.create(name="legal")
    route = Route.objects.create(name="footnote", default=True)
    Candidate.objects.create(route=route, version=version("one")).groups.add(legal)
    assert line(pool, replace(ASKED, groups=frozenset({legal.pk}))) == ["one"]
    assert line(pool) == ["-one"]


@pytest.mark.parametrize(
    ("least", "spent", "asked"), [(0, "9.99", True), (0, "10", False), (50, "4", True), (50, "6", False)]
)
def test_a_budget_that_is_used_up_closes_a_candidate(
    pool: EnginePool, version: Versions, least: int, spent: str, asked: bool
) -> None:
    one = version("one", monthly_budget=Decimal(10))
    route = Route.objects.create(name="footnote", default=True)
    Candidate.objects.create(route=route, version=one, least_budget_percent=least)
    Outcome.objects.create(engine="api: one", version=one, cost=Decimal(spent))
    assert line(pool) == ["one" if asked else "-one"]


def test_a_version_that_was_rejected_or_retired_is_asked_by_no_route(pool: EnginePool, version: Versions) -> None:
    route = Route.objects.create(name="footnote", default=True)
    Candidate.objects.create(route=route, version=version("bad", state="rejected"))
    Candidate.objects.create(route=route, version=version("good"), position=2)
    assert line(pool) == ["good"]


def test_a_disabled_route_is_no_route_and_a_route_of_one_s_own_has_its_own_line(
    pool: EnginePool, version: Versions
) -> None:
    one = version("one")
    for name, enabled in (("off", False), ("quick", True)):
        Candidate.objects.create(route=Route.objects.create(name=name, enabled=enabled), version=one)
    assert load(pool).plan("off") is None
    assert line(pool, route="quick") == ["one"]
    assert line(pool) == ["default", "api: big"]


def test_a_roll_out_takes_the_people_of_its_share(pool: EnginePool, version: Versions) -> None:
    old, new = version("old"), version("new")
    route = Route.objects.create(name="footnote", default=True)
    Candidate.objects.create(route=route, version=old)
    rollout = Rollout.objects.create(route=route, current=old, new=new, share=100)
    assert line(pool) == ["new", "old"]
    Rollout.objects.update(state="rolled_back")
    assert line(pool) == ["old"]
    Rollout.objects.update(state="running")
    ModelVersion.objects.filter(pk=rollout.new_id).update(state="rejected")
    assert line(pool) == ["old"]


def test_an_endpoint_is_asked_with_the_key_that_its_setting_holds(pool: EnginePool, version: Versions) -> None:
    route = Route.objects.create(name="footnote", default=True)
    Candidate.objects.create(route=route, version=version("one", key_name="INFERENCE_KEY_ONE"))
    engine = load(pool).engines()[0]
    assert engine.client().headers["Authorization"] == "Bearer sesame"  # type: ignore[attr-defined]
    assert "sesame" not in repr(pool.config)


def test_engines_keep_their_connections_while_their_rows_do_not_change(pool: EnginePool, version: Versions) -> None:
    route = Route.objects.create(name="footnote", default=True)
    one = version("one")
    Candidate.objects.create(route=route, version=one)
    first = load(pool).engines()[0]
    assert load(pool).engines()[0] is first
    ModelVersion.objects.filter(pk=one.pk).update(base_url="http://127.0.0.1:10/v1")
    assert load(pool).engines()[0] is not first


async def test_a_change_is_in_force_soon_and_what_was_read_serves_while_the_database_is_away(
    pool: EnginePool, version: Versions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "_FRESH_S", 0.0)
    routes = StoredRoutes(pool, in_database)
    assert (await routes.current()).plans[0].tiers[0][0].name == "default"

    @in_database
    def add() -> None:
        route = Route.objects.create(name="mine", default=True)
        Candidate.objects.create(route=route, version=version("one"))

    await add()
    assert [plan.name for plan in (await routes.current()).plans] == ["mine"]

    def away(pool: EnginePool) -> None:
        raise OperationalError("away")

    monkeypatch.setattr(stored, "load", away)
    assert [plan.name for plan in (await routes.current()).plans] == ["mine"]
    fresh = StoredRoutes(pool, in_database)
    assert [plan.name for plan in (await fresh.current()).plans] == ["footnote"]  # without rows it answers all the same


async def test_the_line_of_a_question_is_explained(pool: EnginePool, version: Versions) -> None:
    @in_database
    def add() -> None:
        route = Route.objects.create(name="footnote", default=True)
        Candidate.objects.create(route=route, version=version("short"), most_characters=5)
        Candidate.objects.create(route=route, version=version("away"), position=2)

    await add()
    found = await Router(StoredRoutes(pool, in_database)).explain(ASKED)
    assert [one.engine for one in found] == ["api: short", "api: away", "extractive"]
    assert "up to 5 characters; this one has 33" in found[0].passed_by
    assert found[1].passed_by == "It cannot be reached." and not found[2].passed_by
    inside = await Router(StoredRoutes(pool, in_database)).explain(replace(ASKED, in_house=True))
    assert "may not leave the house" in inside[1].passed_by


def test_a_version_is_asked_by_its_own_name_and_by_that_of_its_engine(pool: EnginePool, version: Versions) -> None:
    Candidate.objects.create(route=Route.objects.create(name="page", default=True), version=version("gamma"))
    for name in ("gamma", "api: gamma"):
        plan = load(pool).plan(name)
        assert plan is not None and plan.name == "api: gamma"
        assert [one.name for one in plan.candidates()] == ["gamma"]
    assert load(pool).plan("delta") is None


async def test_people_are_told_for_whom_each_engine_is_and_which_the_page_does_not_ask(
    pool: EnginePool, version: Versions
) -> None:
    @in_database
    def add() -> None:
        page, quick = Route.objects.create(name="page", default=True), Route.objects.create(name="quick")
        gamma, delta = version("gamma"), version("delta", outside=False)
        Candidate.objects.create(route=page, version=gamma, languages=["de", "no"], most_characters=200)
        for name, share in (("left", 1), ("right", 3)):
            Candidate.objects.create(route=page, version=version(name), position=2, share=share)
        Candidate.objects.create(route=page, version=version("spent", monthly_budget=0), position=3)
        Candidate.objects.create(route=quick, version=delta)

    await add()
    router = Router(StoredRoutes(pool, in_database))
    found = {one.name: one for one in await router.describe(administrator=True)}
    assert [*found][-2:] == ["extractive", "house: delta"]
    assert {name: one.meant_for for name, one in found.items()} == {
        "api: gamma": "for questions in German or Norwegian, for questions of up to 200 characters",
        "api: left": "for 25% of the people first",
        "api: right": "for 75% of the people first",
        "api: spent": "",
        "extractive": "",
        "house: delta": "for programs that name the route quick",
    }
    assert [name for name, one in found.items() if one.elsewhere] == ["house: delta"]
    advice = found["house: delta"].advice
    assert found["house: delta"].problem and "registry" in advice and "model service" not in advice
    assert {name: one.place for name, one in found.items() if one.place is not None} == {
        "api: left": 1,
        "api: right": 1,
        "extractive": 3,
    }
    assert "for programs that name its route" in {one.meant_for for one in await router.describe()}


async def test_a_roll_out_takes_its_part_at_every_place_of_the_version_that_it_may_replace(
    pool: EnginePool, version: Versions
) -> None:
    @in_database
    def add() -> None:
        page = Route.objects.create(name="page", default=True)
        old, beside, new = version("old"), version("beside"), version("new")
        Candidate.objects.create(route=page, version=beside, share=3)
        Candidate.objects.create(route=page, version=old, share=1)
        Candidate.objects.create(route=page, version=old, position=2, share=1)
        Rollout.objects.create(route=page, current=old, new=new, share=10)

    await add()
    found = {one.name: one for one in await Router(StoredRoutes(pool, in_database)).describe()}
    assert {name: one.meant_for for name, one in found.items()} == {
        "api: beside": "for 75% of the people first",
        "api: old": "",
        "api: new": "for 10% of the people, in a roll-out",
        "extractive": "",
    }
    assert {name: one.place for name, one in found.items() if one.place} == {"extractive": 2}
    assert not any(one.elsewhere for one in found.values())


async def test_the_new_version_of_a_roll_out_is_for_what_the_current_one_is(
    pool: EnginePool, version: Versions
) -> None:
    @in_database
    def add() -> None:
        page = Route.objects.create(name="page", default=True)
        Candidate.objects.create(route=page, version=version("old"), languages=["de"])
        Rollout.objects.create(route=page, current=Candidate.objects.get().version, new=version("new"), share=10)

    await add()
    found = {one.name: one for one in await Router(StoredRoutes(pool, in_database)).describe()}
    assert found["api: new"].meant_for == "for questions in German, for 10% of the people, in a roll-out"
    assert found["api: new"].place is None


@pytest.mark.parametrize(("share_with_another", "least"), [(True, 0), (False, 20)])
async def test_a_share_and_a_budget_that_is_not_spent_keep_no_question_from_an_engine(
    pool: EnginePool, version: Versions, monkeypatch: pytest.MonkeyPatch, share_with_another: bool, least: int
) -> None:
    @in_database
    def add() -> None:
        page = Route.objects.create(name="page", default=True)
        one = version("one", monthly_budget=Decimal(10))
        Candidate.objects.create(route=page, version=one, least_budget_percent=least)
        if share_with_another:
            Candidate.objects.create(route=page, version=version("other"))

    await add()
    router = Router(StoredRoutes(pool, in_database))

    async def well(engine: object) -> str:
        return ""

    monkeypatch.setattr(router, "_problem", well)
    found = await router.describe()
    assert [one.name for one in answering(found)] == ["api: one", *["api: other"] * share_with_another]
    meant = {one.name: one.meant_for for one in await router.describe(administrator=True)}["api: one"]
    assert meant == ("for 50% of the people first" if share_with_another else "while 20 % of its budget are left")


async def test_what_is_left_of_a_budget_is_told_administrators_alone(
    pool: EnginePool, version: Versions, monkeypatch: pytest.MonkeyPatch
) -> None:
    @in_database
    def add() -> None:
        page = Route.objects.create(name="page", default=True)
        spent = version("spent", monthly_budget=Decimal(10))
        Candidate.objects.create(route=page, version=spent, least_budget_percent=50)
        Outcome.objects.create(engine="api: spent", version=spent, cost=Decimal(7))

    await add()
    router = Router(StoredRoutes(pool, in_database))

    async def well(engine: object) -> str:
        return ""

    monkeypatch.setattr(router, "_problem", well)
    told = (await router.describe(administrator=True))[0]
    assert told.problem == "Of its budget of this month 30 % are left."
    assert told.meant_for == "while 50 % of its budget are left"
    plain = (await router.describe())[0]
    assert plain.problem == "It is not asked at the moment, because of its budget of this month."
    assert plain.meant_for == "while enough of its budget is left"
    assert [one.name for one in answering(await router.describe())] == ["extractive"]
    first = await anext(router.stream(ASKED))
    assert first == Writer("extractive", "spent is not asked at the moment, because of its budget of this month.")
    assert "30 %" in (await router.explain(ASKED))[0].passed_by


async def test_a_version_at_many_places_takes_one_of_the_three_that_a_note_names(
    pool: EnginePool, version: Versions
) -> None:
    @in_database
    def add() -> None:
        page, gamma = Route.objects.create(name="page", default=True), version("gamma")
        for position in (1, 2, 3):
            Candidate.objects.create(route=page, version=gamma, position=position, most_characters=5)
        Candidate.objects.create(route=page, version=version("delta"), position=4, most_characters=5)

    await add()
    first = await anext(Router(StoredRoutes(pool, in_database)).stream(ASKED))
    assert isinstance(first, Writer) and first.note.count("gamma") == 1 and "delta is for" in first.note


async def test_where_nothing_failed_and_no_candidate_is_for_the_question_the_quotations_say_so(
    pool: EnginePool, version: Versions
) -> None:
    @in_database
    def add() -> None:
        Candidate.objects.create(
            route=Route.objects.create(name="page", default=True), version=version("gamma"), languages=["de"]
        )

    await add()
    router = Router(StoredRoutes(pool, in_database))
    first = await anext(router.stream(ASKED))
    told = "gamma is for questions in German only; this one seems to be in English."
    assert first == Writer("extractive", told)


def test_who_names_an_engine_gets_it_in_any_language_but_not_what_is_kept_from_them(
    pool: EnginePool, version: Versions
) -> None:
    route, group = Route.objects.create(name="page", default=True), Group.objects.create(name="board")
    Candidate.objects.create(route=route, version=version("gamma"), languages=["de"])
    costly = Candidate.objects.create(route=route, version=version("costly"), position=2, most_characters=5)
    costly.groups.set([group])
    assert line(pool) == ["-gamma", "-costly"]
    assert line(pool, route="gamma") == ["gamma"] and line(pool, route="costly") == ["-costly"]
    assert line(pool, replace(ASKED, groups=frozenset([group.pk])), route="costly") == ["costly"]


def test_the_new_version_of_a_roll_out_is_for_those_whom_the_current_one_is_for_by_its_name_too(
    pool: EnginePool, version: Versions
) -> None:
    legal = Group.objects.create(name="legal")
    route = Route.objects.create(name="footnote", default=True)
    old, new = version("old"), version("new")
    Candidate.objects.create(route=route, version=old, sensitivity="in_house").groups.add(legal)
    Rollout.objects.create(route=route, current=old, new=new, share=50)
    theirs = replace(ASKED, groups=frozenset({legal.pk}), in_house=True)
    assert line(pool, route="new") == ["-new"] and line(pool, theirs, route="new") == ["new"]
    assert line(pool, replace(theirs, in_house=False), route="new") == ["-new"]


def test_a_name_opens_no_place_that_every_route_keeps_shut(pool: EnginePool, version: Versions) -> None:
    """In German for everybody, in any language for the legal department: by its name nothing more."""
    legal = Group.objects.create(name="legal")
    route = Route.objects.create(name="footnote", default=True)
    one = version("one")
    Candidate.objects.create(route=route, version=one, languages=["de"], position=0)
    Candidate.objects.create(route=route, version=one, position=1).groups.add(legal)
    assert line(pool, route="one") == ["-one", "-one"]
    assert line(pool, replace(ASKED, groups=frozenset({legal.pk})), route="one") == ["-one", "one"]
    german = replace(ASKED, question="Wie viele Tage Urlaub habe ich?")
    assert line(pool, german, route="one") == ["one", "-one"]


async def test_a_registered_model_whose_service_is_away_is_named_under_the_quotations(
    pool: EnginePool, transactional_db: None, tmp_path: Path
) -> None:
    path = tmp_path / "qwen.gguf"
    path.touch()
    await in_database(ModelVersion.objects.create)(name="qwen", path=str(path), default=True)
    first = await anext(Router(StoredRoutes(pool, in_database)).stream(ASKED))
    told = "qwen: The model service cannot be reached. big cannot be reached."
    assert first == Writer("extractive", told)
