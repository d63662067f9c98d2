"""Why a frame is not answered. `close_code` is what its socket is closed with."""

from __future__ import annotations

from chatapp.errors import NotFound


class Gone(NotFound):
    """The key is not known, was renewed or switched off, the page is not listed, the organisation is closed."""

    close_code = 4404
    user_message = "This chat is not available any more."


class TooOld(NotFound):
    """What the frame shows was signed too long ago: it loads itself again."""

    close_code = 4410
    user_message = "This chat is not available any more."
    advice = "Reload the page."


class SignInFirst(NotFound):
    close_code = 4401
    user_message = "You are signed out."
    advice = "Sign in again."


class OfAnother(NotFound):
    """Whose account is of another organisation."""

    close_code = 4403
    user_message = "Your account may read nothing that is searched here."
    advice = "Ask your administrator for access."


class NothingToRead(NotFound):
    code = "nothing_to_read"
    user_message = "Your account may read nothing that is searched here."
    advice = "Ask your administrator for access."
