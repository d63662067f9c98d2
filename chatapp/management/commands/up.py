"""Everything on one machine, as one command."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from chatapp.operations.postgres import PostgresFailed
from chatapp.operations.supervisor import CannotStart, Supervisor


class Command(BaseCommand):
    help = "Start the database, the services, the worker and the web process, and keep them running until Ctrl-C."
    requires_system_checks: list[str] = []

    def handle(self, **options: Any) -> None:
        try:
            Supervisor(self._say).run()
        except (CannotStart, PostgresFailed) as error:
            raise CommandError(str(error)) from None

    def _say(self, line: str) -> None:
        with suppress(OSError):  # a full disk behind standard output stops nothing
            self.stdout.write(line)
            self.stdout.flush()
