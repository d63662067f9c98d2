"""The directory among Django's ways to look at a password. Behind the one of our own accounts, or in its place."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from chatapp.accounts.models import User


class DirectoryBackend(ModelBackend):
    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **other: Any
    ) -> User | None:
        """Raises ProviderUnreachable and what else is told to a person, and PermissionDenied: nobody is asked after."""
        from chatapp.directory.services import directory_in_use, sign_in

        directory = directory_in_use()
        name = (username or other.get("email") or "").strip()
        person = sign_in(request, directory, name, password or "") if request is not None and directory else None
        if person is None and not settings.LOCAL_ACCOUNTS:
            raise PermissionDenied
        return person
