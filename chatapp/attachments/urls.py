"""Doors of attached files."""

from __future__ import annotations

from django.urls import URLPattern, path

from chatapp.attachments import api

urlpatterns: list[URLPattern] = [
    path("api/attachments/", api.first, name="attachments"),
    path("api/conversations/<uuid:pk>/attachments/", api.of_conversation, name="conversation_attachments"),
    path("api/conversations/<uuid:pk>/attachments/<uuid:document>/", api.attachment, name="conversation_attachment"),
]
