"""manage.py evaluate import|list|run|show|compare|gate|export|cancel"""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from chatapp.access import get_collection_by_name, require_administrator
from chatapp.accounts.models import User
from chatapp.commands import FootnoteCommand, counted
from chatapp.evaluation import services
from chatapp.evaluation.telling import (
    comparison_lines,
    run_facts,
    run_line,
    run_lines,
    version_facts,
)
from retrieval.evaluation import formats, gating, running, sets
from retrieval.evaluation.comparing import compare
from retrieval.evaluation.models import EvaluationRun, QuestionSetVersion

_LISTED = 50
_WAIT_S = 2.0  # before an index service is asked again
_SET = "a question set, or one of its versions as NAME@2"


class Command(FootnoteCommand):
    help = "Measure how well documents are found: question sets, runs, comparisons, and a gate for index versions."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        taking = actions.add_parser("import", help="keep a file of questions as a frozen version")
        taking.add_argument("file", metavar="FILE", help=".jsonl or .csv")
        taking.add_argument("--set", dest="name", required=True, metavar="NAME", help="made when it is missing")
        listing = actions.add_parser("list", help="question sets, and the newest runs")
        asking = actions.add_parser("run", help="ask a question set, and wait for the figures")
        asking.add_argument("name", metavar="SET", help=_SET)
        asking.add_argument("--as", dest="person", metavar="NAME", help="with this person's permissions")
        asking.add_argument("--collection", action="append", metavar="NAME", help="only these; may be repeated")
        asking.add_argument("--index-version", type=int, metavar="N", help="not the one that serves")
        asking.add_argument("-k", type=int, default=50, metavar="N", help="results of each question (default: 50)")
        asking.add_argument("--detach", action="store_true", help="leave it to a worker")
        showing = actions.add_parser("show", help="a run")
        showing.add_argument("run", metavar="RUN")
        comparing = actions.add_parser("compare", help="two runs over the same questions")
        comparing.add_argument("old", metavar="OLD")
        comparing.add_argument("new", metavar="NEW")
        judging = actions.add_parser("gate", help="may an index version take the place of another? Exit 1: no")
        judging.add_argument("name", metavar="SET", help=_SET)
        judging.add_argument("--candidate", type=int, required=True, metavar="N")
        judging.add_argument("--baseline", type=int, required=True, metavar="N")
        judging.add_argument("--tolerance", type=float, default=gating.TOLERANCE, metavar="X")
        giving = actions.add_parser("export", help="a question set, on standard output")
        giving.add_argument("name", metavar="SET", help=_SET)
        giving.add_argument("--csv", action="store_true", help="for spreadsheets, not as JSON lines")
        ending = actions.add_parser("cancel", help="end a run")
        ending.add_argument("run", metavar="RUN")
        for below in (taking, listing, asking, showing, comparing, judging, giving, ending):
            if below is not giving:
                below.add_argument("--json", action="store_true", help="one line of JSON on standard output")
            self.add_user_argument(below)

    def handle(self, *, action: str, **options: Any) -> None:
        user = self.acting_user(options["user"])
        require_administrator(user)
        getattr(self, f"do_{action}")(user, options)

    def do_import(self, user: User, options: dict[str, Any]) -> None:
        path = Path(options["file"])
        try:
            with path.open("rb") as file:
                content = file.read(formats.MOST_BYTES + 1)
        except OSError as error:
            self.fail(f"{path} cannot be read: {error.strerror}.")
        kept = services.import_questions(name=options["name"], content=content, file_name=path.name, by=user)
        said = f"{kept.version}: {counted(kept.version.questions, 'question')}"
        self.say(
            {**version_facts(kept.version), "new": kept.new},
            [f"{said}." if kept.new else f"{said}, the same as were kept before."],
            options,
        )

    def do_list(self, user: User, options: dict[str, Any]) -> None:
        versions = list(
            QuestionSetVersion.objects.filter(question_set__tenant=user.tenant).select_related("question_set")
        )
        own = EvaluationRun.objects.filter(version__question_set__tenant=user.tenant)
        runs = list(own.select_related("version__question_set", "person")[:_LISTED])
        facts = {"versions": [version_facts(one) for one in versions], "runs": [run_facts(one) for one in runs]}
        lines = [f"{one}  {counted(one.questions, 'question')}  {one.created_at:%Y-%m-%d}" for one in versions]
        self.say(facts, [*lines, *map(run_line, runs)] or ["There is no question set yet."], options)

    def do_run(self, user: User, options: dict[str, Any]) -> None:
        person = self.acting_user(options["person"]) if options["person"] else None
        run = services.start_run(
            sets.find(options["name"], user.tenant),
            by=user,
            index_version=options["index_version"],
            person=person,
            collections=[get_collection_by_name(user, name) for name in options["collection"] or ()],
            k=options["k"],
            send=options["detach"],
        )
        if not options["detach"]:
            self.work(run, user)
        self.say(run_facts(run), list(run_lines(run)), options)
        if run.state in (run.State.FAILED, run.State.CANCELLED):
            raise SystemExit(1)

    def work(self, run: EvaluationRun, user: User) -> None:
        """In this process; if it dies, a worker goes on."""
        try:
            while run.state in EvaluationRun.OPEN:
                if not running.take_turn(run.pk, progress=self.progress):
                    time.sleep(_WAIT_S if EvaluationRun.objects.filter(pk=run.pk, state__in=run.OPEN).exists() else 0)
                run.refresh_from_db()
        except KeyboardInterrupt:
            services.cancel_run(run, by=user)
            raise

    def progress(self, done: int, total: int) -> None:
        if sys.stderr.isatty():
            self.stderr.write(f"\r{done} of {total}", ending="\n" if done == total else "")
            self.stderr.flush()

    def do_show(self, user: User, options: dict[str, Any]) -> None:
        run = services.find_run(options["run"], user)
        self.say(run_facts(run), list(run_lines(run)), options)

    def do_compare(self, user: User, options: dict[str, Any]) -> None:
        found = compare(services.find_run(options["old"], user), services.find_run(options["new"], user))
        self.say(found.as_dict(), list(comparison_lines(found)), options)

    def do_gate(self, user: User, options: dict[str, Any]) -> None:
        given = {name: options[name] for name in ("candidate", "baseline", "tolerance")}
        verdict = services.judge_version(sets.find(options["name"], user.tenant), by=user, **given)
        self.say(gating.facts(verdict), [f"{'Passed' if verdict.passed else 'Failed'}. {verdict.summary}"], options)
        if not verdict.passed:
            raise SystemExit(1)

    def do_export(self, user: User, options: dict[str, Any]) -> None:
        rows = sets.rows_of(sets.find(options["name"], user.tenant))
        self.stdout.write(formats.write_csv(rows) if options["csv"] else formats.write_jsonl(rows), ending="")

    def do_cancel(self, user: User, options: dict[str, Any]) -> None:
        run = services.find_run(options["run"], user)
        services.cancel_run(run, by=user)
        run.refresh_from_db()
        self.say(run_facts(run), ["It ends with its next step." if run.state in run.OPEN else run_line(run)], options)

    def say(self, facts: Any, lines: list[str], options: dict[str, Any]) -> None:
        if options["json"]:
            self.write_json(facts)
        else:
            for line in lines:
                self.stdout.write(line)
