"""What was rejected or retired answers nobody, becomes no default, and is no heir of one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from inference import registry, rollouts
from inference.errors import InferenceError
from inference.models import Candidate, ModelVersion, Rollout, Route
from inference.rollouts import watching
from inference.rollouts.changes import undo
from inference.routing.pool import EnginePool
from inference.routing.stored import load
from tests.inference.test_stored_routes import line, pool

__all__ = ["pool"]

Version = Callable[..., ModelVersion]
OUT_OF_USE = ("rejected", "retired")


@pytest.fixture
def version(transactional_db: None, tmp_path: Path) -> Version:
    def make(name: str, **fields: Any) -> ModelVersion:
        path = tmp_path / f"{name}.gguf"
        path.touch()
        return ModelVersion.objects.create(name=name, **{"path": str(path), **fields})

    return make


@pytest.mark.parametrize("state", OUT_OF_USE)
def test_a_default_model_out_of_use_is_passed_by_on_the_built_in_route(
    pool: EnginePool, version: Version, state: str
) -> None:
    version("qwen", default=True, state=state)
    version("other")
    assert line(pool) == ["api: big"]


@pytest.mark.parametrize("state", OUT_OF_USE)
def test_the_model_service_does_not_list_what_is_out_of_use(version: Version, state: str) -> None:
    version("aside", default=True, state=state)
    version("good")
    assert [one.name for one in registry.installed_models()] == ["good"]


@pytest.mark.parametrize("state", OUT_OF_USE)
def test_what_is_out_of_use_neither_becomes_the_default_nor_inherits_it(version: Version, state: str) -> None:
    version("first", default=True)
    version("second")
    version("newest", state=state)
    with pytest.raises(InferenceError, match=f"newest is {state}"):
        registry.set_default("newest")
    assert str(registry.remove_model("first")) == "second"
    assert registry.remove_model("second") is None


def test_a_file_that_this_machine_does_not_see_is_asked_at_the_model_service(
    pool: EnginePool, version: Version
) -> None:
    version("far", default=True, path="/somewhere/else/far.gguf")
    assert line(pool) == ["far", "api: big"]


def test_a_pulled_file_is_deleted_only_when_its_row_is(version: Version, tmp_path: Path, settings: Any) -> None:
    models = tmp_path / "models"
    models.mkdir()
    settings.INFERENCE = replace(settings.INFERENCE, models_dir=models)
    path = models / "pulled.gguf"
    path.touch()
    version("pulled", path=str(path))
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        registry.remove_model("pulled")
        raise ZeroDivisionError
    assert path.exists() and ModelVersion.objects.filter(name="pulled").exists()
    registry.remove_model("pulled")
    assert not path.exists()


# -- roll-outs and the routes that they hang on ------------------------------------------------------------------------


def test_the_route_of_a_roll_out_is_the_one_that_the_chat_page_asks(pool: EnginePool, version: Version) -> None:
    """A row "footnote" that lost its place as the default, and the default that was deleted."""
    old, new = version("old", default=True), version("new")
    Route.objects.create(name="footnote")
    Candidate.objects.create(route=Route.objects.get(), version=version("own"))
    assert line(pool) == ["own"]
    assert [plan.name for plan in load(pool).plans] == ["footnote"]
    Candidate.objects.all().delete()
    rollouts.start(route=rollouts.default_route(), new=new, current=old, share=100, by=None)
    assert line(pool) == ["new", "old", "api: big"]


def test_nothing_is_rolled_out_on_a_route_that_is_off(version: Version) -> None:
    version("old", default=True)
    route = Route.objects.create(name="fast", default=True, enabled=False)
    with pytest.raises(rollouts.RolloutRefused, match="switched off"):
        rollouts.start(route=route, new=version("new"), by=None)


def test_a_version_that_serves_elsewhere_is_taken_off_one_route_alone(version: Version) -> None:
    version("old", default=True)
    new, elsewhere = version("new"), Route.objects.create(name="elsewhere")
    Candidate.objects.create(route=elsewhere, version=new)
    for state in (ModelVersion.State.READY, ModelVersion.State.REJECTED):
        rollout = rollouts.start(route=rollouts.default_route(), new=new, by=None)
        assert undo(rollout, "It fails.")
        rollout.refresh_from_db()
        new.refresh_from_db()
        assert rollout.state == Rollout.State.ROLLED_BACK and new.state == state
        Candidate.objects.filter(route=elsewhere).delete()


def test_a_route_that_is_deleted_while_it_is_judged_stops_nothing(
    version: Version, monkeypatch: pytest.MonkeyPatch
) -> None:
    version("old", default=True)
    route = rollouts.default_route()
    rollouts.start(route=route, new=version("new"), by=None)

    def judged(_: Rollout) -> Any:
        Route.objects.filter(pk=route.pk).delete()
        return type("Verdict", (), {"reason": "It fails."})

    monkeypatch.setattr(watching, "judge", judged)
    assert rollouts.watch() == 0
