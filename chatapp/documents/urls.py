"""Doors of collections, documents and passages."""

from __future__ import annotations

from django.urls import URLPattern, path

from chatapp.documents import api, ingestion_api, originals, pages, passages, scope, search_api, source_api

urlpatterns: list[URLPattern] = [
    path("documents/", pages.documents, name="documents"),
    path("documents/<uuid:pk>/passages/", passages.passages, name="document_passages"),
    path("api/collections/", api.collections, name="collections"),
    path("api/collections/<uuid:pk>/", api.collection, name="collection"),
    path("api/collections/<uuid:pk>/documents/", api.documents, name="collection_documents"),
    path("api/documents/<uuid:pk>/", api.document, name="document"),
    path("api/documents/<uuid:pk>/retry/", api.retry, name="document_retry"),
    path("api/passages/<int:pk>/", api.passage, name="passage"),
    path("api/search/", search_api.search, name="search"),
    path("api/scope/", scope.scope, name="scope"),
    path("api/ingestion/", ingestion_api.overview, name="ingestion"),
    path("api/ingestion/failures/", ingestion_api.failures, name="ingestion_failures"),
    path("api/ingestion/retry/", ingestion_api.retry, name="ingestion_retry"),
    path("api/ingestion/cancel/", ingestion_api.cancel, name="ingestion_cancel"),
    path("api/sources/", source_api.all_sources, name="sources"),
    path("api/sources/<uuid:pk>/", source_api.source, name="source"),
    *(
        path(f"api/sources/<uuid:pk>/{one}/", source_api.action, {"action": one}, name=f"source_{one}")
        for one in ("run", "stop", "accept")
    ),
    path("documents/<uuid:pk>/file/", originals.file, name="document_file"),
]
