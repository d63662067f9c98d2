"""API keys: make, list, revoke."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from chatapp.accounts.keys import Wanted, kept_keys, make_key, revoke_key
from chatapp.accounts.models import User
from chatapp.accounts.scopes import Action
from chatapp.commands import FootnoteCommand
from chatapp.documents.narrowing import collections_named


class Command(FootnoteCommand):
    help = "Make, list and revoke the keys that programs use (OpenAI's API under /v1)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="create|list|revoke")
        create = actions.add_parser("create", help="make a key; it is printed once")
        create.add_argument("name", metavar="NAME", help="what it is for; --user says who it acts as")
        create.add_argument("--json", action="store_true", help="one JSON object on standard output")
        create.add_argument(
            "--action", dest="actions", action="append", choices=Action.values, help="only this; repeat"
        )
        create.add_argument(
            "--collection", dest="collections", action="append", metavar="NAME", help="only there; repeat"
        )
        create.add_argument("--model", dest="models", action="append", metavar="NAME", help="only this one; repeat")
        create.add_argument(
            "--days", type=int, help="until it ends (default: CHATAPP_API_KEY_DAYS; 0: never, if allowed)"
        )
        create.add_argument("--signed", action="store_true", help="requests must be signed; prints the secret as well")
        self.add_user_argument(create)
        listing = actions.add_parser("list", help="the keys in use")
        listing.add_argument("--json", action="store_true", help="one JSON object on standard output")
        self.add_user_argument(listing)
        revoke = actions.add_parser("revoke", help="end a key at once")
        revoke.add_argument("name", metavar="NAME")
        self.add_user_argument(revoke)

    def handle(self, *, action: str, user: str | None, **options: Any) -> None:
        if action == "create" and user is None:
            self._refuse_name_of_a_person(options["name"])
        person = self.acting_user(user)
        if action == "create":
            made = make_key(user=person, name=options["name"], wanted=self._wanted(person, options))
            if options["json"]:
                self.write_json({"key": made.key} | ({"secret": made.secret} if made.secret else {}))
            else:
                self.stdout.write("\n".join(filter(None, [made.key, made.secret])))
            self.stderr.write(f"Acts as {person.get_username()}. It is not shown again: keep it now.")
        elif action == "revoke":
            revoke_key(user=person, name=options["name"])
            self.stdout.write(f"Revoked {options['name']}.")
        else:
            self._list(person, as_json=options["json"])

    def _wanted(self, person: User, options: dict[str, Any]) -> Wanted:
        named = options["collections"]
        return Wanted(
            actions=options["actions"],
            collections=None if named is None else sorted(collections_named(person, named)),
            models=options["models"],
            days=options["days"],
            signed=options["signed"],
        )

    def _refuse_name_of_a_person(self, name: str) -> None:
        """Who means a key for somebody would else get, and hand out, one of the administrator's."""
        if User.objects.filter(username__iexact=" ".join(name.split())).exists():
            self.fail(
                f"{name!r} is the name of a person; without --user the key would act as the first administrator.",
                f"Say whose it is: apikey create NAME --user {name}; NAME is what the key is for.",
            )

    def _list(self, person: Any, *, as_json: bool) -> None:
        rows: list[dict[str, Any]] = [
            {
                "name": key.name,
                "ends_with": key.hint,
                "created_at": key.created_at.isoformat(),
                "last_used_at": key.last_used_at.isoformat() if key.last_used_at else None,
                "expires_at": key.expires_at.isoformat() if key.expires_at else None,
                "actions": key.actions,
                "collections": key.collections,
                "models": key.model_names,
                "signed": key.signed,
            }
            for key in kept_keys(person)
        ]
        if as_json:
            self.write_json({"keys": rows})
            return
        for row in rows:
            used = f"last used {row['last_used_at'][:16]}" if row["last_used_at"] else "never used"
            ends = f"ends {row['expires_at'][:10]}" if row["expires_at"] else "does not end"
            opens = "all" if row["actions"] is None else " ".join(row["actions"])
            self.stdout.write(
                f"{row['name']}  …{row['ends_with']}  made {row['created_at'][:16]}, {used}, {ends}, opens: {opens}"
            )
