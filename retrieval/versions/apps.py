from django.apps import AppConfig


class VersionsConfig(AppConfig):
    name = "retrieval.versions"
    label = "versions"
    verbose_name = "Index versions"
