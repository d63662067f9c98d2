"""manage.py ingest PATH... --collection NAME"""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings

from chatapp.access import require_administrator
from chatapp.commands import INTERRUPTED, FootnoteCommand, counted
from chatapp.documents.bulk import Ingest, files_under
from chatapp.documents.services import groups_named, valid_name
from chatapp.errors import NotFound
from retrieval.errors import IndexUnavailable
from retrieval.service.client import IndexClient

_BAR = 30
_PACE_OF = 20  # documents that have ended


class Command(FootnoteCommand):
    help = "Put files and folders into a collection, and wait until each is ready, failed or a duplicate."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("paths", nargs="+", metavar="PATH", help="a file, or a folder with all that is in it")
        parser.add_argument("--collection", required=True, metavar="NAME", help="made when it is missing")
        parser.add_argument(
            "--readers",
            nargs="+",
            metavar="GROUP",
            help="of those who may read the collection, only these groups may read these documents",
        )
        parser.add_argument("--json", action="store_true", help="print the report as JSON on standard output")
        parser.add_argument(
            "--patience",
            type=float,
            default=30.0,
            metavar="SECONDS",
            help="give up waiting when no document moves for so long (default: 30)",
        )
        self.add_user_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        user = self.acting_user(options["user"])
        try:
            require_administrator(user)
        except NotFound:
            self.fail(f"{user} may not put documents into a collection.", "Only administrators may.")
        if options["readers"]:
            groups_named(options["readers"], user.tenant)
        run = Ingest(valid_name(options["collection"]), user, options["readers"])
        bar = ProgressBar(run)
        try:
            for path in files_under(options["paths"]):
                run.hand_in(path)
                bar.draw(final=False)
            finished = run.wait(patience_s=options["patience"], progress=bar.draw)
        except KeyboardInterrupt:
            bar.end()
            self.fail("Interrupted. The files handed in so far go on being worked on.", returncode=INTERRUPTED)
        bar.end()
        self.report(run, as_json=options["json"])
        if not finished:
            self.fail(f"No document moved for {options['patience']:g} s.", self.diagnosis(run))
        if not all(entry.good for entry in run.entries):
            raise SystemExit(1)

    def report(self, run: Ingest, *, as_json: bool) -> None:
        if as_json:
            self.write_json({"documents": [entry.as_dict() for entry in run.entries]})
            return
        for entry in run.entries:
            what = entry.error or counted(entry.passages, "passage")
            self.stdout.write(f"{entry.status:10} {entry.document}: {what}")
        if not run.entries:
            self.stderr.write("No files were found.")

    def diagnosis(self, run: Ingest) -> str:
        waiting = {entry.status for entry in run.entries if not entry.ended}
        try:
            IndexClient(settings.RETRIEVAL).status()
        except IndexUnavailable as error:
            if waiting == {"embedding"}:
                return f"The index service cannot be reached ({error}). Start Footnote with `make run`."
        return "No worker takes them. Start Footnote with `make run`, or a worker; they go on by themselves then."


class ProgressBar:
    """How far the run is, on standard error: redrawn on a terminal, a line now and then elsewhere."""

    def __init__(self, run: Ingest) -> None:
        self.run = run
        self.terminal = sys.stderr.isatty()
        self.drawn = 0.0
        self.begun = time.monotonic()

    def draw(self, *, final: bool = True) -> None:
        every = 0.2 if self.terminal else 10.0
        if time.monotonic() - self.drawn < every:
            return
        self.drawn = time.monotonic()
        self._write(final)

    def end(self) -> None:
        self._write(True)
        if self.terminal:
            print(file=sys.stderr)  # noqa: T201 - ends the bar's line

    def _left(self, done: int) -> str:
        """From the pace so far; '' while there is little to tell it from."""
        passed, owed = time.monotonic() - self.begun, len(self.run.entries) - done
        if done < _PACE_OF or not owed:
            return ""
        minutes = passed / done * owed / 60
        return f", about {minutes:.0f} min left" if minutes >= 1 else ", less than a minute left"

    def _write(self, all_known: bool) -> None:
        entries = self.run.entries
        done = sum(entry.ended for entry in entries)
        failed = sum(entry.status == "failed" for entry in entries)
        filled = _BAR * done // max(1, len(entries)) if all_known else 0
        bar = "#" * filled + "." * (_BAR - filled)
        line = f"[{bar}] {done} of {len(entries)}{'' if all_known else ' so far'}, {failed} failed{self._left(done)}"
        print(f"\r{line}\x1b[K" if self.terminal else line, end="" if self.terminal else "\n", file=sys.stderr)  # noqa: T201
        sys.stderr.flush()
