from django.apps import AppConfig
from django.db.models.signals import pre_delete
from django.utils.translation import gettext_lazy as _


class SourcesConfig(AppConfig):
    name = "retrieval.sources"
    label = "sources"
    verbose_name = _("Sources")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from retrieval.models import Document
        from retrieval.sources.places import remember_deleted

        pre_delete.connect(remember_deleted, sender=Document, dispatch_uid="sources.remember_deleted")
