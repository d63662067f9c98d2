"""Index versions in the administration: built, watched, put in service, taken back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.formats import number_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chatapp.accounts.models import User
from chatapp.documents import versions
from chatapp.languages.said import said
from inference.administration.pages import form_page
from inference.administration.superusers import ReadOnly, actor, require_superuser
from retrieval.embedders.embedding_models import made_models
from retrieval.embedders.model_folders import PACKAGED_MODEL
from retrieval.errors import RetrievalError
from retrieval.evaluation.models import QuestionSet
from retrieval.index.vectors.kinds import Kind
from retrieval.tenants import HOUSE
from retrieval.versions.current import serving
from retrieval.versions.models import IndexVersion
from retrieval.versions.progress import Progress, progress_of, services_json

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    VersionAdminBase = admin.ModelAdmin[IndexVersion]
else:
    VersionAdminBase = admin.ModelAdmin

_Status = IndexVersion.Status
_SETS = 200  # that can be chosen from
_MEASURES = 6  # of a gate, in its report
_SHORT = 200
_WATCHED = (*IndexVersion.IN_WORK, _Status.SERVING)


class BuildForm(forms.Form):
    """What a new version may have of its own; what is left empty stays as it serves."""

    model = forms.ChoiceField(label=_("Embedding model"), required=False)
    other = forms.CharField(
        label=_("Another model"),
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"class": "vLargeTextField"}),
        help_text=_("In place of the one above: a folder, or a sentence-transformers name that the index service has."),
    )
    kind = forms.ChoiceField(
        label=_("Index kind"),
        required=False,
        choices=[("", _("as it serves")), ("auto", "auto"), *((k, k) for k in Kind)],
    )
    gate = forms.ChoiceField(
        label=_("Question set"),
        required=False,
        help_text=_("It serves only if it is not worse than the serving version on these questions."),
    )
    hold = forms.BooleanField(
        label=_("Hold"), required=False, help_text=_("Do not put it in service by itself when it is ready.")
    )
    note = forms.CharField(
        label=_("Note"), required=False, max_length=300, widget=forms.TextInput(attrs={"class": "vLargeTextField"})
    )

    def __init__(self, data: Any = None) -> None:
        now, config = serving().embedding_model, settings.RETRIEVAL
        super().__init__(data, initial={"model": now})
        made = [card.name for card in made_models(config.models_dir)]
        models = dict.fromkeys([now, config.embedding_model, PACKAGED_MODEL, *made])
        sets = QuestionSet.objects.filter(tenant=HOUSE).order_by("name").values_list("name", flat=True)[:_SETS]
        self.fields["model"].choices = [(one, one) for one in models]  # type: ignore[attr-defined]
        self.fields["gate"].choices = [("", _("none")), *((one, one) for one in sets)]  # type: ignore[attr-defined]

    def asked(self) -> dict[str, Any]:
        """As versions.build takes it."""
        values = dict(self.cleaned_data)
        other, hold = values.pop("other").strip(), values.pop("hold")
        return {**values, "model": other or values["model"], "promote": not hold}


@admin.register(IndexVersion)
class IndexVersionAdmin(ReadOnly, VersionAdminBase):
    list_display = ("named", "state_of", "progress", "embedding_model", "kind", "note", "served_at")
    list_per_page = 50
    actions = None
    fields = readonly_fields = (
        "state_of",
        "progress",
        "embedding_model",
        "dimension",
        "kind",
        "gate",
        "note",
        "requested_by",
        "why",
        "created_at",
        "served_at",
        "ended_at",
        "failed_documents",
        "services",
        "report_of",
    )
    change_list_template = "admin/versions/list.html"
    change_form_template = "admin/versions/version.html"

    class Media:
        css = {"all": ["css/administration.css"]}

    def get_urls(self) -> list[URLPattern]:
        do = self.admin_site.admin_view(self.do_view)
        return [path("<int:pk>/do/<str:what>/", do, name="versions_indexversion_do"), *super().get_urls()]

    # -- views -----------------------------------------------------------------------------------------------------
    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        require_superuser(request)
        going = IndexVersion.objects.filter(status__in=IndexVersion.IN_WORK).exists()
        context = {"title": _("Index versions"), "going": going, **(extra_context or {})}
        return super().changelist_view(request, context)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        require_superuser(request)
        form = BuildForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                made = versions.build(by=actor(request), **form.asked())
            except RetrievalError as error:
                form.add_error(None, said(error.sentence))
            else:
                return self._to(made.pk)
        return form_page(self, request, form, _("Build an index version"), _("Build it"))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        version = self.get_object(request, object_id)
        context = {
            "title": self.named(version) if version is not None else "",
            "subtitle": None,
            "watched": version is not None and version.status in IndexVersion.IN_WORK,
            "offered": _offered(version) if version is not None else [],
        }
        return super().change_view(request, object_id, form_url, {**context, **(extra_context or {})})

    def do_view(self, request: HttpRequest, pk: int, what: str) -> HttpResponse:
        require_superuser(request)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        done = _deeds(pk, actor(request)).get(what)
        if done is None:
            raise Http404
        try:
            done()
        except RetrievalError as error:
            messages.error(request, said(error.sentence))
        return self._to(pk)

    def _to(self, pk: int) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:versions_indexversion_change", args=[pk]))

    # -- what is shown ---------------------------------------------------------------------------------------------
    @admin.display(description=_("index version"), ordering="pk")
    def named(self, version: IndexVersion) -> str:
        return gettext("Version %(number)s") % {"number": version.pk}

    @admin.display(description=_("state"), ordering="status")
    def state_of(self, version: IndexVersion) -> SafeString:
        return format_html('<span class="state state-{}">{}</span>', version.status, said(version.status))

    @admin.display(description=_("error"))
    def why(self, version: IndexVersion) -> str:
        return said(version.error) or "–"

    @admin.display(description=_("progress"))
    def progress(self, version: IndexVersion) -> str:
        if version.status == _Status.RETIRED:
            return gettext("its vectors were deleted") if version.cleared_at else gettext("can be gone back to")
        return _in_words(progress_of(version)) if version.status in _WATCHED else "–"

    @admin.display(description=_("documents that failed"))
    def failed_documents(self, version: IndexVersion) -> SafeString | str:
        """Without what was attached to conversations: its names are private, its number stands in the progress."""
        of_all = version.members.exclude(error="").filter(document__collection__attached=False)
        places = of_all.select_related("document").order_by("document__name")[:100]
        rows = [(place.document.name, said(place.error)) for place in places]
        body = format_html_join("", '<tr><th scope="row">{}</th><td>{}</td></tr>', rows)
        return format_html("<table><tbody>{}</tbody></table>", body) if rows else "–"

    @admin.display(description=_("index services"))
    def services(self, version: IndexVersion) -> SafeString | str:
        rows = [(one["service"], _holding(one), said(one["problem"])) for one in services_json()]
        line = '<tr><th scope="row">{}</th><td>{}</td><td>{}</td></tr>'
        return (
            format_html("<table><tbody>{}</tbody></table>", format_html_join("", line, rows))
            if rows
            else gettext("none lives")
        )

    @admin.display(description=_("report"))
    def report_of(self, version: IndexVersion) -> SafeString | str:
        shown = {key: value for key, value in version.report.items() if key != "failed"}
        if not shown:
            return "–"
        lines = format_html_join("", '<tr><th scope="row">{}</th><td>{}</td></tr>', _report_rows(shown))
        whole = json.dumps(shown, indent=1, ensure_ascii=False)
        return format_html(
            '<table><tbody>{}</tbody></table><details><summary>{}</summary><pre dir="ltr">{}</pre></details>',
            lines,
            _("All of it, as JSON"),
            whole,
        )


def _report_rows(report: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What people look at; of a gate, its sentence and the first measures."""
    for name, value in report.items():
        if name == "gate" and isinstance(value, dict):
            passed = gettext("passed") if value.get("passed") else gettext("not passed")
            yield gettext("question set"), f"{value.get('question_set', '')}: {passed}"
            yield gettext("verdict"), said(value.get("summary", ""))
            for one in (value.get("report") or {}).get("differences", [])[:_MEASURES]:
                yield str(one["measure"]), _difference(one)
        elif isinstance(value, dict):
            parts = (f"{said(key.replace('_', ' '))} {part}" for key, part in value.items() if _is_short(part))
            yield said(name), ", ".join(parts)
        elif _is_short(value):
            yield said(name.replace("_", " ")), said(value)


def _difference(one: Mapping[str, Any]) -> str:
    told = {"old": number_format(one["old"], 3), "new": number_format(one["new"], 3)}
    told["difference"] = f"{one['difference']:+.3f}"
    return gettext("%(old)s before, %(new)s now (%(difference)s)") % told


def _holding(service: Mapping[str, Any]) -> str:
    holds = ", ".join(service["holds"]) or gettext("nothing yet")
    return gettext("answers from %(serving)s, holds %(holds)s") % {"serving": service["serving"], "holds": holds}


def _in_words(progress: Progress) -> str:
    """As `in_words` says it in English to commands and programs."""
    version, status = progress.version, progress.version.status
    so_far = {"state": said(status), "number": progress.documents, "all": progress.total}
    told = [gettext("%(state)s, %(number)s of %(all)s documents") % so_far]
    if progress.failed:
        told.append(gettext("%(number)s failed") % {"number": progress.failed})
    if status == _Status.BUILDING and progress.rate:
        told.append(gettext("%(number)s a second") % {"number": number_format(progress.rate, 1)})
    if progress.seconds_left:
        told.append(gettext("about %(seconds)s s left") % {"seconds": number_format(progress.seconds_left, 0)})
    if progress.waits_for:
        told.append(gettext("waits for %(services)s") % {"services": "; ".join(progress.waits_for)})
    if status == _Status.READY and version.promote:
        told.append(gettext("about to serve"))
    return ", ".join(told)


def _is_short(value: Any) -> bool:
    return isinstance(value, str | int | float) and len(str(value)) <= _SHORT


def _offered(version: IndexVersion) -> list[tuple[str, StrOrPromise]]:
    """Buttons: what may be done with it now."""
    match version.status:
        case _Status.BUILDING | _Status.CHECKING:
            return [("cancel", _("Cancel it"))]
        case _Status.READY if version.promote:
            return [("cancel", _("Keep it out of service"))]
        case _Status.READY:
            lacking = (
                [("accept", _("Put it in service without the documents that failed"))] if version.error_code else []
            )
            again = [("retry", _("Try again what failed"))] if version.members.exclude(error="").exists() else []
            return [("promote", _("Put it in service")), *lacking, *again, ("cancel", _("Give it up"))]
        case _Status.RETIRED if version.cleared_at is None:
            return [
                ("promote", _("Go back to it")),
                ("now", _("Go back to it at once, and take in later what is newer")),
            ]
        case _Status.FAILED if version.cleared_at is None:
            return [("retry", _("Try again"))]
        case _Status.SERVING if version.members.exclude(error="").exists():
            return [("retry", _("Try again what failed"))]
    return []


def _deeds(pk: int, by: User) -> dict[str, Callable[[], object]]:
    return {
        "promote": partial(versions.promote, pk, by=by),
        "accept": partial(versions.promote, pk, without_failed=True, by=by),
        "now": partial(versions.promote, pk, now=True, by=by),
        "cancel": partial(versions.cancel, pk, by=by),
        "retry": partial(versions.retry, pk, by=by),
    }
