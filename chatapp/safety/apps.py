from django.apps import AppConfig


class SafetyConfig(AppConfig):
    name = "chatapp.safety"
    verbose_name = "Content filters"

    def ready(self) -> None:
        from chatapp.safety.documents import DocumentInspector
        from retrieval import inspection

        inspection.connect(DocumentInspector())
