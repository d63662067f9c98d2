"""What comes before the processes where `up` does not start them: tables, the first administrator, the sample."""

from __future__ import annotations

from typing import Any

from django.core.management import call_command

from chatapp.commands import FootnoteCommand
from chatapp.operations.address import address
from chatapp.operations.first_run import ensure_administrator, load_sample, welcome_link


class Command(FootnoteCommand):
    help = "Set up or bring up to date the database; print the first administrator's link while nobody has a password."

    def handle(self, **options: Any) -> None:
        call_command("migrate", verbosity=0, interactive=False)
        ensure_administrator()
        if load_sample():
            self.stdout.write("Loading the sample collection, a small company's handbook.")
        if link := welcome_link():
            self.stdout.write(f"Sign in as the first administrator, once, within a day: {address()}{link}")
