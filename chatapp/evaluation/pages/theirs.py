"""What question sets and runs have in common: each organisation's administrators see those of its questions."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Model, OuterRef, QuerySet, Subquery
from django.http import Http404, HttpRequest
from django.utils.translation import gettext_lazy as _

from chatapp import access
from chatapp.organisations.administration import OfOrganisers
from chatapp.organisations.models import Organisation
from inference.administration.superusers import is_superuser


class OfTheirQuestions(OfOrganisers):
    """Mixed into a ModelAdmin, before it. Rows are looked at, neither changed nor deleted."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        (path,) = self.organisation_paths
        home = Organisation.objects.filter(pk=OuterRef(path)).values("name")
        return super().get_queryset(request).annotate(home=Subquery(home))

    def get_list_filter(self, request: HttpRequest) -> Any:
        """For organisers without names of sets: they would be those of all."""
        found = super().get_list_filter(request)
        return found if is_superuser(request) else [one for one in found if not one.endswith("question_set")]

    def get_list_display(self, request: HttpRequest) -> Any:
        shown = super().get_list_display(request)  # type: ignore[misc]
        return (*shown, "organisation") if is_superuser(request) else shown

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description=_("organisation"))
    def organisation(self, row: Any) -> str:
        return row.home or ""


def require_organiser(request: HttpRequest) -> None:
    """Raises Http404."""
    if not access.administers_any(request.user):
        raise Http404


def found_row(page: Any, request: HttpRequest, pk: object) -> Any:
    """Of those that the page lists for whoever asks. Raises Http404."""
    require_organiser(request)
    row: Model | None = page.get_object(request, str(pk))
    if row is None:
        raise Http404
    return row
