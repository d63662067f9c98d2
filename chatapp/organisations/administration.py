"""Pages of the administration that organisers see as well: what is of their organisation alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast
from uuid import UUID

from django.contrib.auth.models import Group
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest

from chatapp import access
from chatapp.accounts.models import ApiKey, User
from chatapp.organisations.forms import Within
from chatapp.organisations.models import Organisation
from inference.administration.superusers import is_superuser
from retrieval.models import Collection

_OFFERED: dict[type[Model], Callable[[User], QuerySet[Any]]] = {
    User: access.shown_people,
    Group: access.shown_groups,
    Collection: access.curated,
    Organisation: access.administered,
    ApiKey: lambda user: ApiKey.objects.filter(user__in=access.shown_people(user)),
}


def offered(model: type[Model], request: HttpRequest) -> QuerySet[Any] | None:
    """What a form may name; None: whatever there is, for it is nobody's."""
    found = _OFFERED.get(model)
    return None if found is None else found(cast(User, request.user))


class OfOrganisers:
    """Mixed into a ModelAdmin, before it. A row is shown to whoever administers one of the organisations that it names,
    and to those who run Footnote."""

    organisation_paths: tuple[str, ...] = ("organisation",)  # fields that lead to it
    for_superusers: tuple[str, ...] = ()  # fields that others are neither shown nor asked for
    form_within: type[Within] | None = None  # what their forms are mixed with

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)  # type: ignore[misc]
        return rows if is_superuser(request) else rows.filter(self._theirs(request)).distinct()

    def get_list_filter(self, request: HttpRequest) -> Any:
        """For organisers without those that would name rows of others."""
        found = super().get_list_filter(request)  # type: ignore[misc]
        return found if is_superuser(request) else [one for one in found if one not in ("groups", "is_superuser")]

    def get_exclude(self, request: HttpRequest, obj: Any = None) -> Any:
        before = super().get_exclude(request, obj) or ()  # type: ignore[misc]
        return before if is_superuser(request) else (*before, *self.for_superusers)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return access.administers_any(request.user)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return access.administers_any(request.user) if obj is None else self.is_theirs(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return access.administers_any(request.user)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_view_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_view_permission(request, obj)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **more: Any) -> Any:
        return super().formfield_for_foreignkey(db_field, request, **_narrowed(db_field, request, more))  # type: ignore[misc]

    def formfield_for_manytomany(self, db_field: Any, request: Any = None, **more: Any) -> Any:
        return super().formfield_for_manytomany(db_field, request, **_narrowed(db_field, request, more))  # type: ignore[misc]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **more: Any) -> Any:
        """For organisers one that knows where they are."""
        form = super().get_form(request, obj, change=change, **more)  # type: ignore[misc]
        if is_superuser(request):
            asked = self.form_within.for_any if self.form_within else None
            return type(form.__name__, (asked, form), {"maker": home_of_asker(request)}) if asked else form
        mixins = (self.form_within,) if self.form_within else ()
        hidden = dict.fromkeys(self.for_superusers)  # None takes a field that the form itself declares out of it
        return type(form.__name__, (*mixins, form), {"home": home_of_asker(request), **hidden})

    def is_theirs(self, request: HttpRequest, obj: Any) -> bool:
        if is_superuser(request):
            return True
        rows = type(obj)._base_manager.filter(self._theirs(request), pk=obj.pk)
        return access.administers_any(request.user) and bool(rows.exists())

    def _theirs(self, request: HttpRequest) -> Q:
        organisations = list(access.administered(request.user).values_list("pk", flat=True))
        found = Q(pk__in=[])
        for path in self.organisation_paths:
            found |= Q(**{f"{path}__in": organisations})
        return found


def _narrowed(field: Any, request: HttpRequest, more: dict[str, Any]) -> dict[str, Any]:
    rows = offered(field.remote_field.model, request)
    return more if rows is None else {"queryset": rows, **more}


def home_of_asker(request: HttpRequest) -> UUID:
    """Where what this person makes belongs."""
    return cast(User, request.user).tenant
