from django.apps import AppConfig


class OperationsConfig(AppConfig):
    name = "chatapp.operations"
    verbose_name = "Operations"
