"""How allauth behaves here: nobody signs up by themselves, and nobody locks others out."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.internal.ratelimit import truncate_ip
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """The strict limit is for a name at an address: guessing elsewhere does not lock the person out here."""
        name = super()._get_login_attempts_cache_key(request, **credentials)
        return f"{name}:{truncate_ip(self.get_client_ip(request))}"
