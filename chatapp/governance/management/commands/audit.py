"""The audit trail: whether it is whole, and a copy of it for others."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.utils.dateparse import parse_date, parse_datetime

from chatapp.commands import FootnoteCommand, counted
from chatapp.governance.chain import Head
from chatapp.governance.export import export
from chatapp.governance.services import command, record
from chatapp.governance.verification import Verdict, parse_head, verify


class Command(FootnoteCommand):
    help = "Check the chain of the audit trail, and export it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="verify|export")
        check = actions.add_parser("verify", help="find lines that were changed, removed, put in or moved")
        check.add_argument("--head", metavar="NUMBER:HASH", help="the end of the trail as it was noted earlier")
        check.add_argument("--json", action="store_true", help="one JSON object on standard output")
        copy = actions.add_parser("export", help="the trail as lines of JSON in the shape of OCSF")
        copy.add_argument("--since", metavar="TIME", help="lines from then on, such as 2027-01-31 or 2027-01-31T08:00")
        copy.add_argument("--without-personal", action="store_true", help="numbers in place of people and their words")

    def handle(self, *, action: str, **options: Any) -> None:
        with command():
            if action == "verify":
                known = parse_head(options["head"]) if options["head"] else None
                self._verify(known, as_json=options["json"])
            else:
                self._export(options["since"], personal=not options["without_personal"])

    def _verify(self, known: Head | None, *, as_json: bool) -> None:
        verdict = verify(known)
        if as_json:
            self.write_json(_as_dict(verdict))
        else:
            for fault in verdict.faults:
                self.stdout.write(str(fault))
            waiting = f", {verdict.unchained} not chained yet" if verdict.unchained else ""
            self.stdout.write(f"{counted(verdict.lines, 'line')}{waiting}. The trail ends with {verdict.head}")
        if not verdict.sound:
            self.fail("The audit trail is not as it was written.", "Compare it with the copies that you keep.")

    def _export(self, since: str | None, *, personal: bool) -> None:
        begin = self._time(since) if since else None
        record("audit.exported", "audit trail", since=since, personal=personal)
        for line in export(begin, personal=personal):
            self.stdout.write(line)

    def _time(self, text: str) -> datetime:
        try:
            found = parse_datetime(text)
            if found is None and (day := parse_date(text)):
                found = datetime(day.year, day.month, day.day)
        except ValueError:
            found = None
        if found is None:
            self.fail(f"{text!r} is no time.", "Write it as 2027-01-31 or 2027-01-31T08:00; it is in UTC.")
        return found if found.tzinfo else found.replace(tzinfo=UTC)


def _as_dict(verdict: Verdict) -> dict[str, Any]:
    faults = [{"line": one.sequence, "row": one.entry, "what": one.what} for one in verdict.faults]
    return {
        "sound": verdict.sound,
        "lines": verdict.lines,
        "not_chained": verdict.unchained,
        "head": str(verdict.head),
        "faults": faults,
    }
