"""The models that may answer: list, add, pull, make smaller ones, measure, remove, choose the default."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from chatapp.commands import FootnoteCommand
from chatapp.governance import services as governance
from chatapp.models_command import changing, rolling_out, showing, working
from chatapp.models_command.action import Action

ACTIONS: tuple[Action, ...] = (*showing.ACTIONS, *changing.ACTIONS, *working.ACTIONS, *rolling_out.ACTIONS)


class Command(FootnoteCommand):
    help = "List, add, pull, quantize, prune, measure and remove models, or choose the default."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        for action in ACTIONS:
            below = actions.add_parser(action.name, help=action.help)
            action.add_arguments(below)
            below.add_argument("--json", action="store_true", help="one line of JSON on standard output")

    def handle(self, *, action: str, **options: Any) -> None:
        with governance.command():
            next(one for one in ACTIONS if one.name == action).run(self, options)
