from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

from django.apps import AppConfig


class FeedbackConfig(AppConfig):
    name = "chatapp.feedback"

    def ready(self) -> None:
        from inference import seams

        seams.ratings.connect(_of_turns)


def _of_turns(turns: Collection[UUID]) -> Mapping[UUID, int]:
    """Imported when it is asked: most processes never do."""
    from chatapp.feedback import services

    return services.of_turns(turns)
