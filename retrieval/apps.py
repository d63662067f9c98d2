from django.apps import AppConfig
from django.conf import settings
from django.utils.translation import gettext_lazy as _


class RetrievalAppConfig(AppConfig):
    name = "retrieval"
    verbose_name = _("Documents")

    def ready(self) -> None:
        from retrieval.embedders.model_folders import made_here
        from retrieval.parsing import scratch

        made_here.folder = settings.RETRIEVAL.models_dir
        scratch.place.folder = settings.RETRIEVAL.cache_dir / "parsing"
