"""The index service as a process."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from chatapp.operations.serving import serve


class Command(BaseCommand):
    help = "Serve search and embedding to Footnote's other processes (INDEX_SERVICE_URL)."
    requires_system_checks: list[str] = []

    def handle(self, **options: Any) -> None:
        from retrieval.service.server import create_app

        serve(create_app(settings.RETRIEVAL), settings.RETRIEVAL.index_service_url)
