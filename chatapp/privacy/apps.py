from django.apps import AppConfig


class PrivacyConfig(AppConfig):
    name = "chatapp.privacy"
    verbose_name = "Privacy"
