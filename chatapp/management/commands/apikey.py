"""API keys: make, list, revoke."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from chatapp.accounts.keys import active_keys, create_key, revoke_key
from chatapp.commands import FootnoteCommand


class Command(FootnoteCommand):
    help = "Make, list and revoke the keys that programs use (OpenAI's API under /v1)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="create|list|revoke")
        create = actions.add_parser("create", help="make a key; it is printed once")
        create.add_argument("name", metavar="NAME", help="what it is for")
        self.add_user_argument(create)
        listing = actions.add_parser("list", help="the keys in use")
        listing.add_argument("--json", action="store_true", help="one JSON object on standard output")
        self.add_user_argument(listing)
        revoke = actions.add_parser("revoke", help="end a key at once")
        revoke.add_argument("name", metavar="NAME")
        self.add_user_argument(revoke)

    def handle(self, *, action: str, user: str | None, **options: Any) -> None:
        person = self.acting_user(user)
        if action == "create":
            self.stdout.write(create_key(user=person, name=options["name"]))
            self.stderr.write(f"Acts as {person.get_username()}. It is not shown again: keep it now.")
        elif action == "revoke":
            revoke_key(user=person, name=options["name"])
            self.stdout.write(f"Revoked {options['name']}.")
        else:
            self._list(person, as_json=options["json"])

    def _list(self, person: Any, *, as_json: bool) -> None:
        rows = [
            {
                "name": key.name,
                "ends_with": key.hint,
                "created_at": key.created_at.isoformat(),
                "last_used_at": key.last_used_at.isoformat() if key.last_used_at else None,
            }
            for key in active_keys(person)
        ]
        if as_json:
            self.write_json({"keys": rows})
            return
        for row in rows:
            used = f"last used {row['last_used_at'][:16]}" if row["last_used_at"] else "never used"
            self.stdout.write(f"{row['name']}  …{row['ends_with']}  made {row['created_at'][:16]}, {used}")
