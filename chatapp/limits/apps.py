from django.apps import AppConfig


class LimitsConfig(AppConfig):
    name = "chatapp.limits"
    verbose_name = "Limits"
