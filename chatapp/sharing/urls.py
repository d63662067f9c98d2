"""Doors through which conversations leave their owner's page."""

from __future__ import annotations

from django.urls import URLPattern, path

from chatapp.sharing import api, pages, shared_pages, sharing_api

urlpatterns: list[URLPattern] = [
    path("c/<uuid:pk>/print/", pages.to_print, name="print_conversation"),
    path("shared/", shared_pages.shared_list, name="shared_list"),
    path("shared/<uuid:pk>/", shared_pages.shared, name="shared"),
    path("shared/<uuid:pk>/revoke/", shared_pages.revoke, name="revoke_share"),
    path("api/conversations/import/", api.import_),
    path("api/conversations/<uuid:pk>/export/", api.export),
    path("api/conversations/<uuid:pk>/shares/", sharing_api.shares),
    path("api/shares/<uuid:pk>/", sharing_api.share),
]
