"""The system page: how the parts are, and how the house fared in the last hour, day or week."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _

from chatapp.operations import state
from chatapp.operations.figures import spending
from chatapp.operations.figures.plots import plots_of
from chatapp.operations.figures.spans import SPANS, columns_of, span_of
from chatapp.operations.models import Minute
from inference.administration.pages import context_of
from inference.administration.superusers import ReadOnly, require_superuser

if TYPE_CHECKING:
    MinuteAdminBase = admin.ModelAdmin[Minute]
else:
    MinuteAdminBase = admin.ModelAdmin


@admin.register(Minute)
class SystemAdmin(ReadOnly, MinuteAdminBase):
    """One page, and no pages of single minutes."""

    class Media:
        css = {"all": ["css/administration.css", "css/system.css"]}

    def has_add_permission(self, request: HttpRequest, *_: Any) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("", view(self.changelist_view), name="operations_minute_changelist"),
            path("state/", view(self.state_view), name="operations_state"),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        require_superuser(request)
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        span = span_of(request.GET.get("span", ""))
        columns = columns_of(span)
        context = context_of(self, request, _("System")) | {
            "parts": state.everything(),
            "span": span,
            "spans": SPANS,
            "plots": plots_of(span, columns),
            "spent": spending.this_month(),
        }
        return TemplateResponse(request, "admin/system/page.html", context)

    def state_view(self, request: HttpRequest) -> HttpResponse:
        """What the page asks for again and again while it is looked at."""
        require_superuser(request)
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        return TemplateResponse(request, "admin/system/state.html", {"parts": state.everything()})
