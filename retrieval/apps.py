from django.apps import AppConfig


class RetrievalAppConfig(AppConfig):
    name = "retrieval"
    verbose_name = "Documents"
