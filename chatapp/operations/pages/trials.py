"""The try-it box: what the rules about content would do with a text that is typed there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import Group
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from chatapp.operations.models import FilterTrial
from chatapp.operations.pages.how_often import require_turn
from chatapp.operations.trials import MOST_CHARACTERS, WHERE, Asker, Trial, attempt
from chatapp.organisations.boundaries import organisation_of
from inference.administration.pages import form_page
from inference.administration.superusers import ReadOnly, actor, require_superuser
from retrieval.models import Collection
from retrieval.tenants import HOUSE

if TYPE_CHECKING:
    TrialAdminBase = admin.ModelAdmin[FilterTrial]
else:
    TrialAdminBase = admin.ModelAdmin


class TrialForm(forms.Form):
    text = forms.CharField(
        label=_("Text"),
        max_length=MOST_CHARACTERS,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 6, "class": "vLargeTextField", "spellcheck": "false", "dir": "auto"}),
        help_text=format_lazy(_("It is not kept. {most} characters at most."), most=MOST_CHARACTERS),
    )
    where = forms.ChoiceField(label=_("As"), choices=[(str(one), one.label) for one in WHERE])
    group = forms.ModelChoiceField(
        Group.objects.order_by("name"), required=False, empty_label=_("somebody in no group"), label=_("Asked by")
    )
    collection = forms.ModelChoiceField(
        Collection.objects.order_by("name"), required=False, empty_label=_("all of them"), label=_("Of the collection")
    )

    def tried(self, request: HttpRequest) -> Trial:
        given = self.cleaned_data
        group, collection = given["group"], given["collection"]
        of = collection or group
        asker = Asker(
            groups={group.pk} if group else (),
            collections={collection.pk} if collection else None,
            organisation=(organisation_of(of) if of else None) or HOUSE,
        )
        return attempt(given["text"], given["where"], asker, by=actor(request))


@admin.register(FilterTrial)
class TrialAdmin(ReadOnly, TrialAdminBase):
    """One page, and none of single rules: those are edited elsewhere."""

    class Media:
        css = {"all": ["css/administration.css", "css/system.css"]}

    def has_add_permission(self, request: HttpRequest, *_: Any) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        return [path("", self.admin_site.admin_view(self.changelist_view), name="operations_filtertrial_changelist")]

    @method_decorator(never_cache)
    @method_decorator(sensitive_post_parameters("text"))
    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        require_superuser(request)
        if request.method not in ("GET", "HEAD", "POST"):
            return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
        form = TrialForm(request.POST if request.method == "POST" else None)
        trial = None
        if request.method == "POST" and form.is_valid():
            require_turn(request, "filter_trial")
            trial = form.tried(request)
        page = form_page(self, request, form, _("Try the content rules"), _("Try it"))
        page.template_name = "admin/try_it/page.html"
        assert page.context_data is not None
        page.context_data |= {"trial": trial}
        return page
