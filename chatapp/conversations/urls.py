"""Doors of conversations."""

from __future__ import annotations

from django.urls import URLPattern, path

from chatapp.conversations import api, pages

urlpatterns: list[URLPattern] = [
    path("", pages.chat, name="chat"),
    path("c/<uuid:conversation>/", pages.chat, name="conversation"),
    path("api/conversations/", api.conversations),
    path("api/conversations/search/", api.found),
    path("api/conversations/<uuid:pk>/", api.conversation),
    path("api/engines/", api.engines),
]
