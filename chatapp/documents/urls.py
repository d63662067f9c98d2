"""Doors of collections, documents and passages."""

from __future__ import annotations

from django.urls import URLPattern, path

from chatapp.documents import api, pages

urlpatterns: list[URLPattern] = [
    path("documents/", pages.documents, name="documents"),
    path("api/collections/", api.collections, name="collections"),
    path("api/collections/<uuid:pk>/", api.collection, name="collection"),
    path("api/collections/<uuid:pk>/documents/", api.documents, name="collection_documents"),
    path("api/documents/<uuid:pk>/", api.document, name="document"),
    path("api/documents/<uuid:pk>/retry/", api.retry, name="document_retry"),
    path("api/passages/<int:pk>/", api.passage, name="passage"),
    path("documents/<uuid:pk>/file/", api.file, name="document_file"),
]
