"""Messages to Celery. None has to arrive: the rows say what is owed, and the next sweep sends word again."""

from __future__ import annotations

from typing import Any

import kombu.exceptions
import structlog

log = structlog.get_logger(__name__)

EXPIRES_S = 60.0


def send(task: Any, *arguments: object, **options: Any) -> None:
    """At once, without a second try: a broker that is away is noted, and holds up nobody."""
    try:
        task.apply_async(arguments, retry=False, expires=EXPIRES_S, **options)
    except (kombu.exceptions.KombuError, kombu.exceptions.ChannelError, OSError) as error:
        log.warning("broker.unavailable", task=task.name, about=[str(one) for one in arguments], reason=str(error))
