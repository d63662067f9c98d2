"""What a filter says to people."""

from __future__ import annotations

from chatapp.errors import ChatAppError


class ContentBlocked(ChatAppError):
    """Names the kinds, never what was found."""

    code, http_status = "content_blocked", 422
    user_message = "The rules of your organisation do not allow this content."
    advice = "Leave it out and ask again, or speak to your administrator."


class ContentNotChecked(ChatAppError):
    """A rule wants a text judged, and what judges is away."""

    code, http_status, retryable = "content_not_checked", 503, True
    user_message = "Your question could not be checked against the rules of your organisation."
    advice = "It usually works again within seconds. Try again."
