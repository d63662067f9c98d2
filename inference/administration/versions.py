"""Versions of models: files come by `manage.py models` and by jobs, endpoints are entered here."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Case, IntegerField, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from inference import amounts, audit, registry, rollouts, seams, spending
from inference.administration import router
from inference.administration.changes import changed
from inference.administration.pages import context_of
from inference.administration.superusers import SuperusersAlone, actor, require_superuser
from inference.endpoints import KEY_SENTENCE, key_missing
from inference.errors import InferenceError
from inference.models import ModelVersion
from inference.routing import page

if TYPE_CHECKING:
    VersionAdminBase = admin.ModelAdmin[ModelVersion]
    VersionFormBase = forms.ModelForm[ModelVersion]
else:
    VersionAdminBase, VersionFormBase = admin.ModelAdmin, forms.ModelForm

_ENDPOINT_KINDS = [one for one in ModelVersion.Kind.choices if one[0] != ModelVersion.Kind.FILE]
_SHORT = {"openai": _("OpenAI's API"), "azure": "Azure", "anthropic": "Anthropic"}
_NEEDED = {
    "base_url": _("An endpoint needs its address."),
    "model": _("An endpoint needs the model's name there."),
}
_ORDINALS = (_("1st"), _("2nd"), _("3rd"))
_OF_A_FILE = ("path", "source", "size_there", "sha256", "quantization", "parent")


class VersionForm(VersionFormBase):
    capabilities = forms.MultipleChoiceField(
        label=_("Capabilities"),
        choices=ModelVersion.Capability.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("What it can do besides plain text."),
    )

    class Meta:
        model = ModelVersion
        fields = "__all__"
        help_texts = {
            "model": _(
                "The model's name at the endpoint. Another address or another model is better a version of its "
                "own: figures, ratings and kept answers stay with the version."
            )
        }
        error_messages = {"key_name": {"invalid": _(KEY_SENTENCE)}}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for price in ("price_prompt", "price_completion"):
            if isinstance(value := self.initial.get(price), Decimal):  # the address of the page may give any text
                self.initial[price] = Decimal(amounts.plain(value))
        if "kind" in self.fields:
            self.initial["outside"] = True  # until somebody says that it is not
            self.fields["kind"] = forms.ChoiceField(
                label=_("Kind"),
                choices=_ENDPOINT_KINDS,
                help_text=_("The API that it speaks. Files come by `manage.py models` and by a job that pulls one."),
            )

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if "kind" in self.fields or self.instance.kind != ModelVersion.Kind.FILE:
            self._check_endpoint(values)
        return values

    def _check_endpoint(self, values: dict[str, Any]) -> None:
        for field in ("base_url", "model"):
            if field in values and not values[field]:
                self.add_error(field, _NEEDED[field])
        moved = [name for name in ("base_url", "model") if name in self.changed_data and name not in self.errors]
        if moved and self.instance.pk and rollouts.running_with(self.instance):
            self.add_error(moved[0], _("A roll-out of this version is running, and compares what answers there now."))


@admin.register(ModelVersion)
class VersionAdmin(SuperusersAlone, VersionAdminBase):
    form = VersionForm
    list_display = (
        "named",
        "chat_page",
        "kind_of",
        "state_of",
        "measures",
        "speed",
        "quality",
        "price",
        "spent",
        "health",
    )
    list_display_links = ("named",)
    search_fields = ("name", "model", "base_url", "path")
    actions = ("make_default", "let_answer")
    change_list_template = "admin/inference/modelversion/list.html"
    list_per_page = 50

    class Media:
        css = {"all": ["css/administration.css"]}

    # -- the list ------------------------------------------------------------------------------------------------------
    def get_queryset(self, request: HttpRequest) -> QuerySet[ModelVersion]:
        return super().get_queryset(request).annotate(spent_now=spending.of_this_month(), turn=_turns(), tried=_tried())

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        require_superuser(request)
        context = {"title": _("Versions of models"), **(extra_context or {})}
        try:
            return super().changelist_view(request, context)
        except InferenceError as error:
            return self._refused(request, error)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Where no model answers on the chat page yet, this one is offered for it."""
        context = {"none_answers": not page.names(), **(extra_context or {})}
        return super().change_view(request, object_id, form_url, context)

    @admin.display(description=_("name"), ordering="name")
    def named(self, version: ModelVersion) -> SafeString | str:
        if not version.default:
            return version.name
        return format_html('{} <span class="mark-default">{}</span>', version.name, _("default"))

    @admin.display(description=_("chat page"), ordering="turn")
    def chat_page(self, version: ModelVersion) -> str:
        """In which turn the chat page asks it, or by which share of the people."""
        turn: int | None = getattr(version, "turn", None)
        if turn is None:
            share: int | None = getattr(version, "tried", None)
            return "–" if share is None else gettext("%(share)s %% of people") % {"share": share}
        return str(_ORDINALS[turn - 1]) if turn <= len(_ORDINALS) else gettext("%(turn)sth") % {"turn": turn}

    @admin.display(description=_("kind"), ordering="kind")
    def kind_of(self, version: ModelVersion) -> str:
        if version.kind == ModelVersion.Kind.FILE:
            return gettext("GGUF file")
        place = gettext("outside") if version.outside else gettext("in the house")
        return gettext("%(api)s, %(place)s") % {"api": _SHORT[version.kind], "place": place}

    @admin.display(description=_("state"), ordering="state")
    def state_of(self, version: ModelVersion) -> SafeString:
        return format_html('<span class="state state-{}">{}</span>', version.state, _said(version.state))

    @admin.display(description=_("size"), ordering="size")
    def measures(self, version: ModelVersion) -> str:
        size = amounts.size(version.size).replace(" ", "\N{NO-BREAK SPACE}") if version.size else ""
        return " ".join(filter(None, (size, version.quantization))) or "–"

    @admin.display(description=_("tokens/s"))
    def speed(self, version: ModelVersion) -> str:
        return _said(amounts.speed(version.measured)) or "–"

    @admin.display(description=_("perplexity"))
    def quality(self, version: ModelVersion) -> str:
        found = version.measured.get("perplexity")
        return amounts.perplexity(found) if isinstance(found, int | float) else "–"

    @admin.display(description=_("price of a million tokens, in / out"))
    def price(self, version: ModelVersion) -> str:
        return amounts.prices(version.price_prompt, version.price_completion) or "–"

    @admin.display(description=_("this month"))
    def spent(self, version: ModelVersion) -> str:
        spent = getattr(version, "spent_now", None) or Decimal(0)
        if version.monthly_budget is not None:
            told = {"spent": number_format(spent, 2), "budget": number_format(version.monthly_budget, 2)}
            return gettext("%(spent)s of %(budget)s") % told
        return number_format(spent, 2) if spent else "–"

    @admin.display(description=_("health"))
    def health(self, version: ModelVersion) -> str:
        if version.state != ModelVersion.State.READY:
            return "–"
        if trouble := registry.trouble_of(version):
            return _said(trouble)
        problem = self._problems().get(version.name)
        return gettext("not on a route") if problem is None else _said(problem) or gettext("can answer")

    # -- one version ---------------------------------------------------------------------------------------------------
    def get_fieldsets(self, request: HttpRequest, obj: ModelVersion | None = None) -> Any:
        money = (_("Cost"), {"fields": (("price_prompt", "price_completion"), "monthly_budget")})
        told = (_("What it can do"), {"fields": ("context_tokens", "capabilities", "licence")})
        endpoint = (_("Endpoint"), {"fields": ("kind", "base_url", "model", "api_version", "key_name", "outside")})
        if obj is None:
            return ((None, {"fields": ("name",)}), endpoint, told, money)
        first = (None, {"fields": ("name", "kind_of", "state", "health")})
        if obj.kind == ModelVersion.Kind.FILE:
            return (first, (_("File"), {"fields": (*_OF_A_FILE, "figures")}), told, money)
        endpoint[1]["fields"] = ("base_url", "model", "api_version", "key_name", "key_there", "outside")
        return (first, endpoint, told, money)

    def get_readonly_fields(self, request: HttpRequest, obj: ModelVersion | None = None) -> Any:
        if obj is None:
            return ()
        return ("name", "kind_of", "health", "figures", "key_there", *_OF_A_FILE)

    @admin.display(description=_("size"))
    def size_there(self, version: ModelVersion) -> str:
        return amounts.exact_size(version.size)

    @admin.display(description=_("key"))
    def key_there(self, version: ModelVersion) -> str:
        if not version.key_name:
            return gettext("It is asked without a key.")
        return _said(key_missing(version) or f"{version.key_name} is set.")

    @admin.display(description=_("measured"))
    def figures(self, version: ModelVersion) -> SafeString | str:
        rows = [
            (_said(name.replace("_", " ")), _plain(name, value))
            for name, value in version.measured.items()
            if value is not None
        ]
        if not rows:
            return format_html("{} <code>{}</code>", _("Not yet:"), f"manage.py models bench {version.name}")
        cells = "".join(str(format_html("<tr><th>{}</th><td>{}</td></tr>", name, value)) for name, value in rows)
        return format_html(
            "<div><table>{}</table><p>{}</p></div>", SafeString(cells), _said(amounts.caution(version.measured))
        )

    def save_model(self, request: HttpRequest, obj: ModelVersion, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        action = "model.changed" if change else "model.added"
        if form.changed_data:
            audit.record(action, obj.name, actor(request), **changed(form, change=change))
        if missing := key_missing(obj):
            messages.warning(request, _said(missing))

    def delete_model(self, request: HttpRequest, obj: ModelVersion) -> None:
        registry.remove_model(obj.name, by=actor(request))

    @transaction.atomic
    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ModelVersion]) -> None:
        for version in queryset:
            self.delete_model(request, version)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Django asks whether it is used; between its question and the deletion somebody may have used it."""
        try:
            return super().delete_view(request, object_id, extra_context)
        except InferenceError as error:
            return self._refused(request, error)

    def _refused(self, request: HttpRequest, error: InferenceError) -> HttpResponse:
        self.message_user(request, _said(f"{error.user_message} {error.advice}"), messages.ERROR)
        return HttpResponseRedirect(reverse("admin:inference_modelversion_changelist"))

    @admin.action(description=_("Make it the default model"))
    def make_default(self, request: HttpRequest, queryset: QuerySet[ModelVersion]) -> None:
        if queryset.count() != 1:
            return self.message_user(request, _("Choose one model."), messages.ERROR)
        try:
            version = registry.set_default(queryset.get().name, by=actor(request))
        except InferenceError as error:
            return self.message_user(request, _said(f"{error.user_message} {error.advice}"), messages.ERROR)
        self.message_user(request, _("%(name)s is the default model now.") % {"name": version})

    @admin.action(description=_("Let it answer on the chat page"))
    def let_answer(self, request: HttpRequest, queryset: QuerySet[ModelVersion]) -> HttpResponse | None:
        """First on the default route. What is outside comes before what is in the house only once that is confirmed."""
        if queryset.count() != 1:
            self.message_user(request, _("Choose one model."), messages.ERROR)
        elif page.leads(version := queryset.get()):
            self.message_user(request, _("Nothing to do: %(name)s answers there.") % {"name": version})
        elif version.state != ModelVersion.State.READY:
            self.message_user(request, _("Only a version that is ready can answer."), messages.ERROR)
        elif version.outside and "confirmed" not in request.POST and (inside := page.asked_in_house()):
            return self._asks_whether(request, version, inside)
        else:
            self._put_first(request, version)
        return None

    def _asks_whether(self, request: HttpRequest, version: ModelVersion, inside: ModelVersion) -> HttpResponse:
        title = gettext("Let %(name)s answer on the chat page?") % {"name": version}
        context = context_of(self, request, title) | {"version": version, "inside": inside}
        return TemplateResponse(request, "admin/inference/modelversion/leaving.html", context)

    def _put_first(self, request: HttpRequest, version: ModelVersion) -> None:
        if not page.put_first(version, by=actor(request)):
            told = _("The endpoint of the settings answers there. Take it out of the settings first.")
            return self.message_user(request, told, messages.ERROR)
        self.message_user(request, _("Now %(name)s answers on the chat page.") % {"name": version})

    def _problems(self) -> dict[str, str]:
        """By the version's name: engines are called "local: NAME", "house: NAME", "api: NAME"."""
        return {name.partition(": ")[2] or name: problem for name, problem in router.problems().items()}


def _turns() -> Case:
    asked = [When(pk=version, then=Value(turn)) for version, turn in page.standings().items()]
    return Case(*asked, default=Value(None), output_field=IntegerField())


def _tried() -> Case:
    running = page.trial()
    asked = [When(pk=running.new_id, then=Value(running.share))] if running else []
    return Case(*asked, default=Value(None), output_field=IntegerField())


def _said(text: object) -> str:
    """In the language of the page."""
    return seams.said.given(text)


def _plain(name: str, value: Any) -> str:
    if name == "perplexity" and isinstance(value, float):
        return amounts.perplexity(value)
    return f"{value:,.2f}" if isinstance(value, float) else str(value)
