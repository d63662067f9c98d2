"""The audit trail, to read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from chatapp.governance.models import AuditEntry
from inference.administration.superusers import ReadOnly, require_superuser

if TYPE_CHECKING:
    EntryAdminBase = admin.ModelAdmin[AuditEntry]
else:
    EntryAdminBase = admin.ModelAdmin


@admin.register(AuditEntry)
class EntryAdmin(ReadOnly, EntryAdminBase):
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
        require_superuser(request)
        return super().changelist_view(request, {"title": "Audit trail", **(extra_context or {})})

    def has_add_permission(self, request: HttpRequest, *_: Any) -> bool:
        require_superuser(request)
        return False

    @admin.display(description="by", ordering="actor_name")
    def who(self, entry: AuditEntry) -> str:
        return entry.actor_name or "Footnote, or a command"

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


def _plain(value: Any) -> str:
    if isinstance(value, dict) and set(value) == {"from", "to"}:
        return f"{_plain(value['from'])} → {_plain(value['to'])}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
