"""Organisations under /admin/: made, closed and opened by those who run Footnote; others see theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from chatapp.accounts.models import User
from chatapp.errors import Invalid
from chatapp.governance.services import record
from chatapp.languages.said import said
from chatapp.organisations import services
from chatapp.organisations.administration import OfOrganisers
from chatapp.organisations.forms import told
from chatapp.organisations.models import Organisation
from inference.administration.superusers import is_superuser

if TYPE_CHECKING:
    OrganisationAdminBase = admin.ModelAdmin[Organisation]
else:
    OrganisationAdminBase = admin.ModelAdmin


class OrganisationForm(forms.ModelForm):  # type: ignore[type-arg]
    def clean_name(self) -> str:
        """As the service stores it: so that one that is taken is told beside its field."""
        return services.name_of(self.cleaned_data["name"])

    def clean_slug(self) -> str:
        try:
            services.require_free_slug(self.cleaned_data["slug"])
        except Invalid as error:
            raise told(error) from None
        return str(self.cleaned_data["slug"])


@admin.register(Organisation)
class OrganisationAdmin(OfOrganisers, OrganisationAdminBase):
    organisation_paths = ("pk",)
    form = OrganisationForm
    list_display = ("name", "slug", "is_active", "people_of", "created_at")
    fields = ("name", "slug", "is_active", "created_at")
    actions = ("close", "open_again")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Organisation]:
        there = Q(people__is_active=True, people__is_service=False)
        return super().get_queryset(request).annotate(there=Count("people", filter=there, distinct=True))

    def get_readonly_fields(self, request: HttpRequest, obj: Organisation | None = None) -> tuple[str, ...]:
        """The short name stands in the names of groups and people: it stays."""
        return ("is_active", "created_at") if obj is None else ("slug", "is_active", "created_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Organisation, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
            record("organisation.changed", obj.name, _who(request), organisation=obj.pk, slug=obj.slug)
        else:
            made = services.create_organisation(name=obj.name, slug=obj.slug, by=_who(request))
            obj.__dict__ |= made.__dict__  # what comes after goes on with the row that was asked for

    @admin.display(description=_("people"), ordering="there")
    def people_of(self, organisation: Any) -> int:
        found: int = organisation.there
        return found

    @admin.action(description=_("Close: nobody of it is let in"), permissions=["change"])
    def close(self, request: HttpRequest, queryset: QuerySet[Organisation]) -> None:
        for one in queryset.order_by():
            try:
                closed = services.close_organisation(one, by=_who(request))
            except Invalid as error:
                messages.error(request, f"{one}: {said(f'{error.user_message} {error.advice}')}")
            else:
                told = ngettext(
                    "%(name)s is closed, with %(count)s account. What they had open ends now.",
                    "%(name)s is closed, with %(count)s accounts. What they had open ends now.",
                    closed,
                )
                messages.success(request, told % {"name": one, "count": closed})

    @admin.action(description=_("Open again"), permissions=["change"])
    def open_again(self, request: HttpRequest, queryset: QuerySet[Organisation]) -> None:
        for one in queryset.order_by():
            opened = services.open_organisation(one, by=_who(request))
            told = ngettext(
                "%(name)s is open, with %(count)s account. Its sources rest until somebody asks.",
                "%(name)s is open, with %(count)s accounts. Its sources rest until somebody asks.",
                opened,
            )
            messages.success(request, told % {"name": one, "count": opened})


def _who(request: HttpRequest) -> User:
    return cast(User, request.user)
