"""What people may ask for: a copy of what is kept about them, and its end."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from chatapp.accounts.models import User
from chatapp.commands import FootnoteCommand, counted
from chatapp.governance.services import command, record
from chatapp.privacy import copies, erasure, keyring, older_texts


class Command(FootnoteCommand):
    help = "Copies of what is kept about a person, its erasure, and the keys under which personal data is encrypted."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="export|erase|rewrap|seal")
        export = actions.add_parser("export", help="all that is kept about a person, as a zip of JSON")
        export.add_argument("name", metavar="NAME")
        export.add_argument(
            "--output",
            metavar="FILE",
            help="default: the number of the person and .zip, here; it must not be there yet",
        )
        erase = actions.add_parser("erase", help="erase a person, for good")
        erase.add_argument("name", metavar="NAME", nargs="?")
        erase.add_argument("--with-documents", action="store_true", help="also the documents that they uploaded")
        erase.add_argument("--yes", action="store_true", help="do it; without this it only says what would go")
        erase.add_argument("--again", action="store_true", help="those who were erased before, after a restore")
        rewrap = actions.add_parser("rewrap", help="put the keys of all people under the first key-encryption key")
        seal = actions.add_parser("seal", help="seal the conversations that earlier versions left plain")
        for one in (export, erase, rewrap, seal):
            one.add_argument("--json", action="store_true", help="one JSON object on standard output")

    def handle(self, *, action: str, **options: Any) -> None:
        with command():
            actions = {"export": self._export, "erase": self._erase, "rewrap": self._rewrap, "seal": self._seal}
            actions[action](options)

    def _export(self, options: dict[str, Any]) -> None:
        person = self._person(options["name"])
        path = Path(options["output"] or f"{person.pk}.zip")
        try:
            with path.open("xb") as stream:
                path.chmod(0o600)
                counts = copies.write(person, stream)
        except OSError as error:
            self.fail(f"{path} cannot be written ({error.strerror}).", "Name another file with --output.")
        record("account.exported", person)
        if options["json"]:
            self.write_json({"file": str(path), "counts": counts})
            return
        for kind, number in counts.items():
            self.stdout.write(f"{number} {kind}")
        self.stdout.write(f"Written to {path}. It is personal: hand it over, then delete it.")

    def _erase(self, options: dict[str, Any]) -> None:
        if options["again"]:
            found = erasure.erase_again(erasure.remembered())
            self._say(options, {"people": found}, f"Erased {counted(found, 'person')} again.")
            return
        if not options["name"]:
            self.fail("Whom?", "Name a person: privacy erase NAME.")
        person = self._person(options["name"])
        if not options["yes"]:
            self.fail(f"This erases {person.get_username()} for good.", "Say --yes to do it.")
        erased = erasure.erase(person, with_documents=options["with_documents"]).as_dict()
        said = ", ".join(f"{number} {kind}" for kind, number in erased.items() if number)
        self._say(options, erased, f"Erased, with {said or 'nothing else'}.")

    def _rewrap(self, options: dict[str, Any]) -> None:
        changed = keyring.wrap_anew()
        done = f"Wrapped {counted(changed, 'key')} anew. Older key-encryption keys are not needed any more."
        self._say(options, {"keys": changed}, done)

    def _seal(self, options: dict[str, Any]) -> None:
        done = older_texts.seal_some()
        left = older_texts.left()
        said = f"Sealed {counted(done.conversations, 'conversation')} and {counted(done.messages, 'message')}."
        if left.conversations or left.messages:
            said += f" {left.conversations} and {left.messages} are left, in use or without a key that can be read:"
            said += " run it again, or leave them to the worker."
        counts = {"conversations": done.conversations, "messages": done.messages}
        self._say(options, counts | {"left": left.conversations + left.messages}, said)

    def _say(self, options: dict[str, Any], value: dict[str, Any], sentence: str) -> None:
        if options["json"]:
            self.write_json(value)
        else:
            self.stdout.write(sentence)

    def _person(self, name: str) -> User:
        """Also one whose account is closed."""
        found = User.objects.filter(username=name).first()
        if found is None:
            self.fail(f"There is nobody named {name!r}.", "Check the spelling.")
        return found
