"""Sessions in the database. A key that we did not make is never looked for there."""

from __future__ import annotations

from django.contrib.sessions.backends import db


class SessionStore(db.SessionStore):
    def __init__(self, session_key: str | None = None) -> None:
        """A cookie may hold anything, zero bytes too, which Postgres refuses."""
        ours = session_key and session_key.isascii() and session_key.isalnum()
        super().__init__(session_key if ours else None)

    def cycle_key(self) -> None:
        """A provider that ends the session finds it under its new key, whichever door gave it one."""
        from chatapp.signon.sessions import moved  # after the apps are there: sessions are a part of Django's start

        before = self.session_key
        super().cycle_key()
        moved(before, self.session_key)
