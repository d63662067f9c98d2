"""Pages of the administration that curators see as well: of their own collections alone."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import Http404, HttpRequest

from chatapp import access
from inference.administration.superusers import is_superuser


def require_curator(request: HttpRequest) -> None:
    if not access.curates_any(request.user):
        raise Http404


class OfCurators:
    """Mixed into a ModelAdmin, before it. Nobody adds or deletes here unless the class says so."""

    of_collection = "collection"  # the field that leads to the collection; "pk" where it is one

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)  # type: ignore[misc]
        return rows if is_superuser(request) else rows.filter(**self._theirs(request))

    def get_list_filter(self, request: HttpRequest) -> Any:
        """For curators without those that would name collections and groups that are not theirs."""
        found = super().get_list_filter(request)  # type: ignore[misc]
        return found if is_superuser(request) else [one for one in found if one not in ("collection", "readers")]

    def has_module_permission(self, request: HttpRequest) -> bool:
        return access.curates_any(request.user)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return access.curates_any(request.user) if obj is None else self._is_theirs(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def _theirs(self, request: HttpRequest) -> dict[str, Any]:
        return {f"{self.of_collection}__in": access.curated(request.user)}

    def _is_theirs(self, request: HttpRequest, obj: Any) -> bool:
        if is_superuser(request):
            return True
        collection = obj.pk if self.of_collection == "pk" else getattr(obj, f"{self.of_collection}_id")
        return access.curated(request.user).filter(pk=collection).exists()
