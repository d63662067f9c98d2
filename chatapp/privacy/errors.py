"""What sealing says to people."""

from __future__ import annotations

from chatapp.errors import ChatAppError


class KeyIsMissing(ChatAppError):
    code = "key_missing"
    user_message = "The key that personal data is encrypted under is not among this server's keys."
    advice = "Put the key that was used before behind the first one in CHATAPP_KEY_ENCRYPTION_KEYS, and start again."

    def __init__(self, fingerprint: str) -> None:
        super().__init__(f"{self.user_message[:-1]} (it begins with {fingerprint}).")


class Unreadable(ChatAppError):
    """Of one value that is sealed: the rest of a page is shown without it."""

    code, http_status = "cannot_be_opened", 409
    user_message = "This text cannot be opened: its key is not there any more, or it was changed."
    advice = "Ask your administrator, who finds the reason in the log."


class LastAdministrator(ChatAppError):
    code, http_status = "last_administrator", 409
    user_message = "This is the only administrator."
    advice = "Make somebody else one first."
