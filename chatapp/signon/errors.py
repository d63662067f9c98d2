"""What a person is told who is not let in."""

from __future__ import annotations

from chatapp.errors import ChatAppError


class SignOnRefused(ChatAppError):
    """The provider knows this person; the house does not let them in."""

    code, http_status = "sign_on_refused", 403
    user_message = "You cannot use this service with that account."
    advice = "Ask your administrator to let you in, or sign in with another account."


class SignOnFailed(ChatAppError):
    code, http_status, retryable = "sign_on_failed", 401, True
    user_message = "Signing in did not work."
    advice = "Go back to the sign-in page and try again; if it keeps failing, tell your administrator."


class ProviderUnreachable(ChatAppError):
    code, http_status, retryable = "sign_on_unreachable", 502, True
    user_message = "The sign-in service of your organisation does not answer."
    advice = "Try again in a minute; if it keeps failing, tell your administrator."


class LocalAccountsOff(ChatAppError):
    code, http_status = "local_accounts_off", 403
    user_message = "Passwords are not accepted here."
    advice = "Sign in through your organisation."


class SignOutRefused(ChatAppError):
    """A message about a sign-out that is not what the provider would have sent, here and now."""

    code, http_status = "sign_out_refused", 400
    user_message = "This sign-out did not come from the sign-in service of your organisation as it should."
    advice = "Sign out by the button of this site."
