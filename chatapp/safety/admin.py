"""Rules and word lists, for administrators. Each change is written down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from chatapp.accounts.models import User
from chatapp.governance.services import record
from chatapp.languages.said import said
from chatapp.organisations.administration import OfOrganisers, home_of_asker
from chatapp.organisations.forms import ELSEWHERE, Within, own_name, require_together
from chatapp.safety.documents import QUARANTINED, release
from chatapp.safety.models import FilterRule, QuarantinedDocument, What, WordList
from inference.administration.superusers import is_superuser
from retrieval.models import Document
from retrieval.tenants import HOUSE

if TYPE_CHECKING:
    RuleAdminBase = admin.ModelAdmin[FilterRule]
    QuarantineAdminBase = admin.ModelAdmin[QuarantinedDocument]
    ListAdminBase = admin.ModelAdmin[WordList]
else:
    RuleAdminBase = ListAdminBase = QuarantineAdminBase = admin.ModelAdmin


class RuleForm(forms.ModelForm):  # type: ignore[type-arg]
    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if isinstance(self, Within):
            self.instance.organisation_id = self.home
            require_together(self, ("group", "collection"), self.home)
        else:
            require_together(self, ("organisation", "group", "collection"))
        words = given.get("words")
        if words and words.organisation_id not in (None, self.instance.organisation_id, _given(given)):
            self.add_error("words", ELSEWHERE)
        if (given.get("what") == What.WORDS) != bool(given.get("words")):
            self.add_error("words", _("Choose a list where the rule is about words of a list, and none elsewhere."))
        return given


def _given(given: dict[str, Any]) -> UUID | None:
    found: UUID | None = given["organisation"].pk if given.get("organisation") else None
    return found


@admin.register(FilterRule)
class RuleAdmin(OfOrganisers, RuleAdminBase):
    for_superusers = ("organisation",)
    form_within = Within
    form = RuleForm
    list_display = ("where", "what", "words", "action", "organisation", "group", "collection")
    list_filter = ("where", "action", "what")
    list_select_related = ("words", "organisation", "group", "collection")
    change_list_template = "admin/safety/rules.html"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Where their own list is empty, rules for all may hold."""
        ruled = FilterRule.objects.exists()
        return super().changelist_view(request, {"nothing_ruled": not ruled, **(extra_context or {})})

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **more: Any) -> Any:
        if db_field.name == "words" and not is_superuser(request):
            more["queryset"] = WordList.objects.filter(organisation=home_of_asker(request))
        return super().formfield_for_foreignkey(db_field, request, **more)

    def save_model(self, request: HttpRequest, obj: FilterRule, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        _write_down(request, "filter_rule.changed" if change else "filter_rule.added", obj)

    def delete_model(self, request: HttpRequest, obj: FilterRule) -> None:
        _write_down(request, "filter_rule.removed", obj)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[FilterRule]) -> None:
        for rule in queryset:
            self.delete_model(request, rule)


@admin.register(QuarantinedDocument)
class QuarantineAdmin(QuarantineAdminBase):
    """To look at, and to let out."""

    list_display = ("name", "collection", "why", "queued_at")
    list_select_related = ("collection",)
    actions = ("release",)

    def render_change_form(self, request: HttpRequest, context: Any, *parts: Any, **named: Any) -> HttpResponse:
        """There is nothing to save: a document is let out on the list."""
        context |= dict.fromkeys(("show_save", "show_save_and_continue", "show_save_and_add_another"), False)
        return super().render_change_form(request, context, *parts, **named)

    def get_queryset(self, request: HttpRequest) -> QuerySet[QuarantinedDocument]:
        waiting = {"status": Document.Status.FAILED, "error_code": QUARANTINED, "collection__attached": False}
        return super().get_queryset(request).filter(**waiting)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("name", "path", "collection", "why", "queued_at")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return self.get_readonly_fields(request, obj)

    @admin.display(description=_("error"), ordering="error")
    def why(self, document: QuarantinedDocument) -> str:
        return said(document.error)

    @admin.action(description=_("Let these out of quarantine"), permissions=["change"])
    def release(self, request: HttpRequest, queryset: QuerySet[QuarantinedDocument]) -> None:
        person = request.user if isinstance(request.user, User) else None
        released = sum(release(document, by=person) for document in queryset)
        told = ngettext("%(count)s document is taken in now.", "%(count)s documents are taken in now.", released)
        self.message_user(request, told % {"count": released})


class WordListForm(forms.ModelForm):  # type: ignore[type-arg]
    def clean_name(self) -> str:
        """Nobody learns from a name that is taken what others have."""
        home = self.home if isinstance(self, Within) else self.instance.organisation_id or _given(self.cleaned_data)
        return own_name(self.cleaned_data["name"], home or HOUSE, before=self.instance.name)

    def clean(self) -> dict[str, Any]:
        if isinstance(self, Within):
            self.instance.organisation_id = self.home
        return super().clean() or {}


@admin.register(WordList)
class WordListAdmin(OfOrganisers, ListAdminBase):
    for_superusers = ("organisation",)
    form_within = Within
    form = WordListForm
    list_display = ("name", "organisation")
    list_select_related = ("organisation",)
    fields = ("organisation", "name", "terms", "patterns")

    def get_fields(self, request: HttpRequest, obj: WordList | None = None) -> Any:
        return [one for one in self.fields if one != "organisation" or is_superuser(request)]

    def save_model(self, request: HttpRequest, obj: WordList, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        _write_down(request, "word_list.changed" if change else "word_list.added", obj)

    def delete_model(self, request: HttpRequest, obj: WordList) -> None:
        _write_down(request, "word_list.removed", obj)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[WordList]) -> None:
        for words in queryset:
            self.delete_model(request, words)


def _write_down(request: HttpRequest, action: str, changed: FilterRule | WordList) -> None:
    person = request.user if isinstance(request.user, User) else None
    group: dict[str, Any] = (
        {"group": str(changed.group), "collection": str(changed.collection)} if isinstance(changed, FilterRule) else {}
    )
    with translation.override("en"):  # the trail is English, whatever page this is
        subject = str(changed)
    record(action, subject, person, organisation=changed.organisation_id, **group)
