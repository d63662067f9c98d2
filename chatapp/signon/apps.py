from allauth.socialaccount.apps import SocialAccountConfig
from django.apps import AppConfig, apps
from django.utils.translation import gettext_lazy as _


class LinkedAccountsConfig(SocialAccountConfig):
    """Providers, and what they speak HTTP and XML with (6 MB), are loaded by processes that have their doors."""

    verbose_name = _("Linked accounts")

    def ready(self) -> None:
        from allauth.socialaccount import checks  # noqa: F401


class SignOnConfig(AppConfig):
    name = "chatapp.signon"
    verbose_name = _("Sign-on")

    def ready(self) -> None:
        from allauth.mfa import signals
        from django.contrib.auth.signals import user_logged_in, user_logged_out

        from chatapp.signon import sessions, trail

        apps.get_app_config("mfa").verbose_name = _("Second factors")
        user_logged_in.connect(sessions.signed_in, dispatch_uid="signon.signed_in")
        user_logged_out.connect(sessions.signed_out, dispatch_uid="signon.signed_out")
        signals.authenticator_added.connect(trail.factor_added, dispatch_uid="signon.second_factor_added")
        signals.authenticator_removed.connect(trail.factor_removed, dispatch_uid="signon.second_factor_removed")
