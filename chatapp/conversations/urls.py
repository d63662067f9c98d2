"""Doors of conversations."""

from __future__ import annotations

from django.urls import URLPattern, path

from chatapp.conversations import pages

urlpatterns: list[URLPattern] = [
    path("", pages.chat, name="chat"),
    path("c/<uuid:conversation>/", pages.chat, name="conversation"),
]
