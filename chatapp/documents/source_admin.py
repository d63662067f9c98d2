"""Sources in the administration: made and changed with a form of their kind, run, stopped, watched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chatapp import access
from chatapp.accounts.models import User
from chatapp.documents import sources
from chatapp.errors import NotFound
from chatapp.languages.said import said
from chatapp.roles.administration import OfCurators, require_curator
from inference.administration.pages import form_page
from inference.administration.superusers import actor
from retrieval.errors import RetrievalError
from retrieval.models import Collection
from retrieval.sources.connector import Kind, kind_named, kinds
from retrieval.sources.models import Source

if TYPE_CHECKING:
    SourceAdminBase = admin.ModelAdmin[Source]
else:
    SourceAdminBase = admin.ModelAdmin

_OPEN = (Source.State.WAITING, Source.State.RUNNING)
_HELP = {
    "path": _("An absolute path, inside one of the folders of RETRIEVAL_SOURCE_FOLDERS."),
    "endings": _("Only files whose names end so, such as .md; one a line. Empty: all."),
    "start": _("Addresses of pages, one a line."),
    "sitemaps": _("Addresses of sitemaps, one a line."),
    "within": _("Only addresses that begin with one of these, one a line. Empty: the hosts of the pages above."),
    "depth": _("Of the links that are followed from the pages above; 0: none."),
    "milliseconds_between": _("Pause between two requests to one host; its robots.txt may ask for more."),
    "url": _("https://… without name and password, or the path of a repository on this machine."),
    "branch": _("Empty: the repository's own."),
    "patterns": _("Only files whose path fits one of these, such as docs/*.md; one a line. Empty: all."),
    "endpoint": _("Such as https://s3.eu-central-1.amazonaws.com."),
    "prefix": _("Only keys that begin so."),
}
_LABELS = {
    "path": _("Path"),
    "endings": _("Endings"),
    "start": _("Start at"),
    "sitemaps": _("Sitemaps"),
    "within": _("Within"),
    "depth": _("Depth"),
    "most_pages": _("Most pages"),
    "milliseconds_between": _("Milliseconds between"),
    "url": _("Address"),
    "branch": _("Branch"),
    "patterns": _("Patterns"),
    "endpoint": _("Endpoint"),
    "bucket": _("Bucket"),
    "prefix": _("Prefix"),
    "region": _("Region"),
}
_OF_ALL = ("every_minutes", "key_name", "private_networks", "enabled")


class SourceForm(forms.Form):
    """The fields of one kind, after those that all kinds have."""

    name = forms.CharField(label=_("Name"), max_length=120, widget=forms.TextInput(attrs={"class": "vTextField"}))
    collection = forms.ModelChoiceField(Collection.objects.none(), label=_("Collection"))
    every_minutes = forms.IntegerField(
        label=_("Every so many minutes"), required=False, min_value=1, help_text=_("Empty: only when somebody asks.")
    )
    key_name = forms.CharField(
        label=_("Key"),
        required=False,
        max_length=80,
        help_text=_("The environment variable of the worker that holds its secret; its name begins with SOURCE_KEY_."),
    )
    private_networks = forms.BooleanField(
        label=_("Private networks"),
        required=False,
        initial=True,
        help_text=_("It may reach those that RETRIEVAL_SOURCE_NETWORKS names."),
    )
    enabled = forms.BooleanField(
        label=_("Enabled"), required=False, initial=True, help_text=_("Off: its schedule rests.")
    )

    def __init__(
        self,
        kind: Kind,
        source: Source | None,
        by: User,
        data: Any = None,
        *,
        offered: QuerySet[Collection] | None = None,
    ) -> None:
        initial = {name: getattr(source, name) for name in _OF_ALL} if source else {}
        super().__init__(data, initial=initial)
        if not by.is_superuser:
            del self.fields["private_networks"]
        self.kind = kind
        if source is not None:
            del self.fields["name"], self.fields["collection"]
        else:
            del self.fields["enabled"]
            self.fields["collection"].queryset = offered  # type: ignore[attr-defined]
        for name, default in kind.defaults.items():
            self.fields[f"set_{name}"] = _field(name, default, (source.settings if source else {}).get(name, default))

    def settings(self) -> dict[str, Any]:
        found = {}
        for name, default in self.kind.defaults.items():
            value = self.cleaned_data[f"set_{name}"]
            found[name] = [line.strip() for line in value.splitlines() if line.strip()] if _is_list(default) else value
        return found


def _called(name: str) -> str:
    """Settings of kinds that others bring are called as they are named."""
    return str(_LABELS.get(name, name.replace("_", " ").capitalize()))


def _is_list(default: Any) -> bool:
    return isinstance(default, list)


def _field(name: str, default: Any, value: Any) -> forms.Field:
    common: dict[str, Any] = {"label": _called(name), "help_text": _HELP.get(name, "")}
    if isinstance(default, int):
        return forms.IntegerField(initial=value, **common)
    if _is_list(default):
        area = forms.Textarea(attrs={"rows": 3, "class": "vLargeTextField"})
        return forms.CharField(initial="\n".join(value), required=False, max_length=50_000, widget=area, **common)
    line = forms.TextInput(attrs={"class": "vLargeTextField"})
    return forms.CharField(initial=value, required=False, max_length=2000, widget=line, **common)


class KindForm(forms.Form):
    kind = forms.ChoiceField(label=_("What kind of place?"))

    def __init__(self, offered: Mapping[str, Kind]) -> None:
        super().__init__()
        self.fields["kind"].choices = [(one.name, said(one.title)) for one in offered.values()]  # type: ignore[attr-defined]


@admin.register(Source)
class SourceAdmin(OfCurators, SourceAdminBase):
    list_display = ("name", "kind_of", "collection", "schedule", "state_of", "counted", "finished_at")
    list_select_related = ("collection",)
    list_filter = ("kind", "state", "outcome")
    search_fields = ("name",)
    list_per_page = 50
    actions = None
    fields = readonly_fields = (
        "kind_of",
        "collection",
        "schedule",
        "key_name",
        "private_networks",
        "settings_of",
        "state_of",
        "counted",
        "why",
        "started_at",
        "finished_at",
        "due_at",
        "failing",
    )
    change_list_template = "admin/sources/list.html"
    change_form_template = "admin/sources/source.html"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_module_permission(request)

    class Media:
        css = {"all": ["css/administration.css"]}

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<uuid:pk>/edit/", view(self.edit_view), name="sources_source_edit"),
            path("<uuid:pk>/do/<str:what>/", view(self.do_view), name="sources_source_do"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        require_curator(request)
        going = self.get_queryset(request).filter(state__in=_OPEN).exists()
        return super().changelist_view(request, {"title": _("Sources"), "going": going, **(extra_context or {})})

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """First the kind, then its form."""
        require_curator(request)
        name, offered = request.GET.get("kind", ""), sources.kinds_for(actor(request))
        if name not in offered:
            title = _("Where do the documents come from?")
            return form_page(self, request, KindForm(offered), title, _("Go on"), method="get")
        kind = kind_named(name)
        form = SourceForm(kind, None, actor(request), request.POST or None, offered=access.curated(actor(request)))
        if request.method == "POST" and form.is_valid():
            values = form.cleaned_data
            try:
                made = sources.add(
                    by=actor(request),
                    name=values["name"],
                    collection=values["collection"],
                    kind=kind.name,
                    settings=form.settings(),
                    key_name=values["key_name"],
                    every_minutes=values["every_minutes"],
                    private_networks=values.get("private_networks"),
                )
            except (RetrievalError, NotFound) as error:
                form.add_error(None, said(f"{error.user_message} {error.advice}"))
            else:
                return self._to(made)
        return form_page(self, request, form, _("New source: %(kind)s") % {"kind": said(kind.title)}, _("Add it"))

    def edit_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        source = self._found(request, pk)
        form = SourceForm(kind_named(source.kind), source, actor(request), request.POST or None)
        if request.method == "POST" and form.is_valid():
            of_all = {name: form.cleaned_data[name] for name in _OF_ALL if name in form.fields}
            try:
                sources.change(source, by=actor(request), settings=form.settings(), **of_all)
            except (RetrievalError, NotFound) as error:
                form.add_error(None, said(f"{error.user_message} {error.advice}"))
            else:
                return self._to(source)
        return form_page(self, request, form, _("Change %(name)s") % {"name": source.name}, _("Save"))

    def do_view(self, request: HttpRequest, pk: UUID, what: str) -> HttpResponse:
        source = self._found(request, pk)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        by = actor(request)
        try:
            if what == "run":
                sources.run(source, by=by)
            elif what == "stop":
                sources.stop(source, by=by)
            elif what == "accept":
                sources.accept_removals(source, by=by)
            elif what in ("remove", "remove-all"):
                sources.remove(source, by=by, with_documents=what == "remove-all")
                messages.success(request, _("%(name)s is removed.") % {"name": source.name})
                return HttpResponseRedirect(reverse("admin:sources_source_changelist"))
            else:
                raise Http404
        except RetrievalError as error:
            messages.error(request, said(f"{error.user_message} {error.advice}"))
        return self._to(source)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        source = self.get_object(request, object_id)
        open_now = source is not None and source.state in _OPEN
        held = source is not None and source.outcome == Source.Outcome.HELD
        context = {"open": open_now, "held": held, "title": str(source), "subtitle": None}
        return super().change_view(request, object_id, form_url, {**context, **(extra_context or {})})

    def _found(self, request: HttpRequest, pk: UUID) -> Source:
        require_curator(request)
        return sources.get_source(actor(request), pk)

    def _to(self, source: Source) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:sources_source_change", args=[source.pk]))

    @admin.display(description=_("kind"), ordering="kind")
    def kind_of(self, source: Source) -> str:
        known = kinds().get(source.kind)
        return said(known.title) if known else source.kind

    @admin.display(description=_("schedule"))
    def schedule(self, source: Source) -> str:
        if not source.every_minutes:
            return gettext("when asked")
        every = gettext("every %(minutes)s min") % {"minutes": source.every_minutes}
        return every if source.enabled else gettext("rests")

    @admin.display(description=_("state"), ordering="state")
    def state_of(self, source: Source) -> SafeString:
        words = source.get_state_display() if source.state in _OPEN else source.get_outcome_display()
        look = source.state if source.state in _OPEN else source.outcome or "none"
        return format_html(
            '<span class="state state-{}">{}</span>', look, _("stopping") if source.stop_asked else words
        )

    @admin.display(description=_("documents"))
    def counted(self, source: Source) -> str:
        told = (gettext("%(number)s %(what)s") % {"number": n, "what": said(what)} for what, n in source.counts.items())
        return ", ".join(told) or "–"

    @admin.display(description=_("settings"))
    def settings_of(self, source: Source) -> SafeString:
        shown = ((_called(name), _shown(value)) for name, value in source.settings.items() if value != [])
        return format_html("<dl>{}</dl>", format_html_join("", "<dt>{}</dt><dd>{}</dd>", shown))

    @admin.display(description=_("error"))
    def why(self, source: Source) -> str:
        return said(source.error) or "–"

    @admin.display(description=_("not taken"))
    def failing(self, source: Source) -> SafeString | str:
        rows: list[Mapping[str, str]] = list(sources.failures(source))
        if not rows:
            return "–"
        lines = ((one["document"], said(one["error"])) for one in rows)
        body = format_html_join("", '<tr><th scope="row">{}</th><td>{}</td></tr>', lines)
        return format_html("<table><tbody>{}</tbody></table>", body)


def _shown(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value) or "–"
