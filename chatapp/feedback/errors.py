"""What a curator can run into."""

from __future__ import annotations

from chatapp.errors import ChatAppError


class ChangedMeanwhile(ChatAppError):
    """Nothing was changed: what the page showed is no longer so."""

    code, http_status = "changed_meanwhile", 409
    user_message = "This has changed since you opened it."
    advice = "It is shown as it is now. Look at it again, then decide."


class HandledMeanwhile(ChangedMeanwhile):
    user_message = "Somebody else has handled this meanwhile."
    advice = "Look at their note. Yours was not kept; undo theirs if it is not handled."
