"""Doors of collections, documents and passages."""

from __future__ import annotations

from django.urls import URLPattern, path

from chatapp.documents import (
    api,
    bench_api,
    document_page,
    ingestion_api,
    originals,
    pages,
    passages,
    readers_page,
    scope,
    search_api,
    source_api,
)

urlpatterns: list[URLPattern] = [
    path("documents/", pages.documents, name="documents"),
    path("documents/search/", bench_api.page, name="search_bench_page"),
    path("documents/<uuid:pk>/", document_page.page, name="document_page"),
    path("documents/<uuid:pk>/readers/", readers_page.of_document, name="document_readers"),
    path("collections/<uuid:pk>/readers/", readers_page.of_collection, name="collection_readers"),
    path("documents/<uuid:pk>/passages/", passages.passages, name="document_passages"),
    path("api/collections/", api.collections, name="collections"),
    path("api/collections/<uuid:pk>/", api.collection, name="collection"),
    path("api/collections/<uuid:pk>/documents/", api.documents, name="collection_documents"),
    path("api/documents/<uuid:pk>/", api.document, name="document"),
    path("api/documents/<uuid:pk>/retry/", api.retry, name="document_retry"),
    path("api/documents/<uuid:pk>/again/", api.again, name="document_again"),
    path("api/passages/<int:pk>/", api.passage, name="passage"),
    path("api/search/", search_api.search, name="search"),
    path("api/search/bench/", bench_api.search, name="search_bench"),
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
