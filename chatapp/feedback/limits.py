"""How often somebody may rate: each rating goes through outcomes, and may set off a look at a roll-out."""

from __future__ import annotations

import structlog
from allauth.core import ratelimit
from django.http import HttpRequest

from chatapp.conversations.stream import redis_errors
from chatapp.errors import TooOften

log = structlog.get_logger(__name__)

_WINDOW_S = 10  # see ACCOUNT_RATE_LIMITS


def check(request: HttpRequest) -> None:
    """Raises TooOften. Without the store that counts, everybody may."""
    try:
        allowed = ratelimit.consume(request, action="rating")
    except redis_errors() as error:
        log.warning("rating.not_counted", error=str(error))
        return
    if not allowed:
        raise TooOften(retry_after_s=_WINDOW_S)
