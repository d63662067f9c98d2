"""Roles in the administration: given and taken, never changed, so that the trail tells of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from chatapp import access
from chatapp.accounts.models import User
from chatapp.organisations.administration import OfOrganisers
from chatapp.organisations.forms import require_together
from chatapp.roles import services
from chatapp.roles.models import Appointment
from inference.administration.superusers import actor

if TYPE_CHECKING:
    AppointmentAdminBase = admin.ModelAdmin[Appointment]
else:
    AppointmentAdminBase = admin.ModelAdmin


class AppointmentForm(forms.ModelForm):  # type: ignore[type-arg]
    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        require_together(self, ("user", "group", "collection"))
        return given


@admin.register(Appointment)
class AppointmentAdmin(OfOrganisers, AppointmentAdminBase):
    organisation_paths = ("user__organisation", "group__place__organisation")
    form = AppointmentForm
    list_display = ("role", "collection", "user", "group", "given_at")
    list_filter = ("role",)
    list_select_related = ("collection", "user", "group")
    fields = ("role", "collection", "user", "group")
    list_per_page = 100

    def get_queryset(self, request: HttpRequest) -> QuerySet[Appointment]:
        """Organisers are told of no collection of another organisation, though somebody of theirs looks after it."""
        within = access.administered(actor(request)).values("pk")
        rows: QuerySet[Appointment] = super().get_queryset(request)
        return rows.filter(Q(collection=None) | Q(collection__tenant__in=within))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Appointment, form: Any, change: bool) -> None:
        to: User | Any = obj.user or obj.group
        made = services.appoint(role=obj.role, to=to, collection=obj.collection, by=actor(request))
        obj.pk = made.pk

    def delete_model(self, request: HttpRequest, obj: Appointment) -> None:
        services.dismiss(obj, by=actor(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Appointment]) -> None:
        for one in queryset.select_related("collection", "user", "group"):
            services.dismiss(one, by=actor(request))
