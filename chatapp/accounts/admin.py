"""People and groups in the administration pages. Who may do what hangs on flags and on the readers of collections,
never on Django's permissions, which are therefore not shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from allauth.account.models import EmailAddress
from django import forms
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from chatapp.accounts.keys import revoke
from chatapp.accounts.models import ApiKey, ServiceAccount, User
from chatapp.governance.personal import Personal
from chatapp.governance.services import record

if TYPE_CHECKING:
    PersonAdminBase = UserAdmin[User]
    ServiceAdminBase = admin.ModelAdmin[ServiceAccount]
    KeyAdminBase = admin.ModelAdmin[ApiKey]
else:
    PersonAdminBase = UserAdmin
    ServiceAdminBase = KeyAdminBase = admin.ModelAdmin

admin.site.unregister((EmailAddress, Group))


@admin.register(User)
class PersonAdmin(PersonAdminBase):
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Person", {"fields": ("first_name", "last_name", "email")}),
        ("Access", {"fields": ("is_active", "is_staff", "is_superuser", "groups")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    filter_horizontal = ("groups",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).filter(is_service=False)


class ServiceAccountForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = ServiceAccount
        fields = ("username", "owner", "contact", "is_active", "groups")

    def clean_owner(self) -> User | None:
        owner: User | None = self.cleaned_data["owner"]
        if owner is not None and (owner.is_service or not owner.is_active):
            raise forms.ValidationError("Choose a person whose account is open.")
        return owner

    def save(self, commit: bool = True) -> Any:
        """Without a password, and no administrator: it is used with keys alone."""
        self.instance.is_service = True
        if self.instance._state.adding:
            self.instance.set_unusable_password()
        return super().save(commit)


@admin.register(ServiceAccount)
class ServiceAccountAdmin(ServiceAdminBase):
    form = ServiceAccountForm
    list_display = ("username", "owner", "contact", "is_active", "keys")
    list_select_related = ("owner",)
    search_fields = ("username", "contact", "owner__username")
    filter_horizontal = ("groups",)
    autocomplete_fields = ("owner",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ServiceAccount]:
        return super().get_queryset(request).filter(is_service=True)

    @admin.display(description="keys")
    def keys(self, account: ServiceAccount) -> str:
        return format_html('<a href="{}">Make and revoke</a>', reverse("keys_of", args=[account.pk]))

    def save_model(self, request: HttpRequest, obj: ServiceAccount, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        action = "service_account.changed" if change else "service_account.added"
        said: dict[str, Any] = {name: str(getattr(obj, name)) for name in form.changed_data if name != "groups"}
        if obj.owner is not None:  # how to reach a person
            said |= {name: Personal(said[name], obj.owner.pk) for name in {"owner", "contact"} & said.keys()}
        record(action, obj.get_username(), cast(User, request.user), **said)


@admin.register(ApiKey)
class ApiKeyAdmin(KeyAdminBase):
    """Whose keys there are, what they open, and an end to them; making one is for those who use it."""

    list_display = ("name", "user", "hint", "opens", "created_at", "last_used_at", "expires_at", "revoked_at")
    list_filter = (("revoked_at", admin.EmptyFieldListFilter), "signed", "user__is_service")
    list_select_related = ("user",)
    search_fields = ("name", "user__username")
    actions = ("revoke",)
    fields = readonly_fields = (
        "name",
        "user",
        "hint",
        "opens",
        "signed",
        "created_at",
        "last_used_at",
        "expires_at",
        "revoked_at",
    )

    @admin.display(description="opens")
    def opens(self, key: ApiKey) -> str:
        said = ["all" if key.actions is None else ", ".join(key.actions)]
        if key.collections is not None:
            said.append(f"{len(key.collections)} collections")
        if key.model_names is not None:
            said.append(", ".join(key.model_names))
        return "; ".join(said)

    @admin.action(description="Revoke at once")
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        for key in queryset.select_related("user"):
            revoke(key, by=cast(User, request.user))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        return False


@admin.register(Group)
class ReadersAdmin(GroupAdmin):
    """A group gives nothing by itself: collections name the groups that read them."""

    fields = ("name",)
    filter_horizontal = ()
