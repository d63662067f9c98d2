"""Runs: started with a form, watched, compared with each other."""

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

from chatapp import access
from chatapp.accounts.models import User
from chatapp.evaluation.pages import showing
from chatapp.evaluation.pages.theirs import OfTheirQuestions, found_row, require_organiser
from chatapp.evaluation.services import cancel_run, find_run, start_run
from chatapp.languages.said import said
from inference.administration.pages import context_of, form_page
from inference.administration.superusers import actor
from retrieval.errors import RetrievalError
from retrieval.evaluation.comparing import compare
from retrieval.evaluation.models import EvaluationRun, QuestionSetVersion
from retrieval.evaluation.running import ASKABLE, MOST_RESULTS
from retrieval.models import Collection
from retrieval.versions.models import IndexVersion

if TYPE_CHECKING:
    RunAdminBase = admin.ModelAdmin[EvaluationRun]
else:
    RunAdminBase = admin.ModelAdmin

_WORST = 20
_OTHERS = 50


class StartForm(forms.Form):
    version = forms.ModelChoiceField(
        QuestionSetVersion.objects.select_related("question_set"),
        label=_("Questions"),
        help_text=_("A version of a set."),
    )
    index_version = forms.ModelChoiceField(
        IndexVersion.objects.filter(status__in=ASKABLE, cleared_at=None),
        label=_("Index version"),
        required=False,
        empty_label=_("the one that serves"),
        help_text=_("Another one is loaded for as long as the run takes, where memory allows."),
    )
    person = forms.CharField(
        label=_("As"),
        required=False,
        max_length=150,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text=_("The name of a person, whose permissions hold then. Empty: an administrator's."),
    )
    collections = forms.ModelMultipleChoiceField(
        Collection.objects.all(),
        label=_("Collections"),
        required=False,
        help_text=_("Only these. None chosen: all that may be read."),
    )
    k = forms.IntegerField(
        label=_("Results of each question"), initial=50, min_value=1, max_value=MOST_RESULTS, help_text=_("Passages.")
    )

    def __init__(self, asker: User, *parts: Any, **named: Any) -> None:
        """Offered is what the asker looks after; which index version is asked, administrators say."""
        super().__init__(*parts, **named)
        theirs = access.administered(asker).values("pk")
        versions = QuestionSetVersion.objects.filter(question_set__tenant__in=theirs).select_related("question_set")
        collections = access.curated(asker).filter(tenant__in=theirs)
        for name, offered in {"version": versions, "collections": collections}.items():
            self.fields[name].queryset = offered  # type: ignore[attr-defined]
        if not asker.is_superuser:
            del self.fields["index_version"]
        self._people = access.shown_people(asker).filter(is_active=True)

    def clean_person(self) -> User | None:
        name = self.cleaned_data["person"]
        found = self._people.filter(username=name).first() if name else None
        if name and found is None:
            raise forms.ValidationError(_("There is no active person named %(name)s."), params={"name": name})
        return found


@admin.register(EvaluationRun)
class RunAdmin(OfTheirQuestions, RunAdminBase):
    organisation_paths = ("version__question_set__tenant",)
    list_display = ("created_at", "version", "index_of", "asked_as", "state_of", "main_of", "asked_by")
    list_display_links = ("created_at",)
    list_filter = ("version__question_set", "state")
    list_per_page = 50
    actions = None
    change_list_template = "admin/evaluation/runs.html"

    class Media:
        css = {"all": ["css/administration.css"]}

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        doors = [
            path("<uuid:pk>/cancel/", view(self.cancel_view), name="evaluation_cancel"),
            path("<uuid:old>/against/", view(self.compare_view), name="evaluation_compare"),
        ]
        return [*doors, *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[EvaluationRun]:
        return super().get_queryset(request).select_related("version__question_set", "person", "asked_by")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        require_organiser(request)
        owed = self.get_queryset(request).filter(state__in=EvaluationRun.OPEN).exists()
        return super().changelist_view(request, {"title": _("Evaluation runs"), "owed": owed, **(extra_context or {})})

    @admin.display(description=_("index"), ordering="index_version")
    def index_of(self, run: EvaluationRun) -> str:
        return said(run.index_name)

    @admin.display(description=_("as"), ordering="person")
    def asked_as(self, run: EvaluationRun) -> str:
        return run.person.get_username() if run.person else gettext("an administrator")

    @admin.display(description=_("state"), ordering="state")
    def state_of(self, run: EvaluationRun) -> SafeString:
        return format_html('<span class="state state-{}">{}</span>', run.state, showing.state_of(run))

    @admin.display(description="nDCG@10")
    def main_of(self, run: EvaluationRun) -> str:
        one = run.figures.get("measures", {}).get("nDCG@10")
        return showing.with_bounds(one) if one else "–"

    # -- its pages -----------------------------------------------------------------------------------------------------
    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        require_organiser(request)
        form = StartForm(actor(request), request.POST or None, initial={"version": request.GET.get("version")})
        if request.method == "POST" and form.is_valid():
            given = dict(form.cleaned_data)
            version, index = given.pop("version"), given.pop("index_version", None)
            try:
                run = start_run(version, by=actor(request), index_version=index.pk if index else None, **given)
            except RetrievalError as error:
                form.add_error(None, said(error.sentence))
            else:
                return HttpResponseRedirect(reverse("admin:evaluation_evaluationrun_change", args=[run.pk]))
        return form_page(self, request, form, _("Start an evaluation"), _("Start"))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        run = found_row(self, request, object_id)
        same = EvaluationRun.objects.filter(version=run.version, state=EvaluationRun.State.DONE).exclude(pk=run.pk)
        context = context_of(self, request, showing.title_of(run)) | {
            "run": run,
            "state": showing.state_of(run),
            "open": run.state in EvaluationRun.OPEN,
            "collections": ", ".join(run.collections.values_list("name", flat=True)) or _("all"),
            "measures": showing.measures_of(run),
            "parts": showing.parts_of(run),
            "worst": showing.worst_of(run, _WORST),
            "others": same[:_OTHERS] if run.state == EvaluationRun.State.DONE else (),
        }
        return TemplateResponse(request, "admin/evaluation/run.html", context)

    def compare_view(self, request: HttpRequest, old: UUID) -> HttpResponse:
        before = found_row(self, request, old)
        try:
            after = find_run(request.GET.get("run", ""), actor(request))
            found = compare(before, after)
        except RetrievalError as error:
            messages.error(request, said(error.sentence))
            return HttpResponseRedirect(reverse("admin:evaluation_evaluationrun_change", args=[before.pk]))
        title = _("%(questions)s: two runs") % {"questions": before.version}
        context = context_of(self, request, title) | {
            "old": before,
            "new": after,
            "found": found,
            "plot": showing.plot_of(found.differences),
            "tags": showing.plot_of(found.by_tag),
        }
        return TemplateResponse(request, "admin/evaluation/comparison.html", context)

    def cancel_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        run = found_row(self, request, pk)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        cancel_run(run, by=actor(request))
        messages.success(request, _("The run ends with its next step."))
        return HttpResponseRedirect(reverse("admin:evaluation_evaluationrun_change", args=[run.pk]))
