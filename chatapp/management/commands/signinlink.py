"""A one-time sign-in link for somebody."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError

from chatapp.accounts.links import make_link
from chatapp.accounts.models import User
from chatapp.commands import FootnoteCommand
from chatapp.operations.address import address


class Command(FootnoteCommand):
    help = "Print a link that signs NAME in once, within a day; --create makes the person first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME")
        parser.add_argument("--create", action="store_true", help="make the person if there is none of that name")

    def handle(self, *, name: str, create: bool, **options: Any) -> None:
        user = User.objects.filter(username=name, is_active=True).first()
        if user is None and create and not User.objects.filter(username=name).exists():
            user = self._made(name)
        if user is None:
            self.fail(f"There is no active person named {name!r}.", "Check the name, or add --create.")
        self.stdout.write(address() + make_link(user))

    def _made(self, name: str) -> User:
        try:
            User._meta.get_field("username").run_validators(name)
        except ValidationError as error:
            self.fail(f"Nobody can have this name. {' '.join(error.messages)}", "Choose another one.")
        if not name:
            self.fail("A name cannot be empty.", "Choose another one.")
        return User.objects.create_user(username=name)
