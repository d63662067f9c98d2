"""What every page is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from chatapp import access
from chatapp.roles import services as roles


def site(request: HttpRequest) -> dict[str, Any]:
    return {"site_name": settings.SITE_NAME, "roles": SimpleLazyObject(lambda: RolesShown.of(request))}


@dataclass(frozen=True, slots=True)
class RolesShown:
    """Which ways the navigation shows; the doors decide for themselves."""

    curates: bool
    administers: bool

    @classmethod
    def of(cls, request: HttpRequest) -> RolesShown:
        user = request.user
        return cls(access.curates_any(user), user.is_authenticated and (user.is_superuser or roles.has_any(user)))
