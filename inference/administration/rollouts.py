"""Roll-outs: begun with a form, watched beside the figures of both versions, ended with a button."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from inference import rollouts
from inference.administration.pages import Fieldsets, context_of, form_page, found_row
from inference.administration.superusers import SuperusersAlone, actor, require_superuser
from inference.errors import InferenceError
from inference.models import ModelVersion, Rollout, Route

if TYPE_CHECKING:
    RolloutAdminBase = admin.ModelAdmin[Rollout]
    StartFormBase = forms.ModelForm[Rollout]
else:
    RolloutAdminBase, StartFormBase = admin.ModelAdmin, forms.ModelForm

LIMITS = (
    "least_answers",
    "most_failures_more",
    "most_first_token_ratio",
    "least_speed_ratio",
    "most_bad_ratings_more",
    "least_ratings",
)
_RULE = (
    "Figures are compared when both versions have the least number of answers, at twice as many, four times and so "
    "on. The new version is rolled back by itself when one is past its limit and is not chance; or at once when its "
    "first five answers, or any fifteen one after the other, all fail while the current version answers. A version "
    "that cannot be asked has failed. Over all looks, chance undoes fewer than 1 of 100 roll-outs of equal versions."
)
_FIELDSETS: Fieldsets = [
    (None, {"fields": ["route", "current", "new", "share", "leaves_the_house"]}),
    ("Guard rails", {"fields": list(LIMITS), "description": _RULE}),
]


class StartForm(StartFormBase):
    route = forms.ModelChoiceField(
        Route.objects.all(),
        required=False,
        empty_label="the default route",
        help_text="On which route. One without candidates asks the default model: its roll-out replaces that.",
    )
    current = forms.ModelChoiceField(
        ModelVersion.objects.filter(state=ModelVersion.State.READY),
        label="Current version",
        required=False,
        empty_label="the one that is asked first",
        help_text="The version that gives up a share. It also answers where the new one fails.",
    )
    new = forms.ModelChoiceField(
        ModelVersion.objects.filter(state=ModelVersion.State.READY),
        label="New version",
        help_text="The version that takes the share.",
    )
    leaves_the_house = forms.BooleanField(
        required=False,
        label="Questions may leave the house",
        help_text="Needed only where the current version is in the house and the new one is outside.",
    )

    class Meta:
        model = Rollout
        fields = ("share", *LIMITS)
        help_texts = {
            "share": "So many of the people whom the current version would serve get the new one. Each person stays "
            "with one version. The figures of both are compared, so leave the current one a part."
        }

    def start(self, by: Any) -> Rollout:
        """Raises RolloutRefused."""
        values = self.cleaned_data
        return rollouts.start(
            route=values["route"] or rollouts.default_route(),
            current=values["current"],
            new=values["new"],
            share=values["share"],
            leaves_the_house=values["leaves_the_house"],
            by=by,
            **{name: values[name] for name in LIMITS},
        )


@admin.register(Rollout)
class RolloutAdmin(SuperusersAlone, RolloutAdminBase):
    list_display = ("started_at", "route", "current", "new", "share_of", "state_of", "reason", "started_by")
    list_display_links = ("started_at",)
    list_select_related = ("route", "current", "new", "started_by")
    list_per_page = 50

    class Media:
        css = {"all": ["css/administration.css"]}

    def get_urls(self) -> list[URLPattern]:
        doors = [
            path(f"<uuid:pk>/{name}/", self.admin_site.admin_view(view), name=f"inference_rollout_{name}")
            for name, view in (("figures", self.figures_view), ("promote", self.promote_view), ("back", self.back_view))
        ]
        return [*doors, *super().get_urls()]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        require_superuser(request)
        return False  # they are the record of what was tried

    def get_queryset(self, request: HttpRequest) -> QuerySet[Rollout]:
        return super().get_queryset(request).select_related("route", "current", "new", "started_by")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        require_superuser(request)
        return super().changelist_view(request, {"title": "Roll-outs", **(extra_context or {})})

    @admin.display(description="share", ordering="share")
    def share_of(self, rollout: Rollout) -> str:
        return f"{rollout.share} %"

    @admin.display(description="state", ordering="state")
    def state_of(self, rollout: Rollout) -> SafeString:
        return format_html('<span class="state state-{}">{}</span>', rollout.state, rollout.get_state_display())

    # -- its pages -----------------------------------------------------------------------------------------------------
    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        require_superuser(request)
        form = StartForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                rollout = form.start(request.user)
            except InferenceError as error:
                form.add_error(None, f"{error.user_message} {error.advice}")
            else:
                messages.success(request, f"{rollout.new} takes {rollout.share} % of the people of {rollout.route}.")
                return HttpResponseRedirect(reverse("admin:inference_rollout_change", args=[rollout.pk]))
        return form_page(self, request, form, "Start a roll-out", "Start the roll-out", fieldsets=_FIELDSETS)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        rollout = found_row(self, request, object_id)
        context = context_of(self, request, str(rollout)) | self._comparison(rollout) | {"rule": _RULE}
        return TemplateResponse(request, "admin/inference/rollout/watch.html", context)

    def figures_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """The part of the page that changes: asked for again and again."""
        rollout = found_row(self, request, pk)
        return TemplateResponse(request, "admin/inference/rollout/figures.html", self._comparison(rollout))

    def promote_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        return self._ended(request, pk, lambda rollout: rollouts.promote(rollout, by=actor(request)))

    def back_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        reason = request.POST.get("reason", "").replace("\0", "").strip() or "By hand, without a reason."
        return self._ended(request, pk, lambda rollout: rollouts.roll_back(rollout, by=actor(request), reason=reason))

    def _ended(self, request: HttpRequest, pk: UUID, end: Any) -> HttpResponse:
        rollout = found_row(self, request, pk)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        try:
            ended: Rollout = end(rollout)
            messages.success(
                request, f"The roll-out of {ended.new} on {ended.route} was {ended.get_state_display().lower()}."
            )
        except InferenceError as error:
            messages.error(request, f"{error.user_message} {error.advice}")
        return HttpResponseRedirect(reverse("admin:inference_rollout_change", args=[rollout.pk]))

    def _comparison(self, rollout: Rollout) -> dict[str, Any]:
        return {
            "rollout": rollout,
            "verdict": rollouts.judge(rollout),
            "running": rollout.state == Rollout.State.RUNNING,
            "promoted": rollout.state == Rollout.State.PROMOTED,
        }
