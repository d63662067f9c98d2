"""People and groups in the administration pages. Who may do what hangs on flags and on the readers of collections,
never on Django's permissions, which are therefore not shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from allauth.account.models import EmailAddress
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group

from chatapp.accounts.models import User

if TYPE_CHECKING:
    PersonAdminBase = UserAdmin[User]
else:
    PersonAdminBase = UserAdmin

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


@admin.register(Group)
class ReadersAdmin(GroupAdmin):
    """A group gives nothing by itself: collections name the groups that read them."""

    fields = ("name",)
    filter_horizontal = ()
