"""How often one person may press a button of the operations pages."""

from __future__ import annotations

import structlog
from allauth.core import ratelimit
from django.http import HttpRequest

from chatapp.conversations.stream import redis_errors
from chatapp.errors import TooOften

log = structlog.get_logger(__name__)
_WINDOW_S = 60  # of each action in ACCOUNT_RATE_LIMITS


def require_turn(request: HttpRequest, action: str) -> None:
    """Raises TooOften; also where the store that counts is away, for what is behind such a button costs something."""
    try:
        allowed = ratelimit.consume(request, action=action)
    except redis_errors() as error:
        log.warning("page.not_counted", action=action, error=str(error))
        allowed = None
    if not allowed:
        raise TooOften(retry_after_s=_WINDOW_S)
