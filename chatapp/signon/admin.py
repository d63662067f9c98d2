"""Identity providers, their rules, and who is who there: for superusers. Each change is written down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chatapp.accounts.choosing import Choosing
from chatapp.accounts.models import User
from chatapp.governance.services import record
from chatapp.organisations.boundaries import organisation_of
from chatapp.signon import providers, sessions
from chatapp.signon.homes import takes
from chatapp.signon.models import GroupRule, IdentityProvider
from retrieval.tenants import HOUSE

if TYPE_CHECKING:
    ProviderAdminBase = admin.ModelAdmin[IdentityProvider]
    RulesBase = admin.TabularInline[GroupRule, IdentityProvider]
    LinkAdminBase = admin.ModelAdmin[SocialAccount]
    ProviderFormBase = forms.ModelForm[IdentityProvider]
else:
    ProviderAdminBase = LinkAdminBase = admin.ModelAdmin
    RulesBase = admin.TabularInline
    ProviderFormBase = forms.ModelForm

admin.site.unregister((Authenticator, SocialAccount, SocialApp, SocialToken))  # allauth's show what is secret


def _is_superuser(request: HttpRequest) -> bool:
    return bool(request.user.is_active and getattr(request.user, "is_superuser", False))


class ProviderForm(ProviderFormBase):
    def clean_slug(self) -> str:
        slug = str(self.cleaned_data["slug"])
        if slug in {one.slug for one in settings.SIGNON_PROVIDERS}:
            raise ValidationError(gettext("The environment describes a provider of this name."))
        return slug

    def clean_key(self) -> str:
        key = str(self.cleaned_data["key"])
        if key and key not in settings.SIGNON_KEYS:
            raise ValidationError(
                gettext("There is no setting of this name, or it was not there when Footnote started.")
            )
        return key


class RulesOfOne(forms.BaseInlineFormSet):  # type: ignore[type-arg]
    def clean(self) -> None:
        """Groups of others would give its people nothing."""
        super().clean()
        home = self.instance.organisation_id
        if home is None:
            return
        for form in self.forms:
            rule = {} if form in self.deleted_forms else getattr(form, "cleaned_data", {})
            if rule.get("group") and organisation_of(rule["group"]) != home:
                form.add_error("group", gettext("This group is not of the organisation that the provider is bound to."))
            elif rule.get("value") and not rule.get("group") and home != HOUSE:
                form.add_error("group", gettext("Claims make administrators of people of the house alone."))


class Rules(RulesBase):
    model = GroupRule
    formset = RulesOfOne
    extra = 1
    verbose_name_plural = _("groups: what a value of the claim gives")


@admin.register(IdentityProvider)
class IdentityProviderAdmin(ProviderAdminBase):
    form = ProviderForm
    inlines = (Rules,)
    list_display = ("name", "slug", "kind", "is_on", "issuer")
    prepopulated_fields = {"slug": ("name",)}
    fieldsets = (
        (None, {"fields": ("name", "slug", "kind", "is_on", "issuer", "client_id", "key")}),
        ("OpenID Connect", {"fields": ("scopes", "trusts_email")}),
        ("SAML", {"fields": ("sso_url", "slo_url", "certificate")}),
        (
            _("People"),
            {
                "fields": (
                    "organisation",
                    "groups_claim",
                    "domains",
                    "required_groups",
                    "creates_people",
                    "session_hours",
                )
            },
        ),
    )

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """With the rules, which are part of what is written down."""
        super().save_related(request, form, formsets, change)
        provider: IdentityProvider = form.instance
        rules = [str(rule) for rule in provider.rules.select_related("group")]
        changed = sorted(form.changed_data)
        _write_down(
            request,
            "sign_on.provider_changed" if change else "sign_on.provider_added",
            provider.name,
            changed=changed,
            issuer=provider.issuer,
            rules=rules,
            bound_to=str(provider.organisation or ""),
        )
        if not provider.is_on or (change and "organisation" in changed):
            sessions.end_all(provider.slug)

    def delete_model(self, request: HttpRequest, obj: IdentityProvider) -> None:
        sessions.end_all(obj.slug)
        _write_down(request, "sign_on.provider_removed", obj.name, issuer=obj.issuer)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for provider in queryset:
            self.delete_model(request, provider)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return _is_superuser(request)


class LinkForm(forms.ModelForm):  # type: ignore[type-arg]
    provider = forms.ChoiceField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "uid" not in self.fields:  # to look at alone
            return
        self.fields["provider"].choices = [(one.slug, one.name) for one in providers.in_use()]  # type: ignore[attr-defined]
        self.fields["uid"].label = _("subject")
        self.fields["uid"].help_text = _("How the provider names this person: `sub` of OpenID Connect, NameID of SAML.")

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        provider = providers.find(str(given.get("provider")))
        if provider is not None and "user" in given and not takes(provider, given["user"]):
            self.add_error("user", gettext("This provider is bound to another organisation than this person's."))
        return given

    def save(self, commit: bool = True) -> Any:
        provider = providers.find(self.cleaned_data["provider"])
        self.instance.extra_data = {"issuer": provider.issuer} if provider else {}
        return super().save(commit)


@admin.register(SocialAccount)
class LinkAdmin(Choosing, LinkAdminBase):
    """Who is who: made at a first sign-in, or here, for somebody who has an account already."""

    form = LinkForm
    fields = ("user", "provider", "uid")
    list_display = ("user", "provider", "uid", "last_login")
    list_filter = ("provider",)
    search_fields = ("uid", "user__username")
    autocomplete_fields = ("user",)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_module_permission(self, request: HttpRequest) -> bool:
        return _is_superuser(request)

    def save_model(self, request: HttpRequest, obj: SocialAccount, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        _write_down(request, "sign_on.linked", obj.user, provider=obj.provider)

    def delete_model(self, request: HttpRequest, obj: SocialAccount) -> None:
        _write_down(request, "sign_on.unlinked", obj.user, provider=obj.provider)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for link in queryset:
            self.delete_model(request, link)


@admin.register(Authenticator)
class SecondFactorAdmin(LinkAdminBase):
    """To take one away from somebody who has lost it, once it is known that they are who they say."""

    fields = ("user", "type", "created_at", "last_used_at")
    readonly_fields = fields
    list_display = fields
    search_fields = ("user__username",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_module_permission(self, request: HttpRequest) -> bool:
        return _is_superuser(request)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        _write_down(request, "second_factor.removed", obj.user, kind=obj.type)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for factor in queryset:
            self.delete_model(request, factor)


def _write_down(request: HttpRequest, action: str, subject: str | User, **detail: Any) -> None:
    record(action, subject, request.user if isinstance(request.user, User) else None, **detail)
