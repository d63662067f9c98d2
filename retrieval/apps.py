from django.apps import AppConfig


class RetrievalAppConfig(AppConfig):
    name = "retrieval"
