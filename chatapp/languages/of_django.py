"""What Django's administration says and Django itself does not say in German or in Arabic.

Our own texts come before Django's, so it is enough that these are translated with them. Its scripts get theirs from an
address of their own, where ours are put in.
"""

from __future__ import annotations

from django.utils.translation import gettext, gettext_noop
from django.views.i18n import JavaScriptCatalog

PAGES: frozenset[str] = frozenset(
    {
        gettext_noop("After you’ve created a user, you’ll be able to edit more user options."),
        gettext_noop("This action will <strong>enable</strong> password-based authentication for this user."),
        gettext_noop("Disable password-based authentication"),
        gettext_noop("Enable password-based authentication"),
        gettext_noop("Conflicting form data submitted. Please try again."),
        gettext_noop("Password-based authentication was disabled."),
        gettext_noop("Set password: %s"),
        gettext_noop("Reset password"),
        gettext_noop("Set password"),
        gettext_noop(
            "Whether the user will be able to authenticate using a password or not. If disabled, they may still be"
            " able to authenticate using other backends, such as Single Sign-On or LDAP."
        ),
        gettext_noop("Password-based authentication"),
        gettext_noop("Enabled"),
        gettext_noop("Disabled"),
        gettext_noop("Raw passwords are not stored, so there is no way to see the user’s password."),
        gettext_noop("Enable password-based authentication for this user by setting a password."),
        gettext_noop("Constraint “%(name)s” is violated."),
    }
)
SCRIPTS: frozenset[str] = frozenset(
    {
        gettext_noop('Choose %s by selecting them and then select the "Choose" arrow button.'),
        gettext_noop("Choose all %s"),
        gettext_noop("Choose selected %s"),
        gettext_noop("Remove selected %s"),
        gettext_noop('Remove %s by selecting them and then select the "Remove" arrow button.'),
        gettext_noop("Type into this box to filter down the list of selected %s."),
        gettext_noop("(click to clear)"),
        gettext_noop("Remove all %s"),
    }
)


class AdministrationScripts(JavaScriptCatalog):
    packages = ["django.contrib.admin"]

    def get_catalog(self) -> dict[str, str | list[str]]:
        found: dict[str, str | list[str]] = super().get_catalog()
        return {**found, **{text: gettext(text) for text in SCRIPTS}}
