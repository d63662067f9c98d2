from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RolesConfig(AppConfig):
    name = "chatapp.roles"
    verbose_name = _("Roles")

    def ready(self) -> None:
        from chatapp.roles import recent, services
        from retrieval import further_readers

        recent.connect()
        further_readers.connect(services.Curators())
