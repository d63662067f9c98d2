"""The texts of the page's scripts in one language, as a script of our own origin. English needs none."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from functools import cache
from pathlib import Path
from typing import Any, cast

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext
from django.views.decorators.http import require_safe
from django.views.i18n import JavaScriptCatalog

from chatapp import static_files
from chatapp.languages.texts import TEXTS

_FOR_GOOD = "public, max-age=31536000, immutable"
_ASK_AGAIN = "public, max-age=0, must-revalidate"
# A backslash with what it escapes; of letters beyond ASCII, the number.
_ESCAPED = re.compile(r"\\(?:u([0-9a-f]{4})|.)")
_LINE_ENDS = "\u2028\u2029"  # of older scripts; they stay escaped, as halves of a pair do


class _Catalog(JavaScriptCatalog):
    packages = ["chatapp"]

    def render_to_response(self, context: dict[str, Any], **response_kwargs: Any) -> HttpResponse:
        context["catalog"] |= {text: gettext(text) for text in TEXTS}
        response = super().render_to_response(context, **response_kwargs)
        patterns = sorted(text for text in TEXTS if "%(" in text)  # the others are found as they are
        response.write(f"\ndjango.said = {json.dumps(patterns)};\n".encode())
        return response


@require_safe
def catalog(request: HttpRequest, language: str, version: str) -> HttpResponse:
    """The version stands in the address, so that browsers keep each for good."""
    if language not in dict(settings.LANGUAGES) or language == "en":
        raise Http404
    current = version == version_of(language)
    response = HttpResponse(_packed(language), content_type="text/javascript; charset=utf-8")
    response["Content-Encoding"] = "gzip"
    if "gzip" not in request.headers.get("Accept-Encoding", ""):
        response = HttpResponse(gzip.decompress(_packed(language)), content_type="text/javascript; charset=utf-8")
    response["Cache-Control"] = _FOR_GOOD if current else _ASK_AGAIN
    patch_vary_headers(response, ["Accept-Encoding"])
    return response


def address_of(language: str) -> str:
    return reverse("language_catalog", args=(language, version_of(language)))


@cache
def version_of(language: str) -> str:
    """Of the translations and of what they are made into."""
    digest = hashlib.sha256(static_files.version().encode())
    for folder in map(Path, settings.LOCALE_PATHS):
        for path in sorted((folder / language / "LC_MESSAGES").glob("*.mo")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


@cache
def _packed(language: str) -> bytes:
    request = HttpRequest()
    request.method = "GET"
    with translation.override(language):
        made = cast(HttpResponse, _Catalog.as_view()(request))
        return gzip.compress(_spelled_out(made.content.decode()).encode(), 9, mtime=0)


def _spelled_out(script: str) -> str:
    """Letters beyond ASCII as themselves: an eighth less of Arabic on the wire than their numbers."""

    def letter(found: re.Match[str]) -> str:
        code = int(found[1] or "0", 16)
        return chr(code) if 0xA0 <= code < 0xD800 and chr(code) not in _LINE_ENDS else found[0]

    return _ESCAPED.sub(letter, script)
