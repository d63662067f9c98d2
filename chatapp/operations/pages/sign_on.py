"""The test of identity providers: a button for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _

from chatapp.errors import NotFound
from chatapp.operations.models import ProviderTrial
from chatapp.operations.pages.how_often import require_turn
from inference.administration.pages import context_of
from inference.administration.superusers import ReadOnly, actor, require_superuser

if TYPE_CHECKING:
    ProviderAdminBase = admin.ModelAdmin[ProviderTrial]
else:
    ProviderAdminBase = admin.ModelAdmin


@admin.register(ProviderTrial)
class ProviderTrialAdmin(ReadOnly, ProviderAdminBase):
    """One page; providers are described elsewhere."""

    class Media:
        css = {"all": ["css/administration.css", "css/system.css"]}

    def has_add_permission(self, request: HttpRequest, *_: Any) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.changelist_view)
        return [path("", view, name="operations_providertrial_changelist")]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        require_superuser(request)
        if request.method not in ("GET", "HEAD", "POST"):
            return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
        from chatapp.operations import sign_on_trials as trials  # what speaks with providers is loaded at need

        tested = request.POST.get("slug", "") if request.method == "POST" else ""
        rows = [{"listed": one, "addresses": trials.to_register(one.provider, request)} for one in trials.listed()]
        if request.method == "POST":
            row = next((one for one in rows if one["listed"].provider.slug == tested), None)  # type: ignore[attr-defined]
            if row is None:
                raise NotFound
            require_turn(request, "sign_on_trial")
            row["steps"] = trials.attempt(row["listed"].provider, by=actor(request))  # type: ignore[attr-defined]
        context = context_of(self, request, _("Test a sign-on")) | {"rows": rows}
        return TemplateResponse(request, "admin/system/sign_on.html", context)
