"""What every page is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from chatapp import access
from chatapp.accounts.models import User
from chatapp.feedback.curating import MOST_COUNTED, open_count
from chatapp.roles import services as roles


def site(request: HttpRequest) -> dict[str, Any]:
    roles_shown = SimpleLazyObject(lambda: RolesShown.of(request))
    open_feedback = SimpleLazyObject(lambda: _counted(open_count(cast(User, request.user))))
    return {"site_name": settings.SITE_NAME, "roles": roles_shown, "open_feedback": open_feedback}


def _counted(number: int) -> str:
    """Empty where there is nothing."""
    return f"{MOST_COUNTED}+" if number > MOST_COUNTED else str(number or "")


@dataclass(frozen=True, slots=True)
class RolesShown:
    """Which ways the navigation shows; the doors decide for themselves."""

    curates: bool
    administers: bool

    @classmethod
    def of(cls, request: HttpRequest) -> RolesShown:
        user = request.user
        return cls(access.curates_any(user), user.is_authenticated and (user.is_superuser or roles.has_any(user)))
