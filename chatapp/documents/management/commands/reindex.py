"""manage.py reindex"""

from __future__ import annotations

import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.db import transaction

from chatapp.access import require_administrator
from chatapp.accounts.models import User
from chatapp.commands import USAGE, FootnoteCommand
from chatapp.documents import versions
from retrieval.versions.current import serving
from retrieval.versions.models import IndexVersion
from retrieval.versions.progress import Progress, in_words, newest, progress_of, services_json

_POLL_S = 0.5
_SAYS_S = 5.0  # where nobody sees a line change
_Status = IndexVersion.Status
_ACTIONS = ("status", "cancel", "promote", "rollback", "retry")
_BUILDS = ("build",)
_FOR = {  # what an option is for; elsewhere it means nothing
    "model": _BUILDS,
    "kind": _BUILDS,
    "hold": _BUILDS,
    "gate": _BUILDS,
    "note": _BUILDS,
    "without_failed": ("build", "promote", "rollback"),
    "now": ("promote", "rollback"),
}


class Command(FootnoteCommand):
    help = (
        "Build the index anew beside the one that answers, with today's settings or another embedding model, check it,"
        " and put it in its place. Questions are answered throughout."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--model", metavar="NAME", default="", help="embed with it (default: as the settings say)")
        parser.add_argument("--kind", default="", help="index kind (default: that of the version that serves)")
        parser.add_argument("--hold", action="store_true", help="stop when it is ready; --promote puts it in service")
        parser.add_argument("--gate", metavar="SET", default="", help="question set that it must hold its own on")
        parser.add_argument("--note", default="", help="a word for the list of versions")
        parser.add_argument("--without-failed", action="store_true", help="serve without documents that failed")
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--status", action="store_true", help="show the versions and the index services")
        what.add_argument("--cancel", type=int, metavar="N", help="give version N up")
        what.add_argument("--promote", type=int, metavar="N", help="put version N in service")
        what.add_argument("--rollback", action="store_true", help="go back to the version that served before")
        what.add_argument("--retry", type=int, metavar="N", help="try again what failed in version N")
        parser.add_argument("--now", action="store_true", help="go back at once; what is newer is taken in afterwards")
        parser.add_argument("--no-wait", action="store_true", help="end as soon as the work is asked for")
        parser.add_argument("--json", action="store_true", help="print the version as JSON on standard output")
        parser.add_argument(
            "--patience", type=float, default=60.0, metavar="SECONDS", help="give up when nothing moves"
        )
        self.add_user_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        by = self.acting_user(options["user"])
        require_administrator(by)
        self.refuse_what_means_nothing(options)
        if options["status"]:
            self.show_status(as_json=options["json"])
            return
        with transaction.atomic():
            version = self.asked(options, by)
        if options["cancel"] is None and not options["no_wait"]:
            self.wait(version, options["patience"])
        self.show(version, as_json=options["json"])

    def refuse_what_means_nothing(self, options: dict[str, Any]) -> None:
        doing = next((one for one in _ACTIONS if options[one] not in (None, False)), "build")
        for option, actions in _FOR.items():
            if options[option] and doing not in actions:
                beside = "a build" if doing == "build" else f"--{doing}"
                known = " and ".join("a build" if one == "build" else f"--{one}" for one in actions)
                name = option.replace("_", "-")
                self.fail(f"--{name} means nothing for {beside}.", f"It is for {known}.", returncode=USAGE)

    def asked(self, options: dict[str, Any], by: User) -> IndexVersion:
        if options["cancel"] is not None:
            return versions.cancel(options["cancel"], by=by)
        if options["promote"] is not None:
            return versions.promote(
                options["promote"], without_failed=options["without_failed"], now=options["now"], by=by
            )
        if options["retry"] is not None:
            return versions.retry(options["retry"], by=by)
        if options["rollback"]:
            return versions.roll_back(now=options["now"], without_failed=options["without_failed"], by=by)
        return versions.build(
            model=options["model"] or settings.RETRIEVAL.embedding_model,
            kind=options["kind"],
            promote=not options["hold"],
            gate=options["gate"],
            note=options["note"],
            without_failed=options["without_failed"],
            by=by,
        )

    # -- waiting ---------------------------------------------------------------------------------------------------
    def wait(self, version: IndexVersion, patience_s: float) -> None:
        """Until it serves, is ready and held, or ended otherwise. Patience starts anew with each step."""
        last, since = None, time.monotonic()
        said = -_SAYS_S
        while True:
            version.refresh_from_db()
            progress = progress_of(version)
            state = (version.status, version.moved_at, progress.failed, progress.waits_for)
            if state != last:
                last, since = state, time.monotonic()
            if self.is_over(version):
                break
            if time.monotonic() - said > (_POLL_S if self.stderr.isatty() else _SAYS_S):
                said = time.monotonic()
                self.say(progress)
            if time.monotonic() - since > patience_s:
                why = version.error or "Is a worker on?"
                self.fail(f"Version {version.pk} is {in_words(progress)}; nothing moved for {patience_s:g} s.", why)
            time.sleep(_POLL_S)
        if self.stderr.isatty():
            self.stderr.write("")

    def is_over(self, version: IndexVersion) -> bool:
        if version.status == _Status.READY and not version.promote:
            if version.error_code:
                self.fail(f"Version {version.pk} was not put in service: {version.error}")
            return True
        if version.status in (_Status.FAILED, _Status.CANCELLED):
            self.fail(f"Version {version.pk} {version.status}.", version.error)
        return version.status == _Status.RETIRED or (version.status == _Status.SERVING and not version.catch_up)

    def say(self, progress: Progress) -> None:
        line = f"Version {progress.version.pk}: {in_words(progress)}"
        if self.stderr.isatty():
            self.stderr.write(f"\r\033[K{line}", ending="")
        else:
            self.stderr.write(line)

    # -- showing ---------------------------------------------------------------------------------------------------
    def show(self, version: IndexVersion, *, as_json: bool) -> None:
        version.refresh_from_db()
        progress = progress_of(version)
        if as_json:
            self.write_json(progress.as_json())
            return
        self.stdout.write(f"Version {version.pk} ({version.embedding_model}): {in_words(progress)}.")
        wanted = settings.RETRIEVAL.embedding_model
        serves = version.status == _Status.SERVING or (version.status in IndexVersion.IN_WORK and version.promote)
        if serves and version.embedding_model != wanted:
            self.stdout.write(
                f"The settings name {wanted}, and a reindex without --model builds with that one: to stay with this"
                f" version's, set RETRIEVAL_EMBEDDING_MODEL={version.embedding_model}."
            )

    def show_status(self, *, as_json: bool) -> None:
        found, services, now = newest(), services_json(), serving()
        wanted = settings.RETRIEVAL.embedding_model
        differs = now.id is not None and now.embedding_model != wanted
        if as_json:
            answer = {"versions": [one.as_json() for one in found], "services": services}
            self.write_json({**answer, "settings_name_another_model": wanted if differs else ""})
            return
        for one in found:
            version = one.version
            made = f"{version.embedding_model}  {version.kind}  {version.note}"
            self.stdout.write(f"{version.pk:>4}  {in_words(one)}  {made}".rstrip())
            if version.error:
                self.stdout.write(f"      {version.error}")
        if not found:
            self.stdout.write(f"No version yet: documents are embedded with {now.embedding_model}.")
        for service in services:
            holds = ", ".join(service["holds"]) or "nothing yet"
            self.stdout.write(f"Index service {service['service']} answers from {service['serving']}, holds {holds}.")
            if service["problem"]:
                self.stdout.write(f"      {service['problem']}")
        if differs:
            self.stdout.write(f"The settings name {wanted}: `manage.py reindex` changes to it.")
