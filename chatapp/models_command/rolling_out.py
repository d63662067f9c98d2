"""`models canary`, `promote` and `rollback`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from chatapp.commands import FootnoteCommand
from chatapp.models_command.action import Action, say
from inference import registry, rollouts
from inference.models import Rollout, Route

_ROUTE = "on which route (default: the one of the chat page)"
_LIMITS = (
    ("--least-answers", "least_answers", int, "answers of each version before they are compared (30)"),
    ("--most-failures-more", "most_failures_more", int, "percentage points of failures more that are allowed (5)"),
    ("--most-first-token-ratio", "most_first_token_ratio", float, "times as long to the first text (1.5)"),
    ("--least-speed-ratio", "least_speed_ratio", float, "part of the old speed (0.67)"),
    ("--most-bad-ratings-more", "most_bad_ratings_more", int, "percentage points of bad ratings more (15)"),
    ("--least-ratings", "least_ratings", int, "ratings of each version before they are compared (10)"),
)


def _canary_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", help="the new version")
    parser.add_argument("--route", help=_ROUTE)
    parser.add_argument("--current", help="whose place it takes (default: the version that is asked first)")
    parser.add_argument("--share", type=int, default=10, help="percent of the people (10)")
    parser.add_argument(
        "--leaves-the-house", action="store_true", help="questions may go outside where they did not before"
    )
    for option, field, kind, text in _LIMITS:
        parser.add_argument(option, dest=field, type=kind, help=text)


def _canary(command: FootnoteCommand, options: dict[str, Any]) -> None:
    rollout = rollouts.start(
        route=_route(command, options),
        new=registry.find_model(options["name"]),
        current=registry.find_model(options["current"]) if options["current"] else None,
        share=options["share"],
        leaves_the_house=options["leaves_the_house"],
        by=None,
        **{field: options[field] for _, field, _, _ in _LIMITS if options[field] is not None},
    )
    text = f"{rollout.new} takes {rollout.share} % of the people whom {rollout.current} serves on {rollout.route}."
    say(command, _facts(rollout), text, as_json=options["json"])


def _ending_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--route", help=_ROUTE)


def _rollback_arguments(parser: ArgumentParser) -> None:
    _ending_arguments(parser)
    parser.add_argument("--reason", default="By a command, without a reason.", help="for the audit trail")


def _promote(command: FootnoteCommand, options: dict[str, Any]) -> None:
    rollout = rollouts.promote(_route(command, options), by=None)
    text = f"{rollout.new} serves {rollout.route} in place of {rollout.current}, which stays installed."
    say(command, _facts(rollout), text, as_json=options["json"])


def _rollback(command: FootnoteCommand, options: dict[str, Any]) -> None:
    rollout = rollouts.roll_back(_route(command, options), by=None, reason=options["reason"])
    say(command, _facts(rollout), f"{rollout.current} serves {rollout.route} again.", as_json=options["json"])


def _route(command: FootnoteCommand, options: dict[str, Any]) -> Route:
    if options["route"] is None:
        return rollouts.default_route()
    found = Route.objects.filter(name=options["route"]).first()
    if found is None:
        names = ", ".join(Route.objects.values_list("name", flat=True)[:20])
        command.fail(f"There is no route named {options['route']!r}.", f"There are {names}." if names else "")
    return found


def _facts(rollout: Rollout) -> dict[str, Any]:
    names = {name: str(getattr(rollout, name)) for name in ("route", "current", "new", "state", "reason")}
    return names | {"share": rollout.share}


ACTIONS = (
    Action("canary", "give a new version a share of the people", _canary_arguments, _canary),
    Action("promote", "let the new version take the old one's place", _ending_arguments, _promote),
    Action("rollback", "take the new version back, also after it was promoted", _rollback_arguments, _rollback),
)
