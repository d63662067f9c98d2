"""Choosing a language, and the texts of the scripts in it."""

from __future__ import annotations

from django.urls import path
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_POST
from django.views.i18n import set_language

from chatapp.languages.catalog import catalog

urlpatterns = [
    path("", require_POST(csrf_protect(set_language)), name="set_language"),
    path("<slug:language>/<slug:version>.js", catalog, name="language_catalog"),
]
