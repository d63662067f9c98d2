from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class WidgetConfig(AppConfig):
    name = "chatapp.widget"
    verbose_name = _("Chat widgets")
