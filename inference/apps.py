from django.apps import AppConfig


class InferenceAppConfig(AppConfig):
    name = "inference"
    verbose_name = "Models"
