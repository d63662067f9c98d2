"""Question sets: imported from a file, looked at, taken out again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.functional import lazy
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from chatapp.evaluation.pages.theirs import OfTheirQuestions, found_row, require_organiser
from chatapp.evaluation.services import import_questions, remove_version
from chatapp.languages.said import said
from inference.administration.pages import context_of, form_page
from inference.administration.superusers import actor
from retrieval.errors import RetrievalError
from retrieval.evaluation import formats, sets
from retrieval.evaluation.models import QuestionSetVersion

if TYPE_CHECKING:
    VersionAdminBase = admin.ModelAdmin[QuestionSetVersion]
else:
    VersionAdminBase = admin.ModelAdmin

_A_PAGE = 50
_RUNS = 20


def _what_is_read() -> str:
    told = gettext(
        "JSON lines, each {“question”, “relevant”: [document names, or {“document”, “page”, “quote”}]}, also "
        "“answer”, “tags”, “language”; or CSV with the columns %(columns)s."
    )
    return told % {"columns": ", ".join(formats.COLUMNS)}


class ImportForm(forms.Form):
    name = forms.CharField(
        max_length=120,
        label=_("Question set"),
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text=_("A new name makes a new set; a set that is there gets a new version."),
    )
    file = forms.FileField(label=_("File"), help_text=lazy(_what_is_read, str)())

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > formats.MOST_BYTES:
            raise forms.ValidationError(said(f"The file is larger than {formats.MOST_BYTES // 1_000_000} MB."))
        return file


@admin.register(QuestionSetVersion)
class QuestionSetAdmin(OfTheirQuestions, VersionAdminBase):
    organisation_paths = ("question_set__tenant",)
    list_display = ("question_set", "number", "questions", "origin", "created_at", "created_by", "fingerprint")
    list_filter = ("question_set",)
    list_select_related = ("question_set", "created_by")
    ordering = ("question_set__name", "-number")
    list_per_page = 50
    actions = None

    class Media:
        css = {"all": ["css/administration.css"]}

    def get_urls(self) -> list[URLPattern]:
        door = path(
            "<int:pk>/export.<str:kind>", self.admin_site.admin_view(self.export_view), name="evaluation_export"
        )
        removing = path("<int:pk>/remove/", self.admin_site.admin_view(self.remove_view), name="evaluation_remove")
        return [door, removing, *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[QuestionSetVersion]:
        return super().get_queryset(request).select_related("question_set", "created_by")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        require_organiser(request)
        return super().changelist_view(request, {"title": _("Question sets"), **(extra_context or {})})

    @admin.display(description="SHA-256")
    def fingerprint(self, version: QuestionSetVersion) -> SafeString:
        return format_html("<code>{}</code>", version.sha256[:12])

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        require_organiser(request)
        form = ImportForm(request.POST or None, request.FILES or None, initial={"name": request.GET.get("name")})
        if request.method == "POST" and form.is_valid():
            file = form.cleaned_data["file"]
            try:
                kept = import_questions(
                    name=form.cleaned_data["name"], content=file.read(), file_name=file.name, by=actor(request)
                )
            except RetrievalError as error:
                form.add_error(None, said(error.sentence))
            else:
                messages.success(request, _imported(kept))
                return HttpResponseRedirect(
                    reverse("admin:evaluation_questionsetversion_change", args=[kept.version.pk])
                )
        return form_page(self, request, form, _("Import questions"), _("Import"))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        version = found_row(self, request, object_id)
        page = Paginator(version.rows.order_by("number"), _A_PAGE).get_page(request.GET.get("p"))
        context = context_of(self, request, str(version)) | {
            "version": version,
            "page": page,
            "runs": version.runs.select_related("person", "asked_by")[:_RUNS],
        }
        return TemplateResponse(request, "admin/evaluation/set.html", context)

    def remove_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        version = found_row(self, request, pk)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        try:
            remove_version(version, by=actor(request))
        except RetrievalError as error:
            messages.error(request, said(error.sentence))
            return HttpResponseRedirect(reverse("admin:evaluation_questionsetversion_change", args=[pk]))
        messages.success(request, _("%(name)s is removed, with its runs.") % {"name": version})
        return HttpResponseRedirect(reverse("admin:evaluation_questionsetversion_changelist"))

    def export_view(self, request: HttpRequest, pk: int, kind: str) -> HttpResponse:
        version = found_row(self, request, pk)
        if kind not in ("jsonl", "csv"):
            raise Http404
        rows = sets.rows_of(version)
        text = formats.write_csv(rows) if kind == "csv" else formats.write_jsonl(rows)
        response = HttpResponse(text, content_type="text/csv" if kind == "csv" else "application/jsonl")
        response["Content-Disposition"] = f'attachment; filename="questions-{version.pk}.{kind}"'
        return response


def _imported(kept: sets.Frozen) -> str:
    number = kept.version.questions
    told = ngettext("%(name)s holds %(count)s question.", "%(name)s holds %(count)s questions.", number)
    same = "" if kept.new else " " + gettext("They were there already: no new version.")
    return told % {"name": kept.version, "count": number} + same
