"""Collections and their documents in the administration; documents come and go through their own page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest

from retrieval.models import Collection, Document, DocumentQuerySet

if TYPE_CHECKING:
    CollectionAdminBase = admin.ModelAdmin[Collection]
    DocumentAdminBase = admin.ModelAdmin[Document]
else:
    CollectionAdminBase = DocumentAdminBase = admin.ModelAdmin


@admin.register(Collection)
class CollectionAdmin(CollectionAdminBase):
    """Who reads what."""

    list_display = ("name", "everyone", "stays_in_house", "created_at")
    list_filter = ("everyone", "stays_in_house", "readers")
    search_fields = ("name", "description")
    filter_horizontal = ("readers",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # the documents page deletes: it tells the index services and removes the files


class GivenCodes(admin.AllValuesFieldListFilter):
    """Without the empty one of documents that have no error: it would be a link without words."""

    def __init__(self, field: Any, *arguments: Any, **named: Any) -> None:
        super().__init__(field, *arguments, **named)
        self.lookup_choices = self.lookup_choices.exclude(**{field.name: ""})


# Its state first; what drove it comes last.
SHOWN: tuple[str, ...] = (
    *("name", "collection", "status", "error_code", "error", "warnings", "restricted", "readers"),
    *("title", "path", "media_type", "size", "pages", "passage_count", "uploaded_by", "by_hand"),
    *("dated_at", "created_at", "queued_at", "ready_at", "seconds", "attempts", "sha256"),
)


@admin.register(Document)
class DocumentAdmin(DocumentAdminBase):
    """To look at only: a changed row would leave the index services behind."""

    list_display = ("name", "collection", "status", "error_code", "passage_count", "attempts", "created_at")
    list_filter = ("status", "collection", ("error_code", GivenCodes))
    search_fields = ("name", "path", "title", "sha256")
    fields = SHOWN
    readonly_fields = SHOWN

    def get_queryset(self, request: HttpRequest) -> DocumentQuerySet:
        """Those that the person may read: a name tells as well."""
        return Document.objects.readable_by(request.user)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
