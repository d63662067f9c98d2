"""Every page and HTTP door. Each app keeps its own list; this file only joins them."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from chatapp.manifest import manifest

admin.autodiscover()  # here: processes that serve no pages do without 10 MB of them
handler400 = "chatapp.errors.not_understood"
handler404 = "chatapp.errors.absent"
handler500 = "chatapp.errors.failed"
urlpatterns = [
    path("admin/", admin.site.urls),
    path("accounts/", include("chatapp.accounts.urls")),
    path("language/", include("chatapp.languages.urls")),
    path("manifest/<slug:language>.webmanifest", manifest, name="manifest"),
    path("", include("chatapp.operations.urls")),
    path("", include("chatapp.documents.urls")),
    path("", include("chatapp.conversations.urls")),
    path("", include("chatapp.attachments.urls")),
    path("", include("chatapp.feedback.urls")),
    path("", include("chatapp.sharing.urls")),
    path("", include("chatapp.widget.urls")),
    path("v1/", include("chatapp.openai.urls")),
    path("scim/v2/", include("chatapp.scim.urls")),
]
