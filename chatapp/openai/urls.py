"""OpenAI's API: https://platform.openai.com/docs/api-reference."""

from __future__ import annotations

from django.urls import path

from chatapp.openai import views

urlpatterns = [
    path("models", views.models),
    path("chat/completions", views.completions),
    path("embeddings", views.embeddings),
]
