"""The pages under /admin/: for people with the staff flag or a role; for everybody else they are not there."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chatapp.errors import NotFound
from chatapp.languages.of_django import AdministrationScripts
from chatapp.roles import services as roles


class Administration(AdminSite):
    index_title = _("People, documents and models")

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        name = gettext("%(site)s administration") % {"site": settings.SITE_NAME}
        return {**super().each_context(request), "site_header": name, "site_title": name}

    def has_permission(self, request: Any) -> bool:
        if not (super().has_permission(request) or roles.has_any(request.user)):
            raise NotFound
        return True

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Any:
        """What somebody with a role may not see is not there for them either."""
        shown = super().admin_view(view, cacheable)

        @wraps(shown)
        def opened(request: HttpRequest, *parts: Any, **named: Any) -> Any:
            try:
                return shown(request, *parts, **named)
            except PermissionDenied:
                if getattr(request.user, "is_superuser", False):
                    raise
                raise NotFound from None
            except ValidationError:  # an id in the address that is none of its kind
                raise NotFound from None

        return opened

    def i18n_javascript(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return AdministrationScripts.as_view()(request)  # type: ignore[return-value]

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """One signs in on our own page, which counts wrong passwords."""
        self.has_permission(request)
        return redirect("admin:index")

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Likewise."""
        return redirect("set_password")
