"""Models are for superusers alone; for other staff these pages are not there."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest


def is_superuser(request: HttpRequest) -> bool:
    return bool(request.user.is_active and getattr(request.user, "is_superuser", False))


def require_superuser(request: HttpRequest) -> None:
    if not is_superuser(request):
        raise Http404


def actor(request: HttpRequest) -> Any:
    """Signed in, as every view behind `require_superuser` knows."""
    return request.user


class SuperusersAlone:
    """Mixed into a ModelAdmin, before it."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return is_superuser(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        require_superuser(request)
        return True

    def has_add_permission(self, request: HttpRequest, *_: Any) -> bool:
        require_superuser(request)
        return True

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        require_superuser(request)
        return True

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        require_superuser(request)
        return True


class ReadOnly(SuperusersAlone):
    """For superusers, and for them to look at."""

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        require_superuser(request)
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        require_superuser(request)
        return False
