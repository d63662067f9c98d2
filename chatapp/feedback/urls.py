"""Doors of feedback."""

from __future__ import annotations

from django.urls import URLPattern, path

from chatapp.feedback import api, pages

urlpatterns: list[URLPattern] = [
    path("api/messages/<uuid:pk>/rating/", api.rating),
    path("feedback/", pages.feedback, name="feedback"),
    path("feedback/<int:pk>/", pages.entry, name="feedback_entry"),
    path("feedback/<int:pk>/handled/", pages.handle, name="feedback_handle"),
    path("feedback/<int:pk>/open/", pages.reopen, name="feedback_reopen"),
]
