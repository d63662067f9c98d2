"""How long conversations are kept, in the administration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from chatapp.accounts.models import User
from chatapp.governance.services import record
from chatapp.organisations.boundaries import organisation_of
from chatapp.privacy.models import RetentionRule
from inference.administration.superusers import is_superuser

if TYPE_CHECKING:
    RuleAdminBase = admin.ModelAdmin[RetentionRule]
else:
    RuleAdminBase = admin.ModelAdmin


@admin.register(RetentionRule)
class RetentionAdmin(RuleAdminBase):
    list_display = ("whose", "days")
    list_select_related = ("group",)
    fields = ("group", "days")

    @admin.display(description="whose conversations", ordering="group__name")
    def whose(self, rule: RetentionRule) -> str:
        return str(rule.group) if rule.group else "everybody else's"

    def save_model(self, request: HttpRequest, obj: RetentionRule, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        _write_down(request, "retention_rule.changed" if change else "retention_rule.added", obj)

    def delete_model(self, request: HttpRequest, obj: RetentionRule) -> None:
        _write_down(request, "retention_rule.removed", obj)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[RetentionRule]) -> None:
        for rule in queryset:
            self.delete_model(request, rule)

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


def _write_down(request: HttpRequest, action: str, rule: RetentionRule) -> None:
    home = organisation_of(rule.group) if rule.group else None
    record(action, str(rule), cast(User, request.user), organisation=home, days=rule.days)
