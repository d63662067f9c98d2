"""The audit trail, to read."""

from __future__ import annotations

import json
import re
from datetime import UTC
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed
from django.urls import URLPattern, path
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chatapp.accounts.models import User
from chatapp.governance.export import download
from chatapp.governance.models import AuditEntry, EntryQuerySet
from chatapp.roles.services import is_auditor
from inference.administration.superusers import is_superuser

if TYPE_CHECKING:
    EntryAdminBase = admin.ModelAdmin[AuditEntry]
else:
    EntryAdminBase = admin.ModelAdmin

_NUMBER = re.compile(r"\b([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
_MOST_PEOPLE = 100  # whose lines are looked for by a name


class EntryList(ChangeList):
    """Fetches the keys of all people on the page at once."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if isinstance(self.result_list, EntryQuerySet):
            self.result_list = self.result_list.with_keys()


@admin.register(AuditEntry)
class EntryAdmin(EntryAdminBase):
    """For auditors and superusers, and for them to read; for others it is not there."""

    list_display = ("moment", "who", "action", "about_short", "what")
    list_display_links = ("moment",)
    list_filter = ("action",)
    search_fields = ("subject", "plain_name", "action")
    search_help_text = _("An action, what it was done to, or the name or number of a person.")
    fields = ("at", "who", "action", "about", "everything", "place")
    readonly_fields = fields
    date_hierarchy = "at"
    list_per_page = 50
    show_full_result_count = False
    change_list_template = "admin/governance/entries.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEntry]:
        """Of their organisation; of all for those who run Footnote."""
        rows = super().get_queryset(request)
        return rows if is_superuser(request) else rows.filter(organisation=cast(User, request.user).tenant)

    def get_urls(self) -> list[URLPattern]:
        name = "governance_auditentry_export"
        return [path("export/", self.admin_site.admin_view(self.export), name=name), *super().get_urls()]

    def export(self, request: HttpRequest) -> HttpResponseBase:
        _require_auditor(request)
        return download(request) if request.method == "GET" else HttpResponseNotAllowed(["GET"])

    def get_changelist(self, request: HttpRequest, **_: Any) -> type[ChangeList]:
        return EntryList

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        _require_auditor(request)
        return super().changelist_view(request, {"title": gettext("Audit trail"), **(extra_context or {})})

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AuditEntry], search_term: str
    ) -> tuple[QuerySet[AuditEntry], bool]:
        """Names are sealed: they are looked up among the people who have an account."""
        found, distinct = super().get_search_results(request, queryset, search_term)
        if term := search_term.strip():
            found = found | queryset.filter(actor__in=_people(term))
        return found, distinct

    def has_module_permission(self, request: HttpRequest) -> bool:
        return _may_audit(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        _require_auditor(request)
        return True

    def has_add_permission(self, request: HttpRequest, *_: Any) -> bool:
        _require_auditor(request)
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        _require_auditor(request)
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        _require_auditor(request)
        return False

    @admin.display(description=_("at (UTC)"), ordering="at")
    def moment(self, entry: AuditEntry) -> str:
        return entry.at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")

    @admin.display(description=_("subject"), ordering="subject")
    def about_short(self, entry: AuditEntry) -> str:
        return _NUMBER.sub(r"\1…", entry.whole_subject)

    @admin.display(description=_("by"), ordering="actor")
    def who(self, entry: AuditEntry) -> str:
        return entry.actor_name or "Footnote"

    @admin.display(description=_("subject"), ordering="subject")
    def about(self, entry: AuditEntry) -> str:
        return entry.whole_subject

    @admin.display(description=_("detail"))
    def what(self, entry: AuditEntry) -> str:
        detail = entry.whole_detail
        text = _plain(detail.get("reason") or detail.get("question") or "") or "; ".join(
            f"{name}: {_plain(v)}" for name, v in detail.items()
        )
        return text if len(text) <= 200 else f"{text[:200]}…"

    @admin.display(description=_("detail"))
    def everything(self, entry: AuditEntry) -> SafeString:
        rows = format_html_join(
            "", "<tr><th>{}</th><td>{}</td></tr>", ((n, _plain(v)) for n, v in entry.whole_detail.items())
        )
        return format_html("<table>{}</table>", rows)

    @admin.display(description=_("in the chain"))
    def place(self, entry: AuditEntry) -> str:
        return f"{entry.sequence}:{entry.hash}" if entry.hash else gettext("within seconds")


def _people(term: str) -> list[UUID]:
    """Somebody who was erased is found by their number."""
    found = list(User.objects.filter(Q(username__icontains=term)).values_list("pk", flat=True)[:_MOST_PEOPLE])
    try:
        return [*found, UUID(term)]
    except ValueError:
        return found


def _may_audit(request: HttpRequest) -> bool:
    return is_auditor(request.user)


def _require_auditor(request: HttpRequest) -> None:
    if not _may_audit(request):
        raise Http404


def _plain(value: Any) -> str:
    if isinstance(value, dict) and set(value) == {"from", "to"}:
        return f"{_plain(value['from'])} → {_plain(value['to'])}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
