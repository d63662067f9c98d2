from django.apps import AppConfig


class WelcomeConfig(AppConfig):
    name = "chatapp.welcome"
    verbose_name = "First steps"
