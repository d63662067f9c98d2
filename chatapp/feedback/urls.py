"""Doors of feedback."""

from __future__ import annotations

from django.urls import URLPattern, path

from chatapp.feedback import api

urlpatterns: list[URLPattern] = [path("api/messages/<uuid:pk>/rating/", api.rating)]
