"""Begins, promotes and undoes roll-outs: each is one transaction that locks the route first."""

from __future__ import annotations

from math import isfinite
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Case, Q, Value, When
from django.utils import timezone

from inference import audit, registry
from inference.errors import InferenceError
from inference.models import Candidate, ModelVersion, Rollout, Route
from inference.models.routes import Candidates

log = structlog.get_logger(__name__)

_DEFAULT = "footnote"
_REASON = 500


class RolloutRefused(InferenceError):
    code, http_status = "rollout_refused", 409
    user_message = "This roll-out cannot be started."
    advice = "Choose another version or another route."


class NoRollout(InferenceError):
    code, http_status = "no_rollout", 409
    user_message = "There is no roll-out on this route that could be ended."
    advice = "The page of roll-outs shows which ones there are."


def default_route() -> Route:
    """The row is made when something has to hang on it; one of its name is asked while no route is the default."""
    if route := Route.objects.filter(default=True).first():
        return route
    return Route.objects.update_or_create(name=_DEFAULT, defaults={"default": True})[0]


def running_with(version: ModelVersion) -> bool:
    concerned = Rollout.objects.filter(current=version) | Rollout.objects.filter(new=version)
    return concerned.filter(state=Rollout.State.RUNNING).exists()


@transaction.atomic
def start(
    *,
    route: Route,
    new: ModelVersion,
    by: AbstractBaseUser | None,
    current: ModelVersion | None = None,
    share: int = 10,
    leaves_the_house: bool = False,
    **limits: Any,
) -> Rollout:
    """`limits` are the guard rails, by the names of their columns. Raises RolloutRefused."""
    _lock(route)
    _require_in_force(route)
    new = _fresh(new)
    if Rollout.objects.filter(route=route, state=Rollout.State.RUNNING).exists():
        raise RolloutRefused(f"{route} has a roll-out already.", advice="Promote it or roll it back first.")
    current = _served_by(route) if current is None else _fresh(current)
    _require_place(route, current, new)
    _require_able(current, new, leaves_the_house=leaves_the_house)
    rollout = Rollout(route=route, current=current, new=new, share=share, started_by_id=by.pk if by else None, **limits)
    for name, limit in limits.items():
        if not isfinite(limit):
            raise RolloutRefused(f"{name}: This is no number.", advice="Correct it.")
    try:
        rollout.clean_fields(exclude=["route", "current", "new", "started_by", "ended_at"])
    except ValidationError as error:
        raise RolloutRefused(" ".join(_sentences(error)), advice="Correct it.") from error
    rollout.save()
    audit.record("rollout.started", str(route), by, current=str(current), new=str(new), share=share, **limits)
    return rollout


@transaction.atomic
def replace(*, by: AbstractBaseUser | None, **started: Any) -> Rollout:
    """The new version takes the place at once, as by a roll-out that was promoted: so it can be taken back. Takes what
    `start` takes. Raises RolloutRefused."""
    return promote(start(by=by, **started | {"share": 100}), by=by)


@transaction.atomic
def change_share(target: Rollout, share: int, *, by: AbstractBaseUser | None) -> Rollout:
    """0 rests it: nobody gets the new version until the share is raised. Each person who stays within the share stays
    with the new version, and what was measured so far counts on. Raises NoRollout, RolloutRefused."""
    rollout = _running(target)
    if rollout is None:
        raise NoRollout
    if not 0 <= share <= 100:
        raise RolloutRefused("A share is 0 to 100 percent.", advice="Correct it.")
    if share:
        _require_ready(rollout.new)
    before, rollout.share = rollout.share, share
    if share != before:
        rollout.save(update_fields=["share"])
        audit.record("rollout.share_changed", str(rollout.route), by, new=str(rollout.new), before=before, share=share)
    return rollout


@transaction.atomic
def promote(target: Route | Rollout, *, by: AbstractBaseUser | None) -> Rollout:
    """The new version takes the place of the current one, which stays installed. Raises NoRollout, RolloutRefused."""
    rollout = _running(target)
    if rollout is None:
        raise NoRollout
    _require_ready(rollout.new)
    if Candidate.objects.filter(route=rollout.route).exists():
        _require_exchangeable(rollout.route, rollout.current, rollout.new)
    _put(rollout.route, rollout.new, in_place_of=rollout.current, by=by)
    _end(rollout, Rollout.State.PROMOTED, "")
    audit.record("rollout.promoted", str(rollout.route), by, old=str(rollout.current), new=str(rollout.new))
    return rollout


@transaction.atomic
def roll_back(target: Route | Rollout, *, by: AbstractBaseUser | None, reason: str) -> Rollout:
    """Ends the running roll-out, or takes the last promotion back. Raises NoRollout."""
    rollout = _running(target)
    was = "running"
    if rollout is None:
        rollout, was = _promoted(target), "promoted"
        _put(rollout.route, rollout.current, in_place_of=rollout.new, by=by)
    _end(rollout, Rollout.State.ROLLED_BACK, reason)
    _record_undone(rollout, by, was)
    return rollout


@transaction.atomic
def undo(rollout: Rollout, reason: str) -> bool:
    """By the guard rails. -> False when somebody else has ended it meanwhile."""
    found = _running(rollout)
    if found is None:
        return False
    _end(found, Rollout.State.ROLLED_BACK, reason)
    if not _stands_anywhere(found.new):
        ModelVersion.objects.filter(pk=found.new_id).update(state=ModelVersion.State.REJECTED)
    _record_undone(found, None, "running")
    log.warning("rollout.rolled_back", route=str(found.route), version=str(found.new), reason=found.reason)
    return True


def _record_undone(rollout: Rollout, by: AbstractBaseUser | None, was: str) -> None:
    detail = {"current": str(rollout.current), "new": str(rollout.new), "reason": rollout.reason, "was": was}
    audit.record("rollout.rolled_back", str(rollout.route), by, **detail)


def _lock(route: Route) -> None:
    if not Route.objects.select_for_update().filter(pk=route.pk).exists():
        raise NoRollout("This route is gone.")


def _running(target: Route | Rollout) -> Rollout | None:
    """Locked, its route first, so that nobody else ends it."""
    _lock(target if isinstance(target, Route) else target.route)
    rollouts = Rollout.objects.filter(state=Rollout.State.RUNNING).select_for_update(of=("self",))
    rollouts = rollouts.select_related("route", "current", "new")
    return rollouts.filter(**{"route" if isinstance(target, Route) else "pk": target.pk}).first()


def _promoted(target: Route | Rollout) -> Rollout:
    """The last one that ended on the route, where it was promoted and nobody changed the route since."""
    route = target if isinstance(target, Route) else target.route
    ended = Rollout.objects.filter(route=route, ended_at__isnull=False).select_related("route", "current", "new")
    last = ended.order_by("-ended_at").first()
    wanted = isinstance(target, Route) or (last is not None and last.pk == target.pk)
    if last is None or last.state != Rollout.State.PROMOTED or not wanted:
        raise NoRollout
    if not _stands_on(last.route, last.new):
        raise NoRollout(f"{route} no longer uses {last.new}.", advice="Change the route itself.")
    return last


def _end(rollout: Rollout, state: Rollout.State, reason: str) -> None:
    rollout.state, rollout.reason, rollout.ended_at = state, reason[:_REASON], timezone.now()
    rollout.save(update_fields=["state", "reason", "ended_at"])


def _put(route: Route, version: ModelVersion, *, in_place_of: ModelVersion, by: AbstractBaseUser | None) -> None:
    """On every place of the other on the route, which gets those of `version` behind its first one in exchange: so the
    way back gives both back, and `version` is asked first. On a route without candidates, as the default model."""
    places = Candidate.objects.select_for_update().filter(route=route)
    if not places.exists():
        registry.set_default(version.name, by=by)
        return
    behind = _behind(version, places.filter(version=in_place_of))
    try:
        with transaction.atomic():
            exchanged = Case(When(behind, then=Value(in_place_of.pk)), default=Value(version.pk))
            places.filter(behind | Q(version=in_place_of)).update(version=exchanged)
    except IntegrityError as error:
        raise RolloutRefused(
            f"{version} stands beside {in_place_of} on {route} already.", advice="Take one of them off the route first."
        ) from error


def _stands_on(route: Route, version: ModelVersion) -> bool:
    places = Candidate.objects.filter(route=route)
    return places.filter(version=version).exists() if places.exists() else _fresh(version).default


def _stands_anywhere(version: ModelVersion) -> bool:
    """Worse here, it may serve well elsewhere, by other guard rails and perhaps with nobody behind it."""
    tried = Rollout.objects.filter(new=version, state=Rollout.State.RUNNING)
    return _fresh(version).default or Candidate.objects.filter(version=version).exists() or tried.exists()


def _served_by(route: Route) -> ModelVersion:
    """The version that is asked first."""
    places = list(Candidate.objects.filter(route=route).select_related("version"))
    first = [place.version for place in places if place.position == places[0].position]
    if len(first) > 1:
        raise RolloutRefused(
            "Several versions share the first place of this route.", advice="Say which one to replace."
        )
    found = first[0] if first else ModelVersion.objects.filter(default=True).first()
    if found is None:
        raise RolloutRefused(
            "No version answers there yet, so that there is none to replace.",
            advice="Let this one answer on the chat page: its own page offers it.",
        )
    return found


def _require_in_force(route: Route) -> None:
    if not Route.objects.filter(pk=route.pk, enabled=True).exists():
        raise RolloutRefused(f"{route} is switched off: nobody would be asked there.", advice="Enable the route first.")


def _require_place(route: Route, current: ModelVersion, new: ModelVersion) -> None:
    if current.pk == new.pk:
        raise RolloutRefused(f"{new} answers there already.")
    if not _stands_on(route, current):
        raise RolloutRefused(f"{current} does not answer on {route}.", advice="Choose a version of the route.")
    places = Candidate.objects.filter(route=route)
    if places.exists():
        _require_exchangeable(route, current, new)
    elif new.kind != ModelVersion.Kind.FILE:
        raise RolloutRefused(
            f"{route} has no candidates: the default model answers, and an endpoint cannot become it.",
            advice="Give the route candidates first.",
        )


def _require_exchangeable(route: Route, current: ModelVersion, new: ModelVersion) -> None:
    """What `_put` would do: the conditions of a place stay with it, and are not to become another version's unseen."""
    places = Candidate.objects.filter(route=route)
    of_current = places.filter(version=current)
    if not of_current.exists():
        raise RolloutRefused(f"{current} does not answer on {route}.", advice="Change the route itself.")
    behind = places.filter(_behind(new, of_current))
    moved = of_current | behind
    conditional = behind.exists() and moved.for_everybody().filter(least_budget_percent=0).count() < moved.count()
    if conditional or places.filter(version=new, position__in=of_current.values("position")).exists():
        raise RolloutRefused(f"{new} has a place on {route} already.", advice="Take it off the route first.")


def _behind(version: ModelVersion, places: Candidates) -> Q:
    """Its places behind the first of these."""
    return Q(version=version, position__gt=min(places.values_list("position", flat=True)))


def _require_able(current: ModelVersion, new: ModelVersion, *, leaves_the_house: bool) -> None:
    """`new` must be able to serve whom `current` serves."""
    _require_ready(new)
    if not leaves_the_house:
        _require_inside(current, new)
    needed = min(current.context_tokens or settings.INFERENCE.context_tokens, settings.INFERENCE.context_tokens)
    if 0 < new.context_tokens < needed:
        raise RolloutRefused(f"{new} reads {new.context_tokens} tokens; {needed} are needed in its place.")


def _require_inside(current: ModelVersion, new: ModelVersion) -> None:
    """Unless somebody said that questions may leave the house."""
    if new.outside and not current.outside:
        raise RolloutRefused(
            f"{current} is in the house and {new} is outside: questions and passages would leave the house, and what "
            "must stay inside would never reach the new version.",
            advice="Confirm it if that is meant.",
        )


def _require_ready(version: ModelVersion) -> None:
    if version.state != ModelVersion.State.READY:
        raise RolloutRefused(f"{version} is {version.state}.", advice="Set its state to ready first, if that is right.")
    path = Path(version.path)
    # A web process in a container may not see the folder of the models: then the model service finds out.
    if version.kind == ModelVersion.Kind.FILE and path.parent.is_dir() and not path.is_file():
        raise RolloutRefused(f"The file of {version} is gone.", advice="Pull or add it again.")


def _fresh(version: ModelVersion) -> ModelVersion:
    found = ModelVersion.objects.filter(pk=version.pk).first()
    if found is None:
        raise registry.UnknownModel
    return found


def _sentences(error: ValidationError) -> list[str]:
    return [f"{name}: {' '.join(messages)}" for name, messages in error.message_dict.items()]
