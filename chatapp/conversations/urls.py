"""Doors of conversations."""

from __future__ import annotations

from django.urls import URLPattern, path

from chatapp.conversations import api, keeping_api, pages

urlpatterns: list[URLPattern] = [
    path("", pages.chat, name="chat"),
    path("c/<uuid:conversation>/", pages.chat, name="conversation"),
    path("api/conversations/", api.conversations),
    path("api/conversations/search/", api.found),
    path("api/conversations/several/", keeping_api.several),
    path("api/conversations/<uuid:pk>/", api.conversation),
    path("api/folders/", keeping_api.folders),
    path("api/folders/<uuid:pk>/", keeping_api.folder),
    path("api/messages/<uuid:pk>/why/", api.why),
    path("api/engines/", api.engines),
]
