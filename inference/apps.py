from django.apps import AppConfig


class InferenceAppConfig(AppConfig):
    name = "inference"
