"""Doors through which conversations leave their owner's page."""

from __future__ import annotations

from django.urls import URLPattern, path

from chatapp.sharing import api, pages

urlpatterns: list[URLPattern] = [
    path("c/<uuid:pk>/print/", pages.to_print, name="print_conversation"),
    path("api/conversations/<uuid:pk>/export/", api.export),
]
