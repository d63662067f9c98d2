from django.apps import AppConfig, apps


class AccountsConfig(AppConfig):
    name = "chatapp.accounts"
    verbose_name = "People"

    def ready(self) -> None:
        apps.get_app_config("auth").verbose_name = "Groups"  # all that is left of it under /admin/
