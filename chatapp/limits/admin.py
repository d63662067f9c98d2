"""Limits under /admin/. Each change is written down, and holds within a second."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext

from chatapp.accounts.choosing import Choosing
from chatapp.accounts.models import ApiKey, User
from chatapp.governance.personal import Personal
from chatapp.governance.services import record
from chatapp.limits.budget_admin import BudgetAdmin as BudgetAdmin
from chatapp.limits.models import Limit, Resource
from chatapp.limits.rules import rules
from chatapp.organisations.administration import OfOrganisers
from chatapp.organisations.boundaries import organisation_of
from chatapp.organisations.forms import Within
from inference.administration.superusers import is_superuser

if TYPE_CHECKING:
    LimitAdminBase = admin.ModelAdmin[Limit]
else:
    LimitAdminBase = admin.ModelAdmin


_OF = ("user", "group", "organisation", "key")


class LimitForm(forms.ModelForm):  # type: ignore[type-arg]
    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        of = [name for name in _OF if given.get(name)]
        if len(of) > 1:
            self.add_error(
                of[1], gettext("A limit is of one person, one group, one organisation or one key, or of everybody.")
            )
        if not of and isinstance(self, Within):
            self.add_error(None, gettext("Choose a person, a group or a key of your organisation."))
        if isinstance(self, Within) and _is_for_those_who_run_footnote(given.get("user"), given.get("key")):
            self.add_error(of[0], gettext("Those who run Footnote are not limited by organisers."))
        if given.get("together") and (given.get("user") or given.get("key")):
            self.add_error("together", gettext("One person, or one key, shares it with nobody."))
        if given.get("together") and given.get("resource") == Resource.TURNS and not given.get("organisation"):
            self.add_error(
                "together", gettext("Answers at the same time are counted for each person, key and organisation.")
            )
        return given


@admin.register(Limit)
class LimitAdmin(Choosing, OfOrganisers, LimitAdminBase):
    """What an organisation has as a whole is for those who run Footnote to say; organisers share it out."""

    organisation_paths = ("organisation", "user__organisation", "group__place__organisation", "key__user__organisation")
    for_superusers = ("organisation",)
    form_within = Within
    form = LimitForm
    list_display = ("resource", "amount", "seconds", "user", "group", "organisation", "key", "together")
    list_filter = ("resource", "together")
    list_select_related = ("user", "group", "organisation", "key")
    autocomplete_fields = ("user", "key")

    def render_change_form(self, request: HttpRequest, context: Any, *parts: Any, **named: Any) -> HttpResponse:
        if (limit := context.get("original")) is not None:
            context["subtitle"] = limit.get_resource_display()
        return super().render_change_form(request, context, *parts, **named)

    def has_change_permission(self, request: HttpRequest, obj: Limit | None = None) -> bool:
        of_all = obj is not None and obj.organisation_id is not None
        theirs = obj is not None and _is_for_those_who_run_footnote(obj.user, obj.key)
        return super().has_change_permission(request, obj) and (is_superuser(request) or not (of_all or theirs))

    def has_delete_permission(self, request: HttpRequest, obj: Limit | None = None) -> bool:
        return self.has_change_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: Limit, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        _write_down(request, "limit.changed" if change else "limit.added", obj)

    def delete_model(self, request: HttpRequest, obj: Limit) -> None:
        _write_down(request, "limit.removed", obj)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Limit]) -> None:
        for limit in queryset:
            self.delete_model(request, limit)


def _is_for_those_who_run_footnote(user: User | None, key: ApiKey | None) -> bool:
    whose = user or (key.user if key else None)
    return whose is not None and (whose.is_superuser or whose.is_staff or whose.is_of_a_widget)


def _write_down(request: HttpRequest, action: str, limit: Limit) -> None:
    rules.changed()
    whose = limit.user or limit.group or limit.organisation or limit.key
    of: Any = whose or "everybody"
    if limit.key is not None:
        of = Personal(str(limit.key), limit.key.user_id)
    record(
        action,
        str(limit),
        cast(User, request.user),
        organisation=organisation_of(whose) if whose else None,
        of=of if isinstance(of, User | Personal) else str(of),
        together=limit.together,
    )
