"""Jobs on models: asked for with a form, watched, cancelled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from inference import pulling, seams, tasks
from inference.administration.pages import Fieldsets, form_page, found_row
from inference.administration.superusers import ReadOnly, actor, require_superuser
from inference.errors import InferenceError
from inference.jobs import asking, results
from inference.jobs.formats import FORMATS
from inference.models import Job, ModelVersion

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    JobAdminBase = admin.ModelAdmin[Job]
else:
    JobAdminBase = admin.ModelAdmin


def _said(text: object) -> str:
    """In the language of the page."""
    return seams.said.given(text)


_OPEN = (Job.State.QUEUED, Job.State.RUNNING)
_FIELDS: Fieldsets = [(None, {"fields": ["kind", "version", "to", "layers", "source", "sha256", "name"]})]
_OF_A_MODEL = ("version", _("Of which model?"))
_NEEDED = {
    Job.Kind.PULL: (("source", _("From where?")),),
    Job.Kind.QUANTIZE: (_OF_A_MODEL, ("to", _("To which format?"))),
    Job.Kind.PRUNE: (_OF_A_MODEL, ("layers", _("Without which layers?"))),
    Job.Kind.BENCH: (_OF_A_MODEL,),
}
_SHOWN = (
    "kind",
    "subject",
    "state_of",
    "progress_of",
    "made",
    "figures",
    "why",
    "asked_by",
    "created_at",
    "ended_at",
)


def _line(
    *, most: int, label: StrOrPromise | None = None, help_text: StrOrPromise, wide: bool = False
) -> forms.CharField:
    widget = forms.TextInput(attrs={"class": "vLargeTextField" if wide else "vTextField"})
    return forms.CharField(max_length=most, label=label, required=False, help_text=help_text, widget=widget)


class AskForm(forms.Form):
    kind = forms.ChoiceField(
        label=_("Kind"),
        choices=[
            (Job.Kind.PULL, _("pull: download a model file")),
            (Job.Kind.QUANTIZE, _("quantize: the same model with smaller numbers")),
            (Job.Kind.PRUNE, _("prune: without some of its layers")),
            (Job.Kind.BENCH, _("bench: measure speed and quality")),
        ],
        initial=Job.Kind.QUANTIZE,
        help_text=_("Quantizing and pruning make a new version; the old one stays as it is. Both are measured."),
    )
    version = forms.ModelChoiceField(
        ModelVersion.objects.filter(kind=ModelVersion.Kind.FILE),
        label=_("Model"),
        required=False,
        help_text=_("quantize, prune, bench: which file."),
    )
    to = forms.ChoiceField(
        choices=[
            ("", _("as it is")),
            *(
                (name, format_lazy(_("{name} (about {bits} bits a weight)"), name=name, bits=f"{bits:g}"))
                for name, bits in FORMATS.items()
            ),
        ],
        label=_("Format"),
        required=False,
        help_text=_("quantize: the format of the new file. prune: may be given as well."),
    )
    layers = _line(
        most=500,
        label=_("Layers"),
        help_text=_("prune: the layers to leave out, such as 12-15,20. The first one is 0."),
    )
    source = _line(
        label=_("Source"),
        most=pulling.MOST_CHARACTERS,
        wide=True,
        help_text=_(
            "pull: hub:OWNER/REPOSITORY/FILE.gguf, or an https:// address that ends in .gguf. The worker "
            "downloads it. What broke off or was cancelled goes on where it stopped when it is asked for again."
        ),
    )
    sha256 = _line(
        most=80,
        wide=True,
        label="SHA-256",
        help_text=_("pull: the checksum that the file must have. Empty: the one that the hub names."),
    )
    name = _line(
        most=120, label=_("Name"), help_text=_("Of the new version. Empty: made from the old one's, or the file's.")
    )

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        for field, question in _NEEDED.get(values.get("kind", ""), ()):
            if not values.get(field) and field not in self.errors:
                self.add_error(field, question)
        return values

    def ask(self, by: Any) -> asking.Asked:
        """Raises InferenceError."""
        kind, model, to, layers, name = (self.cleaned_data[one] for one in ("kind", "version", "to", "layers", "name"))
        if kind == Job.Kind.PULL:
            return asking.ask_pull(self.cleaned_data["source"], name=name, sha256=self.cleaned_data["sha256"], by=by)
        if kind == Job.Kind.QUANTIZE:
            return asking.ask_quantize(model.name, to, name=name, by=by)
        if kind == Job.Kind.PRUNE:
            return asking.ask_prune(model.name, layers, to=to, name=name, by=by)
        return asking.ask_bench(model.name, by=by)


@admin.register(Job)
class JobAdmin(ReadOnly, JobAdminBase):
    list_display = ("created_at", "kind", "subject", "state_of", "progress_of", "made", "asked_by")
    list_display_links = ("created_at",)
    list_select_related = ("version", "made", "asked_by")
    list_per_page = 50
    actions = None
    fields = readonly_fields = _SHOWN
    change_list_template = "admin/inference/job/list.html"
    change_form_template = "admin/inference/job/job.html"

    class Media:
        css = {"all": ["css/administration.css"]}

    def get_urls(self) -> list[URLPattern]:
        cancel = path("<uuid:pk>/cancel/", self.admin_site.admin_view(self.cancel_view), name="inference_job_cancel")
        return [cancel, *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        return super().get_queryset(request).select_related("version", "made", "asked_by")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        require_superuser(request)
        owed = Job.objects.filter(state__in=_OPEN).exists()
        return super().changelist_view(request, {"title": _("Jobs on models"), "owed": owed, **(extra_context or {})})

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        require_superuser(request)
        form = AskForm(request.POST or None, initial={"version": request.GET.get("version")})
        if request.method == "POST" and form.is_valid():
            try:
                asked = form.ask(request.user)
            except InferenceError as error:
                form.add_error(None, _said(f"{error.user_message} {error.advice}"))
            else:
                tasks.send_soon()
                for warning in asked.warnings:
                    messages.warning(request, _said(warning))
                return HttpResponseRedirect(reverse("admin:inference_job_change", args=[asked.job.pk]))
        return form_page(self, request, form, _("Ask for work on a model"), _("Queue it"), fieldsets=_FIELDS)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        job = self.get_object(request, object_id)
        context = {
            "open": job is not None and job.state in _OPEN,
            "title": self.named(job) if job is not None else "",
            "subtitle": None,
        }
        return super().change_view(request, object_id, form_url, {**context, **(extra_context or {})})

    def cancel_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        job = found_row(self, request, pk)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        asking.cancel(job, by=actor(request))
        messages.success(request, _("The job ends within a second or so."))
        return HttpResponseRedirect(reverse("admin:inference_job_change", args=[job.pk]))

    @admin.display(description=_("job"))
    def named(self, job: Job) -> str:
        return gettext("%(kind)s, %(number)s") % {"kind": job.get_kind_display(), "number": str(job.pk)[:8]}

    @admin.display(description=_("error"))
    def why(self, job: Job) -> str:
        return _said(job.error) or "–"

    @admin.display(description=_("model"), ordering="version")
    def subject(self, job: Job) -> str:
        """A pull has no model yet."""
        return str(job.version or pulling.shown(job.parameters.get("source", "")) or "–")

    @admin.display(description=_("state"), ordering="state")
    def state_of(self, job: Job) -> SafeString:
        stopping = job.cancel_requested and job.state in _OPEN
        return format_html(
            '<span class="state state-{}">{}</span>', job.state, _("stopping") if stopping else _said(job.state)
        )

    @admin.display(description=_("progress"), ordering="progress")
    def progress_of(self, job: Job) -> SafeString:
        if job.state not in _OPEN:
            return format_html("{}", "–" if job.state != Job.State.DONE else "100 %")
        percent = round(100 * job.progress)
        label = f"{percent} %{', ' if job.step else ''}{_said(job.step)}"
        return format_html(
            '<progress class="job" max="100" value="{}" aria-label="{}"></progress> {}', percent, _("progress"), label
        )

    @admin.display(description=_("result"))
    def figures(self, job: Job) -> SafeString | str:
        headings, *rows = results.table(job.result) or [()]
        if not rows:
            return "–"
        top = format_html_join("", '<th scope="col">{}</th>', ((_said(one.lower()),) for one in headings))
        cells = ((_said(row[0]), format_html_join("", "<td>{}</td>", ((cell,) for cell in row[1:]))) for row in rows)
        body = format_html_join("", '<tr><th scope="row">{}</th>{}</tr>', cells)
        notes = format_html_join("", "<p>{}</p>", ((_said(one),) for one in results.notes(job.result)))
        return format_html("<div><table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>{}</div>", top, body, notes)
