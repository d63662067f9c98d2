from django.apps import AppConfig, apps
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "chatapp.accounts"
    verbose_name = _("People")

    def ready(self) -> None:
        apps.get_app_config("auth").verbose_name = _("Groups")  # all that is left of it under /admin/
