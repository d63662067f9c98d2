"""The test of identity providers: a button for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog
from allauth.core import ratelimit
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from chatapp.conversations.stream import redis_errors
from chatapp.errors import NotFound, TooOften
from chatapp.operations.models import ProviderTrial
from inference.administration.pages import context_of
from inference.administration.superusers import ReadOnly, actor, require_superuser

if TYPE_CHECKING:
    ProviderAdminBase = admin.ModelAdmin[ProviderTrial]
else:
    ProviderAdminBase = admin.ModelAdmin

log = structlog.get_logger(__name__)

_WINDOW_S = 60  # see ACCOUNT_RATE_LIMITS


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
            _require_turn(request)
            row["steps"] = trials.attempt(row["listed"].provider, by=actor(request))  # type: ignore[attr-defined]
        context = context_of(self, request, "Test a sign-on") | {"rows": rows}
        return TemplateResponse(request, "admin/system/sign_on.html", context)


def _require_turn(request: HttpRequest) -> None:
    """Raises TooOften; also where the store that counts is away: others are asked behind this button."""
    try:
        allowed = ratelimit.consume(request, action="sign_on_trial")
    except redis_errors() as error:
        log.warning("sign_on_trial.not_counted", error=str(error))
        allowed = None
    if not allowed:
        raise TooOften(retry_after_s=_WINDOW_S)
