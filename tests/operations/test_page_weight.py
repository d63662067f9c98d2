"""What the chat page weighs on its first load: it and all that its head names, compressed, in each language."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.http import HttpResponse
from django.test import Client, RequestFactory

from chatapp.static_files import StaticFilesMiddleware
from tests.conftest import Cast

MOST_BYTES = 150_000
NAMED = re.compile(r'(?:href|src)="((?:/static/|/language/[^"]+\.js)[^"]*)"')
LATER = (
    "picture-view.js",
    "pdf-view.js",
    "sharing.js",
    "importing.js",
    "why.js",
    "why.css",
    "/highlight/",
    "/katex/",
    "/pdfjs/",
)


@pytest.fixture
def server(tmp_path: Path, settings: Any) -> StaticFilesMiddleware:
    settings.VAR_DIR, settings.STATIC_ROOT = tmp_path, None
    return StaticFilesMiddleware(lambda request: HttpResponse(status=404), settings)


@pytest.mark.parametrize("language", [code for code, _ in settings.LANGUAGES])
def test_the_chat_page_comes_in_150_kilobytes(
    language: str, client: Client, cast: Cast, server: StaticFilesMiddleware
) -> None:
    client.force_login(cast.alice)
    packed = {"Accept-Language": language, "Accept-Encoding": "gzip"}
    page = client.get("/", headers=packed)
    assert page["Content-Encoding"] == "gzip"
    named = set(NAMED.findall(gzip.decompress(page.content).decode()))
    assert len(named) > 40 and not [one for one in named for later in LATER if later in one]
    sizes = {"/": len(page.content)}
    for address in named:
        of_a_language = address.startswith("/language/")
        given = (
            client.get(address, headers=packed)
            if of_a_language
            else server(RequestFactory().get(address, headers=packed))
        )
        assert given.status_code == 200, address
        sizes[address] = len(given.content)
    assert sum(sizes.values()) < MOST_BYTES, sorted(sizes.items(), key=lambda one: -one[1])[:10]
