"""How allauth behaves here: nobody signs up by themselves, and nobody locks others out."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.internal.ratelimit import truncate_ip
from django.http import HttpRequest, HttpResponse

from chatapp.accounts import guessing
from chatapp.signon.errors import LocalAccountsOff
from chatapp.signon.sessions import takes_passwords


class AccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def authenticate(self, request: HttpRequest, **credentials: Any) -> Any:
        """Each way in with a password comes by here."""
        if not takes_passwords():
            raise LocalAccountsOff
        if not guessing.take(request, credentials):
            raise self.validation_error("too_many_login_attempts")
        person = super().authenticate(request, **credentials)
        if person is not None:
            guessing.give_back(request, credentials)
        return person

    def post_login(self, request: HttpRequest, user: Any, **how: Any) -> HttpResponse:
        response: HttpResponse = super().post_login(request, user, **how)
        guessing.remember(request, response, user)
        return response

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """The strict limit is for a name at an address: guessing elsewhere does not lock the person out here."""
        name = super()._get_login_attempts_cache_key(request, **credentials)
        return f"{name}:{truncate_ip(self.get_client_ip(request))}"
