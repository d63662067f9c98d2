"""Health and metrics."""

from __future__ import annotations

from django.urls import path

from chatapp.operations import health

urlpatterns = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", health.metrics),
]
