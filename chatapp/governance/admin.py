"""The audit trail, to read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from chatapp.governance.models import AuditEntry

if TYPE_CHECKING:
    EntryAdminBase = admin.ModelAdmin[AuditEntry]
else:
    EntryAdminBase = admin.ModelAdmin


@admin.register(AuditEntry)
class EntryAdmin(EntryAdminBase):
    """For superusers, and for them to read; for other staff it is not there."""

    list_display = ("at", "who", "action", "subject", "what")
    list_display_links = ("at",)
    list_filter = ("action",)
    search_fields = ("subject", "actor_name", "action")
    fields = ("at", "who", "action", "subject", "everything")
    readonly_fields = fields
    date_hierarchy = "at"
    list_per_page = 50
    show_full_result_count = False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        _require_superuser(request)
        return super().changelist_view(request, {"title": "Audit trail", **(extra_context or {})})

    def has_module_permission(self, request: HttpRequest) -> bool:
        return _is_superuser(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        _require_superuser(request)
        return True

    def has_add_permission(self, request: HttpRequest, *_: Any) -> bool:
        _require_superuser(request)
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        _require_superuser(request)
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        _require_superuser(request)
        return False

    @admin.display(description="by", ordering="actor_name")
    def who(self, entry: AuditEntry) -> str:
        return entry.actor_name or "Footnote"

    @admin.display(description="detail")
    def what(self, entry: AuditEntry) -> str:
        text = entry.detail.get("reason") or "; ".join(f"{name}: {_plain(v)}" for name, v in entry.detail.items())
        return text if len(text) <= 200 else f"{text[:200]}…"

    @admin.display(description="detail")
    def everything(self, entry: AuditEntry) -> SafeString:
        rows = format_html_join(
            "", "<tr><th>{}</th><td>{}</td></tr>", ((n, _plain(v)) for n, v in entry.detail.items())
        )
        return format_html("<table>{}</table>", rows)


def _is_superuser(request: HttpRequest) -> bool:
    return bool(request.user.is_active and getattr(request.user, "is_superuser", False))


def _require_superuser(request: HttpRequest) -> None:
    if not _is_superuser(request):
        raise Http404


def _plain(value: Any) -> str:
    if isinstance(value, dict) and set(value) == {"from", "to"}:
        return f"{_plain(value['from'])} → {_plain(value['to'])}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
