"""Sessions in the database. A key that we did not make is never looked for there."""

from __future__ import annotations

from django.contrib.sessions.backends import db


class SessionStore(db.SessionStore):
    def __init__(self, session_key: str | None = None) -> None:
        """A cookie may hold anything, zero bytes too, which Postgres refuses."""
        ours = session_key and session_key.isascii() and session_key.isalnum()
        super().__init__(session_key if ours else None)
