from django.apps import AppConfig


class RolesConfig(AppConfig):
    name = "chatapp.roles"
    verbose_name = "Roles"

    def ready(self) -> None:
        from chatapp.roles import recent, services
        from retrieval import further_readers

        recent.connect()
        further_readers.connect(services.Curators())
