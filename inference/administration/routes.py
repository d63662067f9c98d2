"""Routes and their candidates."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from inference import audit, seams
from inference.administration.explaining import WhatIf
from inference.administration.pages import context_of
from inference.administration.superusers import SuperusersAlone, actor, require_superuser
from inference.engines.extractive import ExtractiveEngine
from inference.models import Candidate, ModelVersion, Route
from inference.routing.pool import BUILT_IN

if TYPE_CHECKING:
    RouteAdminBase = admin.ModelAdmin[Route]
    CandidateInlineBase = admin.StackedInline[Candidate, Route]
    CandidateFormBase = forms.ModelForm[Candidate]
    RouteFormBase = forms.ModelForm[Route]
    FormSetBase = forms.BaseInlineFormSet[Candidate, Route, forms.ModelForm[Candidate]]
else:
    RouteAdminBase, CandidateInlineBase = admin.ModelAdmin, admin.StackedInline
    CandidateFormBase = RouteFormBase = forms.ModelForm
    FormSetBase = forms.BaseInlineFormSet

_MOST_CHARACTERS = 1_000_000
_MOST_CANDIDATES = 50  # each one's form asks the database which versions and groups there are
# Programs choose by name, so nobody could choose a route of these names, or would mean something else.
_NO_LANGUAGE = _("%(name)s is no language. Give two letters, such as en or de (ISO 639-1).")
_TWICE = _("%(name)s stands at position %(position)s twice. Give it one place with its share.")
_DEFAULT = '{} <span class="mark-default">{}</span>'
_TAKEN = {
    ExtractiveEngine.name: _("the quotations"),
    "default": _("the default route, whichever it is"),
    BUILT_IN: _("the built-in route"),
}


class CandidateForm(CandidateFormBase):
    tasks = forms.MultipleChoiceField(
        label=_("Tasks"),
        choices=Candidate.Task.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Only for these tasks. None: for every task."),
    )

    groups = forms.ModelMultipleChoiceField(
        Group.objects.order_by("name"),
        label=_("Groups"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Only for people of these groups. None: for everybody."),
    )

    class Meta:
        model = Candidate
        fields = "__all__"
        help_texts = {
            "version": _("What is asked. Only versions in the state “ready” are."),
            "sensitivity": _(
                "Whether a passage or a part of the conversation comes from a collection that stays in the "
                "house. Versions outside never get such questions, whatever is set here."
            ),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["languages"].base_field.validators = []  # type: ignore[attr-defined]  # clean_languages says it

    def clean_languages(self) -> list[str]:
        named = sorted({one.lower() for one in self.cleaned_data["languages"]})
        for one in named:
            if not re.fullmatch("[a-z]{2}", one):
                raise ValidationError(_NO_LANGUAGE, params={"name": repr(one)})
        return named

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        version = values.get("version")
        if version is not None and version.state != ModelVersion.State.READY and "version" in self.changed_data:
            told = _("%(name)s is %(state)s: only ready versions are asked.")
            self.add_error("version", told % {"name": version, "state": seams.said.given(version.state)})
        if version is not None and version.outside and values.get("sensitivity") == Candidate.Sensitivity.IN_HOUSE:
            told = _("%(name)s is outside: such questions never reach it, so it would never answer.")
            self.add_error("sensitivity", told % {"name": version})
        for bound in ("least_characters", "most_characters"):
            if (values.get(bound) or 0) > _MOST_CHARACTERS:
                self.add_error(
                    bound, _("At most %(most)s.") % {"most": number_format(_MOST_CHARACTERS, force_grouping=True)}
                )
        if values.get("least_budget_percent") and version is not None and version.monthly_budget is None:
            told = _("%(name)s has no monthly budget, of which a part could be left.")
            self.add_error("least_budget_percent", told % {"name": version})
        return values


class CandidateFormSet(FormSetBase):
    def clean(self) -> None:
        """What no candidate can know alone."""
        if len(self.forms) - len(self.deleted_forms) > _MOST_CANDIDATES:
            raise ValidationError(_("A route has at most %(most)s candidates."), params={"most": _MOST_CANDIDATES})
        seen: set[tuple[int, int]] = set()
        for form in self.forms:
            values = getattr(form, "cleaned_data", {})
            version, position = values.get("version"), values.get("position")
            if values.get("DELETE") or version is None or position is None:
                continue
            if (position, version.pk) in seen:
                raise ValidationError(_TWICE, params={"name": version, "position": position})
            seen.add((position, version.pk))
        super().clean()


class CandidateInline(CandidateInlineBase):
    model = Candidate
    form = CandidateForm
    formset = CandidateFormSet
    extra, max_num = 0, _MOST_CANDIDATES
    verbose_name_plural = _("Candidates, in the order in which they are asked. The quotations stand behind them all.")
    fieldsets = (
        (None, {"fields": (("version", "position", "share"),)}),
        (
            _("Only under these conditions"),
            {
                "description": _(
                    "A program that names the version or its engine instead of a route chooses it for its "
                    "question: tasks, lengths and languages then do not count. Groups, budget and sensitivity hold."
                ),
                "fields": (
                    ("tasks", "sensitivity"),
                    ("least_characters", "most_characters"),
                    ("languages", "least_budget_percent"),
                    "groups",
                ),
            },
        ),
    )

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        """However many a browser says that there are."""
        return super().get_formset(request, obj, absolute_max=2 * _MOST_CANDIDATES, **kwargs)

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        """Without the buttons that would change a version from here: they have a page of their own."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and isinstance(field.widget, RelatedFieldWidgetWrapper):
            field.widget = field.widget.widget
        return field

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True  # whoever may change the route

    has_change_permission = has_delete_permission = has_view_permission = has_add_permission


class RouteForm(RouteFormBase):
    class Meta:
        model = Route
        fields = ("name", "description", "enabled", "hedge_after_ms")
        help_texts = {
            "description": _("For people who choose a route, and for programs that list them."),
            "enabled": format_lazy(
                _(
                    "While it is off, nobody can choose it. Where the default route is off, the route named "
                    "{name} is asked, and without one the default model, then the endpoint of the settings."
                ),
                name=BUILT_IN,
            ),
        }

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        taken = {**seams.names.given(), **_TAKEN}
        if name != self.instance.name and name in taken:
            told = _("By this name programs mean %(what)s. Choose another one.")
            raise ValidationError(told, params={"what": seams.said.given(taken[name])})
        return name


@admin.register(Route)
class RouteAdmin(SuperusersAlone, RouteAdminBase):
    form = RouteForm
    inlines = (CandidateInline,)
    list_display = ("named", "description", "enabled", "asks", "roll_out")
    list_display_links = ("named",)
    search_fields = ("name", "description")
    actions = ("make_default",)
    change_list_template = "admin/inference/route/list.html"

    class Media:
        css = {"all": ["css/administration.css"]}

    def get_urls(self) -> list[URLPattern]:
        explain = path("explain/", self.admin_site.admin_view(self.explain_view), name="inference_route_explain")
        return [explain, *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Route]:
        return super().get_queryset(request).prefetch_related("candidates__version", "rollouts")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        require_superuser(request)
        return super().changelist_view(request, {"title": _("Routes"), **(extra_context or {})})

    def explain_view(self, request: HttpRequest) -> HttpResponse:
        require_superuser(request)
        form = WhatIf(request.POST or None, initial={"person": request.user.pk, "task": "answer"})
        line = form.line() if form.is_valid() else None
        context = context_of(self, request, _("Who would be asked?")) | {"form": form, "line": line}
        return TemplateResponse(request, "admin/inference/route/explain.html", context)

    @admin.display(description=_("name"), ordering="name")
    def named(self, route: Route) -> SafeString | str:
        return format_html(_DEFAULT, route.name, _("default")) if route.default else route.name

    @admin.display(description=_("asks, one after the other"))
    def asks(self, route: Route) -> str:
        places = list(route.candidates.all())
        if not places:
            return gettext("the default model, the endpoint of the settings, quotations")
        tiers = [
            [str(one.version) for one in places if one.position == at] for at in sorted({p.position for p in places})
        ]
        either = gettext(" or ")
        return gettext(", ").join([*(either.join(tier) for tier in tiers), gettext("quotations")])

    @admin.display(description=_("roll-out"))
    def roll_out(self, route: Route) -> SafeString | str:
        running = next((one for one in route.rollouts.all() if one.state == one.State.RUNNING), None)
        if running is None:
            return "–"
        address = reverse("admin:inference_rollout_change", args=[running.pk])
        return format_html('<a href="{}">{} %</a>', address, running.share)

    # -- what is changed is written down -------------------------------------------------------------------------------
    def save_model(self, request: HttpRequest, obj: Route, form: Any, change: bool) -> None:
        request.route_before = _picture(Route.objects.get(pk=obj.pk)) if change else {}  # type: ignore[attr-defined]
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        before = request.route_before  # type: ignore[attr-defined]
        after = _picture(Route.objects.get(pk=form.instance.pk))
        different = {
            name: {"from": before.get(name), "to": after[name]} for name in after if before.get(name) != after[name]
        }
        if different:
            audit.record("route.changed" if change else "route.added", str(form.instance), actor(request), **different)

    def delete_model(self, request: HttpRequest, obj: Route) -> None:
        audit.record("route.removed", str(obj), actor(request), **_picture(obj))
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Route]) -> None:
        for route in queryset:
            self.delete_model(request, route)

    @admin.action(description=_("Make it the default route: the chat page asks it"))
    def make_default(self, request: HttpRequest, queryset: QuerySet[Route]) -> None:
        if queryset.count() != 1:
            return self.message_user(request, _("Choose one route."), messages.ERROR)
        route = queryset.get()
        if not route.enabled:
            off = _("%(name)s is switched off. Enable it first.") % {"name": route}
            return self.message_user(request, off, messages.ERROR)
        with transaction.atomic():
            before = Route.objects.filter(default=True).first()
            Route.objects.filter(default=True).update(default=False)
            Route.objects.filter(pk=route.pk).update(default=True)
            audit.record("route.default", str(route), actor(request), before=str(before or BUILT_IN))
        self.message_user(request, _("The chat page asks %(name)s now.") % {"name": route})


def _picture(route: Route) -> dict[str, Any]:
    candidates = route.candidates.select_related("version").prefetch_related("groups")
    fields = ("name", "description", "enabled", "hedge_after_ms")
    return {name: getattr(route, name) for name in fields} | {"candidates": [_candidate(one) for one in candidates]}


def _candidate(one: Candidate) -> dict[str, Any]:
    names = ("position", "share", "tasks", "least_characters", "most_characters", "languages", "sensitivity")
    values = {name: getattr(one, name) for name in (*names, "least_budget_percent")}
    groups = [str(group) for group in one.groups.all()]
    return {
        "version": str(one.version),
        **{n: v for n, v in values.items() if v not in (None, [], 0)},
        "groups": groups,
    }
