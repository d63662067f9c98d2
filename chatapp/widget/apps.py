from __future__ import annotations

from django.apps import AppConfig


class WidgetConfig(AppConfig):
    name = "chatapp.widget"
    verbose_name = "Chat widgets"
