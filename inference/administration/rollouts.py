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
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from inference import rollouts, seams
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
STEPS = (5, 10, 25, 50, 75)  # shares that are one click away
_RULE = _(
    "Figures are compared when both versions have the least number of answers, at twice as many, four times and so "
    "on. The new version is rolled back by itself when one is past its limit and is not chance; or at once when its "
    "first five answers, or any fifteen one after the other, all fail while the current version answers. A version "
    "that cannot be asked has failed. Over all looks, chance undoes fewer than 1 of 100 roll-outs of equal versions."
)
_FIELDSETS: Fieldsets = [
    (None, {"fields": ["new", "share", "route", "current", "leaves_the_house"]}),
    (_("Guard rails"), {"fields": list(LIMITS), "description": _RULE, "classes": ["collapse"]}),
]


class StartForm(StartFormBase):
    route = forms.ModelChoiceField(
        Route.objects.all(),
        label=_("Route"),
        required=False,
        empty_label=_("the default route"),
        help_text=_("On which route. One without candidates asks the default model: its roll-out replaces that."),
    )
    current = forms.ModelChoiceField(
        ModelVersion.objects.filter(state=ModelVersion.State.READY),
        label=_("Current version"),
        required=False,
        empty_label=_("the one that is asked first"),
        help_text=_("The version that gives up a share. It also answers where the new one fails."),
    )
    new = forms.ModelChoiceField(
        ModelVersion.objects.filter(state=ModelVersion.State.READY),
        label=_("New version"),
        help_text=_("The version that takes the share."),
    )
    leaves_the_house = forms.BooleanField(
        required=False,
        label=_("Questions may leave the house"),
        help_text=_("Needed only where the current version is in the house and the new one is outside."),
    )

    class Meta:
        model = Rollout
        fields = ("share", *LIMITS)
        help_texts = {
            "share": _(
                "So many of the people whom the current version would serve get the new one. Each person stays "
                "with one version. The figures of both are compared, so leave the current one a part."
            )
        }

    def start(self, by: Any, *, at_once: bool) -> Rollout:
        """Raises RolloutRefused."""
        values = self.cleaned_data
        begin = rollouts.replace if at_once else rollouts.start
        return begin(
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
    list_display = ("started_at", "route", "current", "new", "share_of", "state_of", "why", "started_by")
    list_display_links = ("started_at",)
    list_select_related = ("route", "current", "new", "started_by")
    list_per_page = 50

    class Media:
        css = {"all": ["css/administration.css", "css/standings.css"]}

    def get_urls(self) -> list[URLPattern]:
        doors = [
            path(f"<uuid:pk>/{name}/", self.admin_site.admin_view(view), name=f"inference_rollout_{name}")
            for name, view in (
                ("figures", self.figures_view),
                ("share", self.share_view),
                ("promote", self.promote_view),
                ("back", self.back_view),
            )
        ]
        return [*doors, *super().get_urls()]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        require_superuser(request)
        return False  # they are the record of what was tried

    def get_queryset(self, request: HttpRequest) -> QuerySet[Rollout]:
        return super().get_queryset(request).select_related("route", "current", "new", "started_by")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        require_superuser(request)
        return super().changelist_view(request, {"title": _("Roll-outs"), **(extra_context or {})})

    @admin.display(description=_("share"), ordering="share")
    def share_of(self, rollout: Rollout) -> str:
        return f"{rollout.share} %"

    @admin.display(description=_("state"), ordering="state")
    def state_of(self, rollout: Rollout) -> SafeString:
        said = gettext("paused") if self._rests(rollout) else rollout.get_state_display()
        return format_html('<span class="state state-{}">{}</span>', rollout.state, said)

    @admin.display(description=_("reason"))
    def why(self, rollout: Rollout) -> str:
        return seams.said.given(rollout.reason)

    # -- its pages -----------------------------------------------------------------------------------------------------
    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        require_superuser(request)
        form = StartForm(request.POST or None, initial={"new": request.GET.get("new", "")[:40]})
        if request.method == "POST" and form.is_valid():
            at_once = "at_once" in request.POST
            try:
                rollout = form.start(request.user, at_once=at_once)
            except InferenceError as error:
                form.add_error(None, seams.said.given(f"{error.user_message} {error.advice}"))
            else:
                messages.success(request, _begun(rollout, at_once=at_once))
                return HttpResponseRedirect(reverse("admin:inference_rollout_change", args=[rollout.pk]))
        page = form_page(self, request, form, _("Start a roll-out"), _("Start the roll-out"), fieldsets=_FIELDSETS)
        page.template_name = "admin/inference/rollout/start.html"
        return page

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        rollout = found_row(self, request, object_id)
        context = context_of(self, request, str(rollout)) | self._comparison(rollout)
        context |= {"rule": _RULE, "steps": STEPS, "current_share": str(rollout.share)}
        return TemplateResponse(request, "admin/inference/rollout/watch.html", context)

    def figures_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """The part of the page that changes: asked for again and again."""
        rollout = found_row(self, request, pk)
        return TemplateResponse(request, "admin/inference/rollout/figures.html", self._comparison(rollout))

    def share_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        rollout = found_row(self, request, pk)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        given = request.POST.get("share", "")
        try:
            share = int(given) if given.isascii() and given.isdigit() and len(given) < 4 else -1
            changed = rollouts.change_share(rollout, share, by=actor(request))
            messages.success(request, _takes(changed))
        except InferenceError as error:
            messages.error(request, seams.said.given(f"{error.user_message} {error.advice}"))
        return HttpResponseRedirect(reverse("admin:inference_rollout_change", args=[rollout.pk]))

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
            promoted = ended.state == Rollout.State.PROMOTED
            told = (
                gettext("%(new)s was promoted on %(route)s.")
                if promoted
                else gettext("%(new)s was rolled back on %(route)s.")
            )
            messages.success(request, told % {"new": ended.new, "route": ended.route})
        except InferenceError as error:
            messages.error(request, seams.said.given(f"{error.user_message} {error.advice}"))
        return HttpResponseRedirect(reverse("admin:inference_rollout_change", args=[rollout.pk]))

    def _comparison(self, rollout: Rollout) -> dict[str, Any]:
        return {
            "rollout": rollout,
            "verdict": rollouts.judge(rollout),
            "running": rollout.state == Rollout.State.RUNNING,
            "promoted": rollout.state == Rollout.State.PROMOTED,
            "rests": self._rests(rollout),
        }

    @staticmethod
    def _rests(rollout: Rollout) -> bool:
        return rollout.state == Rollout.State.RUNNING and rollout.share == 0


def _begun(rollout: Rollout, *, at_once: bool) -> str:
    if not at_once:
        return _takes(rollout)
    told = gettext("%(new)s took the place of %(current)s on %(route)s. It can be taken back below.")
    return told % {"new": rollout.new, "current": rollout.current, "route": rollout.route}


def _takes(rollout: Rollout) -> str:
    if rollout.share == 0:
        return gettext("The roll-out rests: nobody gets %(new)s until the share is raised.") % {"new": rollout.new}
    told = gettext("%(new)s takes %(share)s %% of the people of %(route)s.")
    return told % {"new": rollout.new, "share": rollout.share, "route": rollout.route}
