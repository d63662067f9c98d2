"""Widgets under /admin/: of organisers for their organisation, of those who run Footnote for all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chatapp.accounts.models import User
from chatapp.errors import Invalid
from chatapp.operations.address import address
from chatapp.organisations.administration import OfOrganisers
from chatapp.organisations.forms import ELSEWHERE, Within, told
from chatapp.widget import services
from chatapp.widget.models import Widget
from chatapp.widget.origins import origins_of
from inference.administration.superusers import is_superuser

if TYPE_CHECKING:
    WidgetAdminBase = admin.ModelAdmin[Widget]
    WidgetFormBase = forms.ModelForm[Widget]
else:
    WidgetAdminBase = admin.ModelAdmin
    WidgetFormBase = forms.ModelForm

_OPEN = _(
    "%(widget)s answers people who are not signed in: whoever reaches Footnote and knows the key, which stands in the "
    "intranet's page, reads what these collections hold. Documents with readers of their own stay closed."
)

_RENEWED = _("%(widget)s has a new key. Put its new line into the page.")
_SWITCHED_OFF = _("%(widget)s is switched off. What is open ends within seconds.")
_OF_VISITORS = ("collections", "visitor_answers", "visitor_questions", "address_questions")


class WidgetForm(WidgetFormBase):
    def clean_origins(self) -> str:
        try:
            return "\n".join(origins_of(self.cleaned_data["origins"]))
        except Invalid as error:
            raise told(error) from None

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if self.instance._state.adding:
            chosen = given.get("organisation")
            home = chosen.pk if chosen else getattr(self, "home", self.instance.tenant)
            self.instance.organisation_id = home
        if any(one.tenant != self.instance.tenant for one in given.get("collections") or ()):
            self.add_error("collections", ELSEWHERE)
        return given


@admin.register(Widget)
class WidgetAdmin(OfOrganisers, WidgetAdminBase):
    form = WidgetForm
    form_within = Within
    for_superusers = ("organisation",)
    list_display = ("name", "organisation", "is_on", "visitors", "key", "renewed_at")
    list_select_related = ("organisation",)
    filter_horizontal = ("collections",)
    actions = ("renew", "switch_off")
    fieldsets = (
        (None, {"fields": ("organisation", "name", "is_on", "origins", "collections", "tag")}),
        (_("How it looks"), {"fields": ("title", "greeting", "accent", "side")}),
        (
            _("People who are not signed in"),
            {"fields": ("visitors", "visitor_answers", "visitor_questions", "address_questions")},
        ),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Widget | None = None) -> Any:
        left_out = {"organisation"} if not is_superuser(request) else set()
        return [
            (name, {**more, "fields": tuple(one for one in more["fields"] if one not in left_out)})
            for name, more in self.fieldsets
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Widget | None = None) -> tuple[str, ...]:
        """Whether people without an account are answered, of what and how often, is for those who run Footnote."""
        found: tuple[str, ...] = ("tag",) if obj is None else ("tag", "organisation")
        if is_superuser(request):
            return found
        if obj is None or not obj.visitors:
            return (*found, "visitors")
        return (*found, "visitors", *_OF_VISITORS, *(() if obj.is_on else ("is_on",)))

    @admin.display(description=_("for the page"))
    def tag(self, widget: Widget) -> str:
        if widget._state.adding:
            return gettext("Save first: then the line for the intranet's page stands here.")
        line = f'<script src="{address()}/widget.js" data-key="{widget.key}" defer></script>'
        return format_html('<code dir="ltr" data-to-copy>{}</code>', line)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        widget: Widget = form.instance
        services.settle(widget, by=_who(request), made=not change, changed=form.changed_data)
        if widget.visitors and widget.is_on:
            messages.warning(request, _OPEN % {"widget": widget})

    def delete_model(self, request: HttpRequest, obj: Widget) -> None:
        services.remove(obj, by=_who(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Widget]) -> None:
        for widget in queryset:
            services.remove(widget, by=_who(request))

    @admin.action(description=_("New key: pages with the old one show nothing"), permissions=["change"])
    def renew(self, request: HttpRequest, queryset: QuerySet[Widget]) -> None:
        for widget in queryset:
            services.renew_key(widget, by=_who(request))
            messages.success(request, _RENEWED % {"widget": widget})

    @admin.action(description=_("Switch off"), permissions=["change"])
    def switch_off(self, request: HttpRequest, queryset: QuerySet[Widget]) -> None:
        for widget in queryset.filter(is_on=True):
            services.switch_off(widget, by=_who(request))
            messages.success(request, _SWITCHED_OFF % {"widget": widget})


def _who(request: HttpRequest) -> User:
    return cast(User, request.user)
