"""The pages under /admin/: for people with the staff flag or a role; for everybody else they are not there."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.conf import settings
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chatapp.accounts.models import User
from chatapp.errors import NotFound
from chatapp.languages.of_django import AdministrationScripts
from chatapp.overview import attention
from chatapp.overview.jobs import groups_of
from chatapp.roles import services as roles
from inference.administration.superusers import is_superuser, require_superuser


class Administration(AdminSite):
    index_title = _("People, documents and models")

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        name = gettext("%(site)s administration") % {"site": settings.SITE_NAME}
        context = super().each_context(request)
        return {**context, "site_header": name, "site_title": name, "jobs": groups_of(context["available_apps"])}

    def get_urls(self) -> Any:
        return [path("attention/", self.admin_view(self.attention_view), name="attention"), *super().get_urls()]

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """Its pages by what somebody wants to do; to those who run Footnote, what needs them comes first."""
        context = {"groups": groups_of(self.get_app_list(request)), **(extra_context or {})}
        if is_superuser(request):
            context["matters"] = attention.stored(cast(User, request.user))
        return super().index(request, context)

    def app_index(
        self, request: HttpRequest, app_label: str, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        """Those pages of one part, shown as the first page shows them."""
        context = {"groups": groups_of(self.get_app_list(request, app_label)), **(extra_context or {})}
        return super().app_index(request, app_label, context)

    def attention_view(self, request: HttpRequest) -> HttpResponse:
        """The same with the parts, which are asked: the page fetches it once it is shown, and again later."""
        require_superuser(request)
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        found = attention.everything(cast(User, request.user))
        return TemplateResponse(request, "admin/overview/attention.html", {"matters": found, "asked": True})

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
