"""Budgets under /admin/: set by those who run Footnote, seen by the organisers whose people they are for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chatapp.accounts.models import User
from chatapp.errors import Invalid
from chatapp.languages.said import said
from chatapp.limits import budgets, standing
from chatapp.limits.models import Budget
from chatapp.organisations.administration import OfOrganisers
from inference.administration.superusers import is_superuser

if TYPE_CHECKING:
    BudgetAdminBase = admin.ModelAdmin[Budget]
else:
    BudgetAdminBase = admin.ModelAdmin

_OF = ("organisation", "group")


class BudgetForm(forms.ModelForm):  # type: ignore[type-arg]
    def __init__(self, *parts: Any, **named: Any) -> None:
        super().__init__(*parts, **named)
        for name in self.fields.keys() & {*_OF} if self.instance.pk else ():
            self.fields[name].disabled = True  # what was used so far is theirs

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if sum(1 for name in _OF if given.get(name)) != 1:
            self.add_error("organisation", gettext("A budget is of one organisation or of one group."))
        if not {"tokens", "cost"} & self.errors.keys() and not (given.get("tokens") or given.get("cost")):
            self.add_error("tokens", gettext("Bound the tokens, the cost or both."))
        if self.instance.pk is None:
            self._require_place()
        return given

    def _require_place(self) -> None:
        try:
            budgets.require_place()
        except Invalid as error:
            self.add_error(None, said(f"{error.user_message} {error.advice}"))


@admin.register(Budget)
class BudgetAdmin(OfOrganisers, BudgetAdminBase):
    """The list shows how each stands, the page of one beside that its months and what used most."""

    organisation_paths = ("organisation", "group__place__organisation")
    form = BudgetForm
    list_select_related = ("organisation", "group__place")
    list_per_page = 50
    search_fields = ("organisation__name", "group__name")
    actions = None
    fields = ("organisation", "group", "tokens", "cost", "warn_percent")
    change_list_template = "admin/limits/budget/list.html"
    change_form_template = "admin/limits/budget/budget.html"

    class Media:
        css = {"all": ["css/administration.css", "css/standings.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Budget]:
        return super().get_queryset(request).order_by("organisation__name", "group__name")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request)

    def save_model(self, request: HttpRequest, obj: Budget, form: Any, change: bool) -> None:
        budgets.store(obj, by=cast(User, request.user))

    def delete_model(self, request: HttpRequest, obj: Budget) -> None:
        budgets.remove(obj, by=cast(User, request.user))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        context = {"title": _("Budgets of this month"), **(extra_context or {})}
        shown = super().changelist_view(request, context)
        if (there := getattr(shown, "context_data", None)) and "cl" in there:
            there["standings"] = standing.standings(list(there["cl"].result_list))
            there["begins"] = budgets.next_month(timezone.localtime()).date()
        return shown

    def render_change_form(self, request: HttpRequest, context: Any, *parts: Any, **named: Any) -> HttpResponse:
        budget: Budget | None = context.get("original")
        if budget is not None:
            context |= {
                "subtitle": str(budget.organisation or budget.group),
                "one": standing.standings([budget])[0],
                "months": standing.history(budget),
                "groups": standing.by_group(budget),
                "models": standing.by_model(budget),
            }
        return super().render_change_form(request, context, *parts, **named)
