"""Health and metrics; model cards."""

from __future__ import annotations

from django.urls import path

from chatapp.operations import health
from chatapp.operations.pages import cards

urlpatterns = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", health.metrics),
    path("models/", cards.models, name="model_cards"),
    path("models/card/", cards.model, name="model_card"),
    path("models/filters/", cards.filters, name="filter_card"),
]
