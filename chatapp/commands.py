"""The base of Footnote's commands: typed errors and an absent database become one sentence, never a traceback."""

from __future__ import annotations

import json
import logging
import os
import sys
from argparse import ArgumentParser
from textwrap import shorten
from typing import Any, NoReturn

import psycopg
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, ProgrammingError

from chatapp.accounts.models import User
from chatapp.errors import TYPED_ERRORS
from chatapp.settings import database_dsn
from retrieval.stored_text import storable

FAILED, USAGE, UNAVAILABLE, INTERRUPTED = 1, 2, 3, 130
_CONNECT_TIMEOUT_S = 5
_LONGEST_REASON = 300
_ANY_BYTES = ("question", "batch")  # what is not text is cut out of a question; a file may have any name


class Error(CommandError):
    """What a command ends with; Django prints it on standard error as `Error: <sentence>`."""


class FootnoteCommand(BaseCommand):
    """Subclasses write `handle`. Exit 0 only when the work is done, 3 when the database is out of reach."""

    requires_system_checks: list[str] = []  # a command starts faster without them

    def execute(self, *args: Any, **options: Any) -> str | None:
        logging.getLogger().setLevel(logging.WARNING)  # people read standard error here
        try:
            self._require_text(options)
            check_database()
            return super().execute(*args, **options)
        except TYPED_ERRORS as error:
            self.fail(error.user_message, error.advice)
        except OperationalError as error:
            raise _out_of_reach(error) from None
        except ProgrammingError as error:
            if not isinstance(error.__cause__, psycopg.errors.UndefinedTable | psycopg.errors.UndefinedColumn):
                raise
            self.fail("The database is not set up yet.", "Run `manage.py migrate`, or start Footnote with `make run`.")
        except KeyboardInterrupt:
            raise Error("Interrupted.", returncode=INTERRUPTED) from None
        except BrokenPipeError:
            # The reader of our output went away (`| head`): nothing is left to say, and nowhere to say it.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise SystemExit(FAILED) from None

    def add_user_argument(self, parser: ArgumentParser) -> None:
        parser.add_argument("--user", metavar="NAME", help="act as this person (default: the first administrator)")

    def _require_text(self, options: dict[str, Any]) -> None:
        """Arguments are bytes to the system; a name that is no text is nobody's, and cannot be looked up."""
        for name, value in options.items():
            if name not in _ANY_BYTES and isinstance(value, str) and value != storable(value):
                self.fail(f"The value of {name} is not UTF-8 text.", "Correct it.")

    def acting_user(self, name: str | None = None) -> User:
        """The person named, else the first administrator: commands see what that person may see."""
        active = User.objects.filter(is_active=True)
        if name is not None:
            found = active.filter(username=name).first()
            if found is None:
                self.fail(f"There is no active person named {name!r}.", "Check the spelling of --user.")
            return found
        first = active.filter(is_superuser=True).order_by("date_joined", "username").first()
        if first is None:
            self.fail(
                "There is no administrator yet to act as.",
                "Start Footnote with `make run`, which makes one, or run `manage.py createsuperuser`.",
            )
        return first

    def fail(self, message: str, advice: str = "", *, returncode: int = FAILED) -> NoReturn:
        raise Error(f"{message} {advice}".strip(), returncode=returncode)

    def write_json(self, value: Any) -> None:
        """One line of JSON on standard output, where --json puts nothing else."""
        line = json.dumps(value, ensure_ascii=False)
        self.stdout.write(line if line == storable(line) else json.dumps(value))  # halves of surrogate pairs: as \uXXXX


def counted(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def check_database() -> None:
    """Find out within seconds; Django's pool would wait longer before it gives up."""
    try:
        psycopg.connect(database_dsn(), connect_timeout=_CONNECT_TIMEOUT_S).close()
    except psycopg.OperationalError as error:
        raise _out_of_reach(error) from None


def _out_of_reach(error: Exception) -> Error:
    first = next(iter(str(error).strip().splitlines()), "no reason was given")  # further lines only guess
    reason = shorten(first.rstrip(":"), _LONGEST_REASON, placeholder=" …")
    advice = "Start Footnote with `make run`, or check DATABASE_URL."
    return Error(f"The database cannot be reached ({reason}). {advice}", returncode=UNAVAILABLE)
