"""What an action of `manage.py models` consists of."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chatapp.commands import FootnoteCommand


@dataclass(frozen=True, slots=True)
class Action:
    name: str
    help: str
    add_arguments: Callable[[ArgumentParser], None]
    run: Callable[[FootnoteCommand, dict[str, Any]], None]


def say(command: FootnoteCommand, facts: Any, text: str, *, as_json: bool) -> None:
    if as_json:
        command.write_json(facts)
    else:
        command.stdout.write(text)


def takes(*subjects: str) -> Callable[[ArgumentParser], None]:
    """Positional arguments alone."""

    def add(parser: ArgumentParser) -> None:
        for subject in subjects:
            parser.add_argument(subject)

    return add
