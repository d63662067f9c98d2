"""manage.py sources list|add|show|run|stop|accept|change|remove"""

from __future__ import annotations

import time
from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction

from chatapp import access
from chatapp.access import require_administrator
from chatapp.accounts.models import User
from chatapp.commands import FootnoteCommand
from chatapp.documents import sources
from chatapp.documents.services import collection_for, valid_name
from chatapp.governance.services import command
from retrieval.models import Collection
from retrieval.sources.connector import kind_named, kinds
from retrieval.sources.errors import BadSourceSettings
from retrieval.sources.models import Source

_POLL_S = 0.5


class Command(FootnoteCommand):
    help = "Places that documents are taken from again and again: folders, web pages, Git repositories, buckets."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = ("list", "add", "show", "run", "stop", "accept", "change", "remove")
        parser.add_argument("action", choices=actions, help="what to do")
        parser.add_argument("name", nargs="?", default="", help="of the source; not for list")
        parser.add_argument("pairs", nargs="*", metavar="SETTING=VALUE", help="add, change: as its kind needs them")
        parser.add_argument("--kind", default="", metavar="KIND", help=f"add: {', '.join(kinds())}")
        parser.add_argument("--collection", default="", metavar="NAME", help="add: where to; made when it is missing")
        parser.add_argument("--every", type=int, metavar="MINUTES", help="add, change: how often; 0: only when asked")
        parser.add_argument("--key", metavar="NAME", help="add, change: the environment variable SOURCE_KEY_... to use")
        parser.add_argument("--wait", action="store_true", help="run: wait for its end")
        parser.add_argument("--with-documents", action="store_true", help="remove: the documents go as well")
        parser.add_argument("--organisation", metavar="SHORT", help="whose (default: that of the acting person)")
        parser.add_argument("--json", action="store_true", help="print the answer as JSON on standard output")
        self.add_user_argument(parser)

    def handle(self, *, action: str, name: str, **options: Any) -> None:
        user = self.acting_user(options["user"])
        require_administrator(user)
        organisation = self.organisation(user, options["organisation"])
        with command():
            if action == "list":
                self.list(user, organisation, as_json=options["json"])
            elif not name:
                self.fail("Name the source.", "`manage.py sources list` shows them.")
            elif action == "add":
                self.add(user, name, organisation, options)
            else:
                getattr(self, action)(sources.get_source_by_name(user, name, organisation), user, options)

    def organisation(self, user: User, short: str | None) -> UUID:
        """Each has names of its own for its sources."""
        if short is None:
            return user.tenant
        found = access.administered(user).filter(slug=short).first()
        if found is None:
            self.fail(f"There is no organisation with the short name {short!r}.", "Check --organisation.")
        return found.pk

    def list(self, user: User, organisation: UUID, *, as_json: bool) -> None:
        found = sources.of_curator(user).filter(tenant=organisation)[: sources.MOST_LISTED]
        if as_json:
            self.write_json({"sources": [sources.source_json(one) for one in found]})
            return
        for one in found:
            often = f"every {one.every_minutes} min" if one.every_minutes and one.enabled else "when asked"
            self.stdout.write(f"{one.name}: {one.kind} into {one.collection}, {often}; {_state(one)}")

    def add(self, user: User, name: str, organisation: UUID, options: Mapping[str, Any]) -> None:
        if not options["kind"] or not options["collection"]:
            self.fail("A source needs --kind and --collection.", f"Kinds: {', '.join(kinds())}.")
        settings = _settings(options["kind"], options["pairs"])
        with transaction.atomic():  # what is refused, a name that is taken for one, leaves no empty collection
            source = sources.add(
                by=user,
                name=name,
                kind=options["kind"],
                settings=settings,
                collection=self.collection(user, options["collection"], organisation),
                key_name=options["key"] or "",
                every_minutes=options["every"] or None,
            )
        self.say(source, options)

    def collection(self, user: User, name: str, organisation: UUID) -> Collection:
        """Made where it is missing, but not for others."""
        if organisation == user.tenant:
            return collection_for(name=name, by=user)
        found = access.curated(user).filter(tenant=organisation, name=valid_name(name)).first()
        if found is None:
            self.fail(f"That organisation has no collection named {name!r}.", "Make it on the page Collections first.")
        return found

    def change(self, source: Source, user: User, options: Mapping[str, Any]) -> None:
        every = source.every_minutes if options["every"] is None else options["every"] or None
        sources.change(
            source,
            by=user,
            settings={**source.settings, **_settings(source.kind, options["pairs"])},
            key_name=source.key_name if options["key"] is None else options["key"],
            every_minutes=every,
            enabled=True,
        )
        self.say(source, options)

    def show(self, source: Source, user: User, options: Mapping[str, Any]) -> None:
        self.say(source, options)

    def run(self, source: Source, user: User, options: Mapping[str, Any]) -> None:
        begun = sources.run(source, by=user)
        if not begun and not options["wait"]:
            self.fail("It is being read already.", "`manage.py sources show` says how far it is.")
        if options["wait"]:
            self.wait(source)
        self.say(source, options)
        if options["wait"] and source.outcome != Source.Outcome.DONE:
            raise SystemExit(1)

    def wait(self, source: Source) -> None:
        """Its lease and the sweeper see to it that it ends; Ctrl-C leaves it running."""
        source.refresh_from_db()
        while source.state != Source.State.IDLE:
            time.sleep(_POLL_S)
            source.refresh_from_db()

    def stop(self, source: Source, user: User, options: Mapping[str, Any]) -> None:
        sources.stop(source, by=user)
        self.say(source, options)

    def accept(self, source: Source, user: User, options: Mapping[str, Any]) -> None:
        if not sources.accept_removals(source, by=user):
            self.fail("It is being read.", "Wait for its end.")
        self.say(source, options)

    def remove(self, source: Source, user: User, options: Mapping[str, Any]) -> None:
        sources.remove(source, by=user, with_documents=options["with_documents"])
        if options["json"]:
            self.write_json({"removed": source.name})
        else:
            what = "went with its documents." if options["with_documents"] else "is removed; its documents stay."
            self.stdout.write(f"{source.name} {what}")

    def say(self, source: Source, options: Mapping[str, Any]) -> None:
        source.refresh_from_db()
        if options["json"]:
            self.write_json({"source": sources.source_json(source), "failures": sources.failures(source)})
            return
        self.stdout.write(f"{source.name}: {_state(source)}")
        for one in sources.failures(source):
            self.stdout.write(f"  {one['document']}: {one['error']}")


def _state(source: Source) -> str:
    counts = ", ".join(f"{number} {what}" for what, number in source.counts.items())
    words = source.get_state_display() if source.state != Source.State.IDLE else source.get_outcome_display()
    return ". ".join(part for part in (f"{words}{f' ({counts})' if counts else ''}", source.error) if part)


def _settings(kind: str, pairs: list[str]) -> dict[str, Any]:
    """A list is given by naming its setting several times. Raises BadSourceSettings."""
    defaults, found = kind_named(kind).defaults, dict[str, Any]()
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise BadSourceSettings(f"{pair!r:.100} is no setting.", advice="Write them as SETTING=VALUE.")
        if isinstance(defaults.get(name), list):
            found.setdefault(name, []).append(value)
        elif isinstance(defaults.get(name), int):
            found[name] = _whole_number(name, value)
        else:
            found[name] = value
    return found


def _whole_number(name: str, value: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise BadSourceSettings(f"The setting {name} must be a whole number.", advice="Correct it.") from None
