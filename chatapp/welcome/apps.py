from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class WelcomeConfig(AppConfig):
    name = "chatapp.welcome"
    verbose_name = _("First steps")
