"""Budgets under /admin/: set by those who run Footnote, seen by the organisers whose people they are for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from chatapp.accounts.models import User
from chatapp.errors import Invalid
from chatapp.limits import budgets
from chatapp.limits.models import Budget, Spent
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
            self.add_error("organisation", "A budget is of one organisation or of one group.")
        if not {"tokens", "cost"} & self.errors.keys() and not (given.get("tokens") or given.get("cost")):
            self.add_error("tokens", "Bound the tokens, the cost or both.")
        if self.instance.pk is None:
            self._require_place()
        return given

    def _require_place(self) -> None:
        try:
            budgets.require_place()
        except Invalid as error:
            self.add_error(None, f"{error.user_message} {error.advice}")


@admin.register(Budget)
class BudgetAdmin(OfOrganisers, BudgetAdminBase):
    organisation_paths = ("organisation", "group__place__organisation")
    form = BudgetForm
    list_display = ("whose", "state", "used_tokens", "used_cost")
    list_select_related = ("organisation", "group")
    list_per_page = 50
    actions = None
    fields = ("organisation", "group", "tokens", "cost", "warn_percent", "used_tokens", "used_cost", "state")
    readonly_fields = ("used_tokens", "used_cost", "state")

    class Media:
        css = {"all": ["css/administration.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Budget]:
        """With what was used in this month."""
        month = Spent.objects.filter(budget=OuterRef("pk"), month=budgets.this_month())
        used = {name: Subquery(month.values(name)) for name in ("tokens", "cost")}
        rows = super().get_queryset(request).annotate(month_tokens=used["tokens"], month_cost=used["cost"])
        return rows.order_by("organisation__name", "group__name")

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

    @admin.display(description="of")
    def whose(self, budget: Budget) -> str:
        return str(budget.organisation or budget.group)

    @admin.display(description="tokens of this month")
    def used_tokens(self, budget: Any) -> str:
        bound = "" if budget.tokens is None else f" of {budget.tokens:,}"
        return f"{_used(budget).tokens:,}{bound}"

    @admin.display(description="cost of this month")
    def used_cost(self, budget: Any) -> str:
        bound = "" if budget.cost is None else f" of {budget.cost:,.2f}"
        return f"{_used(budget).cost:,.2f}{bound}"

    @admin.display(description="state")
    def state(self, budget: Any) -> SafeString:
        percent = int(budgets.share(budget, _used(budget)) * 100)
        look, words = "ready", f"{percent} % used"
        if percent >= 100:
            look, words = "failed", "used up"
        elif percent >= budget.warn_percent:
            look, words = "held", f"{percent} %: nearly used up"
        return format_html('<span class="state state-{}">{}</span>', look, words)


def _used(budget: Any) -> Spent:
    """Of the month, as the list read it; nothing of a budget that is being made."""
    return Spent(tokens=getattr(budget, "month_tokens", 0) or 0, cost=getattr(budget, "month_cost", 0) or 0)
