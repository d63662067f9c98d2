"""Provisioning clients and their tokens: for superusers. Each change is written down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db.models import Max, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables

from chatapp.errors import Invalid, NotFound
from chatapp.governance.services import record
from chatapp.languages.said import said
from chatapp.scim import links, tokens
from chatapp.scim.models import ProvisioningClient
from chatapp.scim.tokens import MOST_DAYS, USUAL_DAYS, Made
from chatapp.signon import groups as memberships
from chatapp.signon import providers
from chatapp.signon.oidc import absolute
from inference.administration.superusers import SuperusersAlone, actor, require_superuser

if TYPE_CHECKING:
    ClientAdminBase = admin.ModelAdmin[ProvisioningClient]
else:
    ClientAdminBase = admin.ModelAdmin


class ClientForm(forms.ModelForm):  # type: ignore[type-arg]
    identity_provider = forms.ChoiceField(required=False, label=_("Identity provider"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = {one.slug: one.name for one in providers.in_use()}
        chosen = self.instance.identity_provider
        unknown = gettext("%(name)s (not in use)") % {"name": chosen}
        known.setdefault(chosen, unknown if chosen else gettext("none: they are not linked"))
        self.fields["organisation"].disabled = not self.instance._state.adding  # its people and groups are there
        field = self.fields["identity_provider"]
        field.choices = sorted(known.items())  # type: ignore[attr-defined]
        field.help_text = _("Where its people sign in: they are then the same people there.")

    def clean(self) -> dict[str, Any]:
        """What a directory of one organisation says of a subject is not believed of another one's provider."""
        given = super().clean() or {}
        organisation, provider = given.get("organisation"), given.get("identity_provider")
        if organisation and provider and not links.may_name(providers.find(provider), organisation.pk):
            elsewhere = gettext("This provider is of another organisation: choose none, or bind it.")
            self.add_error("identity_provider", elsewhere)
        return given

    class Meta:
        model = ProvisioningClient
        fields = ("name", "is_on", "organisation", "identity_provider", "subject")


class TokenForm(forms.Form):
    days = forms.IntegerField(
        min_value=1,
        max_value=MOST_DAYS,
        initial=USUAL_DAYS,
        label=_("Days until the token ends"),
    )

    def __init__(self, *parts: Any, **named: Any) -> None:
        super().__init__(*parts, **named)
        self.fields["days"].help_text = gettext("%(most)s at most.") % {"most": MOST_DAYS}


@admin.register(ProvisioningClient)
class ProvisioningClientAdmin(SuperusersAlone, ClientAdminBase):
    form = ClientForm
    list_display = ("name", "is_on", "organisation", "identity_provider", "last_used", "tokens_of")
    list_select_related = ("organisation",)
    search_fields = ("name",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ProvisioningClient]:
        return super().get_queryset(request).annotate(last_used_at=Max("tokens__last_used_at"))

    @admin.display(description=_("last used"))
    def last_used(self, client: Any) -> Any:
        return client.last_used_at

    @admin.display(description=_("tokens"))
    def tokens_of(self, client: ProvisioningClient) -> str:
        address = reverse("admin:scim_provisioningclient_tokens", args=[client.pk])
        return format_html('<a href="{}">{}</a>', address, gettext("Make and revoke"))

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.tokens_view)
        return [path("<uuid:pk>/tokens/", page, name="scim_provisioningclient_tokens"), *super().get_urls()]

    @sensitive_variables("made")
    def tokens_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """A new token is in the answer to the form alone: nothing can show it again."""
        require_superuser(request)
        client = ProvisioningClient.objects.filter(pk=pk).first()
        if client is None:
            raise NotFound
        if "revoke" in request.POST:
            return self._revoke(request, client)
        form, made = TokenForm(request.POST or None), None
        if request.method == "POST" and form.is_valid():
            made = _made(request, client, form)
        return render(request, "admin/scim/tokens.html", self._context(request, client, form, made))

    def _revoke(self, request: HttpRequest, client: ProvisioningClient) -> HttpResponse:
        number = request.POST["revoke"]
        row = next((one for one in client.tokens.all() if str(one.pk) == number), None)
        if row is None:
            raise NotFound
        tokens.revoke(row, by=actor(request))
        return redirect("admin:scim_provisioningclient_tokens", client.pk)

    def _context(
        self, request: HttpRequest, client: ProvisioningClient, form: TokenForm, made: Made | None
    ) -> dict[str, Any]:
        usable = Q(revoked_at=None, expires_at__gt=timezone.now())
        return {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "title": gettext("Tokens of %(name)s") % {"name": client.name},
            "client": client,
            "form": TokenForm() if made else form,
            "made": made,
            "usable": client.tokens.filter(usable),
            "address": absolute(request, "/scim/v2"),
        }

    def save_model(self, request: HttpRequest, obj: ProvisioningClient, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        _write_down(request, "scim.client.changed" if change else "scim.client.added", obj, form.changed_data)

    def delete_model(self, request: HttpRequest, obj: ProvisioningClient) -> None:
        """Its people and groups stay, as if they had been made here."""
        memberships.let_go(obj.giver)
        _write_down(request, "scim.client.removed", obj, ())
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ProvisioningClient]) -> None:
        for client in queryset:
            self.delete_model(request, client)


def _made(request: HttpRequest, client: ProvisioningClient, form: TokenForm) -> Made | None:
    try:
        return tokens.make(client=client, days=form.cleaned_data["days"], by=actor(request))
    except Invalid as error:
        form.add_error(None, said(f"{error.user_message} {error.advice}"))
        return None


def _write_down(request: HttpRequest, action: str, client: ProvisioningClient, changed: Any) -> None:
    record(
        action,
        client.name,
        actor(request),
        organisation=client.tenant,
        changed=sorted(changed),
        provider=client.identity_provider,
        in_use=client.is_on,
    )
