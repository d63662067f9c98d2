"""manage.py ingestion [--retry [CODE]] [--cancel]"""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from chatapp.access import get_collection_by_name, require_administrator
from chatapp.commands import FootnoteCommand, counted
from chatapp.documents import ingestion
from retrieval.models import Collection

_STATES = {
    "idle": "nothing to do",
    "working": "working",
    "waiting": "waiting for its turn",
    "paused": "paused after an error",
    "stuck": "NOBODY WORKS",
}


class Command(FootnoteCommand):
    help = "Show what waits to be read and embedded, how fast it goes and what failed; try again, or call off."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--collection", metavar="NAME", help="only this one")
        parser.add_argument(
            "--retry",
            nargs="?",
            const="",
            metavar="CODE",
            help="try again what failed, or what failed so",
        )
        parser.add_argument("--cancel", action="store_true", help="call off what waits")
        parser.add_argument("--json", action="store_true", help="print JSON on standard output")
        self.add_user_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        user = self.acting_user(options["user"])
        require_administrator(user)
        name = options["collection"]
        collection = get_collection_by_name(user, name) if name is not None else None
        if options["cancel"]:
            number = ingestion.cancel_all(by=user, collection=collection)
            self._done("cancelled", number, as_json=options["json"])
        elif options["retry"] is not None:
            number = ingestion.retry_all(by=user, collection=collection, code=options["retry"] or None)
            self._done("retried", number, as_json=options["json"])
            if not number:
                self._say_why_none(collection, options["retry"])
        else:
            shown = ingestion.overview()
            if collection is not None:
                own = {"id": str(collection.pk), "name": collection.name, **ingestion.of_collection(collection.pk)}
                shown = {"all": shown["all"], "collections": [own], "failures": own.pop("failures")}
            self._show(shown, as_json=options["json"])

    def _done(self, what: str, number: int, *, as_json: bool) -> None:
        if as_json:
            self.write_json({what: number})
        else:
            self.stdout.write(f"{counted(number, 'document')} {what}.")

    def _say_why_none(self, collection: Collection | None, code: str) -> None:
        left = ingestion.failures(collection)
        if code:
            known = ", ".join(one.code for one in left if one.code) or "none"
            self.stderr.write(f"None failed with the code {code!r:.100}. There are: {known}.")
        elif left:
            codes = ", ".join(f"{one.code} ({one.documents})" for one in left)
            number = sum(one.documents for one in left)
            are = "1 is the file's own fault" if number == 1 else f"{number} are the files' own fault"
            self.stderr.write(f"{are}: {codes}. Name a code to retry them all the same.")
        else:
            self.stderr.write("None has failed.")

    def _show(self, shown: dict[str, Any], *, as_json: bool) -> None:
        if as_json:
            self.write_json(shown)
            return
        self._line("All collections", shown["all"])
        for one in shown["collections"]:
            self._line(one["name"], one)
        for one in shown["failures"]:
            for told in one["sentences"]:
                self.stdout.write(f"failed, {one['code'] or 'unknown'}: {told['documents']}. {told['sentence']}")

    def _line(self, name: str, one: dict[str, Any]) -> None:
        waiting, work = one["waiting"], one["in_work"]
        parts = [
            f"{waiting['parsing']} wait to be read, {waiting['embedding']} to be embedded",
            f"{work['parsing']} and {work['embedding']} in work",
            f"{one['passages_per_s']:g} passages/s, {one['documents_per_min']:g} documents/min",
        ]
        parts += [f"{one['paused']} paused"] if one["paused"] else []
        parts += [f"{one['failed']} failed"] if one["failed"] else []
        parts += [f"done at {one['ends_at']}"] if one["ends_at"] else []
        self.stdout.write(f"{name}: {_STATES[one['state']]}. {'; '.join(parts)}. {one['reason']}".rstrip())
