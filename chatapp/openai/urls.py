"""OpenAI's API: https://platform.openai.com/docs/api-reference."""

from __future__ import annotations

from django.urls import path

from chatapp.openai import views

urlpatterns = [
    path("openapi.json", views.description),
    path("models", views.models),
    path("models/<path:name>", views.model),
    path("chat/completions", views.completions),
    path("embeddings", views.embeddings),
    path("", views.unknown),
    path("<path:rest>", views.unknown),
]
