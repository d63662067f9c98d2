from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SafetyConfig(AppConfig):
    name = "chatapp.safety"
    verbose_name = _("Content filters")

    def ready(self) -> None:
        from chatapp.safety.documents import DocumentInspector
        from retrieval import inspection

        inspection.connect(DocumentInspector())
