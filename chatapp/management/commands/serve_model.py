"""The model service as a process."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from chatapp.operations.serving import serve


class Command(BaseCommand):
    help = "Serve the local model to Footnote's other processes (the first of MODEL_SERVICE_URLS)."
    requires_system_checks: list[str] = []

    def handle(self, **options: Any) -> None:
        from inference.registry import installed_models
        from inference.server import create_app

        app = create_app(settings.INFERENCE, installed_models)
        serve(app, settings.INFERENCE.model_service_urls[0], leave=app.state.leave)
