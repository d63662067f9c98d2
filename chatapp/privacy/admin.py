"""How long conversations are kept, in the administration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _

from chatapp.accounts.models import User
from chatapp.governance.services import record
from chatapp.organisations.boundaries import organisation_of
from chatapp.privacy import coverage
from chatapp.privacy.models import RetentionRule
from inference.administration.superusers import is_superuser, require_superuser

if TYPE_CHECKING:
    RuleAdminBase = admin.ModelAdmin[RetentionRule]
else:
    RuleAdminBase = admin.ModelAdmin


@admin.register(RetentionRule)
class RetentionAdmin(RuleAdminBase):
    list_select_related = ("group",)
    list_per_page = 50
    actions = None
    fields = ("group", "days")
    change_list_template = "admin/privacy/retentionrule/list.html"
    change_form_template = "admin/privacy/retentionrule/rule.html"

    class Media:
        css = {"all": ["css/administration.css", "css/standings.css"]}

    def get_urls(self) -> list[URLPattern]:
        door = path("would-delete/", self.admin_site.admin_view(self.trial_view), name="privacy_retentionrule_trial")
        return [door, *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[RetentionRule]:
        return super().get_queryset(request).order_by(F("group__name").asc(nulls_last=True))

    def trial_view(self, request: HttpRequest) -> HttpResponse:
        """What a rule that is being typed would delete; nothing is stored."""
        require_superuser(request)
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        number = _number(request.GET.get("rule", ""))
        stored = None if number is None else RetentionRule.objects.filter(pk=number).first()
        form = self.get_form(request, stored, change=stored is not None)(request.GET, instance=stored)
        found = coverage.coverage(form.save(commit=False), trial=True) if form.is_valid() else None
        return TemplateResponse(request, "admin/privacy/retentionrule/trial.html", {"found": found, "form": form})

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        context = {"title": _("How long conversations are kept"), **(extra_context or {})}
        shown = super().changelist_view(request, context)
        if (there := getattr(shown, "context_data", None)) and "cl" in there:
            there["covered"] = coverage.covered(list(there["cl"].result_list))
            there["due_now"], there["runs"] = coverage.due_now(), coverage.last_runs()
        return shown

    def render_change_form(self, request: HttpRequest, context: Any, *parts: Any, **named: Any) -> HttpResponse:
        if (rule := context.get("original")) is not None:
            context["found"] = coverage.coverage(rule)
            context["subtitle"] = str(rule.group or _("Everybody else"))
        return super().render_change_form(request, context, *parts, **named)

    def save_model(self, request: HttpRequest, obj: RetentionRule, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        _write_down(request, "retention_rule.changed" if change else "retention_rule.added", obj)

    def delete_model(self, request: HttpRequest, obj: RetentionRule) -> None:
        _write_down(request, "retention_rule.removed", obj)
        super().delete_model(request, obj)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return is_superuser(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _write_down(request: HttpRequest, action: str, rule: RetentionRule) -> None:
    home = organisation_of(rule.group) if rule.group else None
    record(action, str(rule), cast(User, request.user), organisation=home, days=rule.days)
