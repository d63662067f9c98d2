"""People and groups in the administration pages. Who may do what hangs on flags and on the readers of collections,
never on Django's permissions, which are therefore not shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from allauth.account.models import EmailAddress
from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.contrib.auth.models import Group
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from chatapp.accounts.choosing import Choosing
from chatapp.accounts.keys import revoke
from chatapp.accounts.links import make_link
from chatapp.accounts.models import ApiKey, ServiceAccount, User
from chatapp.governance.personal import Personal
from chatapp.governance.services import record
from chatapp.organisations.administration import OfOrganisers, home_of_asker
from chatapp.organisations.forms import GroupForm, PersonWithin, Within, require_together
from chatapp.organisations.models import Organisation
from chatapp.organisations.services import move_person
from chatapp.overview.person import glance
from chatapp.roles.services import is_auditor
from chatapp.signon import credentials
from chatapp.signon.oidc import absolute
from inference.administration.superusers import is_superuser
from retrieval.tenants import HOUSE

if TYPE_CHECKING:
    PersonAdminBase = UserAdmin[User]
    ServiceAdminBase = admin.ModelAdmin[ServiceAccount]
    KeyAdminBase = admin.ModelAdmin[ApiKey]
else:
    PersonAdminBase = UserAdmin
    ServiceAdminBase = KeyAdminBase = admin.ModelAdmin

admin.site.unregister((EmailAddress, Group))


class PersonForm(UserChangeForm):  # type: ignore[type-arg]
    def clean(self) -> dict[str, Any]:
        """Who goes to another organisation takes no groups along."""
        given = super().clean() or {}
        if "organisation" in self.changed_data:
            given["groups"] = Group.objects.none()
        elif "groups" in given:
            require_together(self, ("groups",), self.instance.tenant)
        return given


class NewPersonForm(AdminUserCreationForm):  # type: ignore[type-arg]
    """All that somebody new needs, on one page: who chooses no password for them is shown a link."""

    usable_password = AdminUserCreationForm.create_usable_password_field("")

    def __init__(self, *parts: Any, **named: Any) -> None:
        super().__init__(*parts, **named)
        way = cast(forms.ChoiceField, self.fields["usable_password"])
        link = (
            _("A link that signs them in once, shown next") if settings.LOCAL_ACCOUNTS else _("By an identity provider")
        )
        way.label, way.initial = _("Their way in"), "false"
        way.choices = [("false", link), ("true", _("A password that you choose"))]

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        require_together(self, ("groups",), getattr(self, "home", None) or getattr(self, "maker", HOUSE))
        return given


@admin.register(User)
class PersonAdmin(OfOrganisers, PersonAdminBase):
    form, add_form = PersonForm, NewPersonForm
    form_within = PersonWithin
    for_superusers = ("is_staff", "is_superuser", "organisation")
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        (_("Person"), {"fields": ("first_name", "last_name", "email")}),
        (_("Access"), {"fields": ("is_active", "is_staff", "is_superuser", "organisation", "groups")}),
        (_("Dates"), {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = (
        (None, {"fields": ("username", "first_name", "last_name", "email", "groups")}),
        (None, {"fields": ("usable_password", "password1", "password2")}),
    )
    list_display = ("username", "first_name", "last_name", "email", "is_active", "last_login")
    list_filter = ("is_active", "is_superuser", "is_staff", "groups")
    search_help_text = _("A name or an address, or a part of one.")
    filter_horizontal = ("groups",)
    actions = ("sign_in_link",)

    def formfield_for_manytomany(self, db_field: Any, request: Any = None, **more: Any) -> Any:
        if db_field.name == "groups":
            more["help_text"] = _("They read what their groups may read, and have the roles of their groups.")
        return super().formfield_for_manytomany(db_field, request, **more)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).filter(is_service=False)

    def render_change_form(self, request: HttpRequest, context: Any, *parts: Any, **named: Any) -> HttpResponse:
        """With the person at a glance."""
        if (person := context.get("original")) is not None:
            context |= {"glance": glance(person, cast(User, request.user)), "may_audit": is_auditor(request.user)}
        return super().render_change_form(request, context, *parts, **named)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Without local accounts a link is the way in for emergencies, made where Footnote runs."""
        found = super().get_actions(request)
        if not settings.LOCAL_ACCOUNTS:
            found.pop("sign_in_link", None)
        return found

    @admin.action(description=_("Make a link that signs in once"))
    def sign_in_link(self, request: HttpRequest, chosen: QuerySet[User]) -> None:
        people = list(chosen[:2])
        if len(people) != 1 or not people[0].is_active or not self.has_change_permission(request, people[0]):
            messages.error(request, gettext("Choose one person, whose account is open and yours to change."))
            return
        ended = gettext("Links made before have ended.")
        messages.warning(request, format_html("{} {}", ended, _new_link(request, people[0])))

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        shown = super().get_fieldsets(request, obj)
        if obj is None or is_superuser(request):
            return shown
        return [
            (name, {**one, "fields": tuple(f for f in one["fields"] if f not in self.for_superusers)})
            for name, one in shown
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        """When somebody last came and was made is told, not typed, by organisers."""
        return () if is_superuser(request) else ("last_login", "date_joined")

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Those who run Footnote are nobody else's to change."""
        may = super().has_change_permission(request, obj)
        return may and (is_superuser(request) or not (obj and (obj.is_superuser or obj.is_staff)))

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return is_superuser(request)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        if not change:
            return self._let_in(request, obj, form)
        chosen, moves = obj.organisation, "organisation" in form.changed_data
        rises = obj.is_superuser and "is_superuser" in form.changed_data
        if moves:
            obj.organisation_id = form.initial["organisation"]
        super().save_model(request, obj, form, change)
        by = cast(User, request.user)
        if rises and obj != by:  # whoever looked after the account knows what opens it
            credentials.end_all(obj, by=by, way="made an administrator")
        if moves:
            move_person(obj, cast(Organisation, chosen), by=by)
        if (rises or moves) and obj != by and obj.is_active:
            messages.warning(request, _way_in(request, obj))

    def _let_in(self, request: HttpRequest, person: User, form: Any) -> None:
        person.organisation_id = home_of_asker(request)
        super().save_model(request, person, form, change=False)
        if settings.LOCAL_ACCOUNTS and not person.has_usable_password():
            messages.warning(request, _new_link(request, person))

    def response_add(self, request: HttpRequest, obj: User, post_url_continue: str | None = None) -> HttpResponse:
        """To the list: there is nothing that must be filled in after it."""
        return admin.ModelAdmin.response_add(self, request, obj, post_url_continue)


def _new_link(request: HttpRequest, person: User) -> str:
    """-> the sentence that shows it"""
    record("sign_in_link.made", person, cast(User, request.user))
    return _shown_once(request, person)


def _shown_once(request: HttpRequest, person: User) -> str:
    link = absolute(request, make_link(person))
    told = gettext("This link signs %(person)s in once, within a day, and is shown now alone: %(link)s")
    before, _link, after = (told % {"person": person, "link": "\0"}).partition("\0")
    return format_html('{}<code dir="ltr" data-to-copy>{}</code>{}', before, link, after)


def _way_in(request: HttpRequest, person: User) -> str:
    """For whoever ended all that opened this account."""
    ended = gettext("The password, second factors, links and keys of %(person)s have ended.") % {"person": person}
    if not settings.LOCAL_ACCOUNTS:
        onward = gettext("Name their subject under Linked accounts, or make a link: manage.py signinlink.")
        return f"{ended} {onward}"
    return format_html("{} {}", ended, _shown_once(request, person))


class ServiceAccountForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = ServiceAccount
        fields = ("username", "owner", "contact", "is_active", "groups")

    def clean_owner(self) -> User | None:
        owner: User | None = self.cleaned_data["owner"]
        if owner is not None and (owner.is_service or not owner.is_active):
            raise forms.ValidationError(gettext("Choose a person whose account is open."))
        return owner

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        owner = given.get("owner")
        home = self.instance.tenant
        if self.instance._state.adding:
            home = owner.tenant if owner else getattr(self, "home", home)
        require_together(self, ("owner", "groups"), home)
        self.instance.organisation_id = home
        return given

    def save(self, commit: bool = True) -> Any:
        """Without a password, and no administrator: it is used with keys alone."""
        self.instance.is_service = True
        if self.instance._state.adding:
            self.instance.set_unusable_password()
        return super().save(commit)


@admin.register(ServiceAccount)
class ServiceAccountAdmin(Choosing, OfOrganisers, ServiceAdminBase):
    form = ServiceAccountForm
    form_within = PersonWithin
    list_display = ("username", "owner", "contact", "is_active", "keys")
    list_select_related = ("owner",)
    search_fields = ("username", "contact", "owner__username")
    filter_horizontal = ("groups",)
    autocomplete_fields = ("owner",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ServiceAccount]:
        return super().get_queryset(request).filter(is_service=True)

    def has_change_permission(self, request: HttpRequest, obj: ServiceAccount | None = None) -> bool:
        """Those of widgets are opened no further by organisers."""
        may = super().has_change_permission(request, obj)
        return may and (is_superuser(request) or not (obj and obj.is_of_a_widget))

    def has_delete_permission(self, request: HttpRequest, obj: ServiceAccount | None = None) -> bool:
        return self.has_change_permission(request, obj) and super().has_delete_permission(request, obj)

    @admin.display(description=_("keys"))
    def keys(self, account: ServiceAccount) -> str:
        return format_html('<a href="{}">{}</a>', reverse("keys_of", args=[account.pk]), gettext("Make and revoke"))

    def save_model(self, request: HttpRequest, obj: ServiceAccount, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        action = "service_account.changed" if change else "service_account.added"
        said: dict[str, Any] = {name: str(getattr(obj, name)) for name in form.changed_data if name != "groups"}
        if obj.owner is not None:  # how to reach a person
            said |= {name: Personal(said[name], obj.owner.pk) for name in {"owner", "contact"} & said.keys()}
        record(action, obj.get_username(), cast(User, request.user), organisation=obj.tenant, **said)


_OF_THOSE_WHO_RUN_FOOTNOTE = Q(user__is_superuser=True) | Q(user__is_staff=True)


@admin.register(ApiKey)
class ApiKeyAdmin(OfOrganisers, KeyAdminBase):
    """Whose keys there are, what they open, and an end to them; making one is for those who use it."""

    organisation_paths = ("user__organisation",)

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

    @admin.display(description=_("opens"))
    def opens(self, key: ApiKey) -> str:
        said = [gettext("all") if key.actions is None else ", ".join(key.actions)]
        if key.collections is not None:
            count = len(key.collections)
            said.append(ngettext("%(count)s collection", "%(count)s collections", count) % {"count": count})
        if key.model_names is not None:
            said.append(", ".join(key.model_names))
        return "; ".join(said)

    @admin.action(description=_("Revoke at once"))
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        theirs = queryset if is_superuser(request) else queryset.exclude(_OF_THOSE_WHO_RUN_FOOTNOTE)
        for key in theirs.select_related("user"):
            revoke(key, by=cast(User, request.user))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        return False


@admin.register(Group)
class ReadersAdmin(OfOrganisers, GroupAdmin):
    """A group gives nothing by itself: collections name the groups that read them."""

    organisation_paths = ("place__organisation",)
    for_superusers = ("organisation",)
    form_within = Within
    form = GroupForm
    list_display = ("name", "of")
    list_select_related = ("place__organisation",)
    filter_horizontal = ()

    @admin.display(description=_("organisation"), ordering="place__organisation__name")
    def of(self, group: Group) -> str:
        return str(group.place.organisation)

    def get_fields(self, request: HttpRequest, obj: Group | None = None) -> tuple[str, ...]:
        return ("organisation", "name") if is_superuser(request) else ("name",)

    def save_model(self, request: HttpRequest, obj: Group, form: Any, change: bool) -> None:
        obj.home = form.chosen_home()  # type: ignore[attr-defined]
        super().save_model(request, obj, form, change)
