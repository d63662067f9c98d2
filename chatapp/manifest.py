"""What a browser needs to install the pages as an app (W3C, Web Application Manifest). No service worker goes with it:
browsers ask for none, and none could keep anything here that is not somebody's own.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, JsonResponse
from django.templatetags.static import static
from django.utils import translation
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

PAPER = "#fbfaf8"  # `--paper` of static/css/base.css
_ICONS = (("192", 192, "any"), ("512", 512, "any"), ("maskable-512", 512, "maskable"))  # how: tests/installing/icons.py
_KEPT_S = 3600


@require_safe
def manifest(request: HttpRequest, language: str) -> JsonResponse:
    """The language stands in the address: browsers fetch it without cookies."""
    if language not in dict(settings.LANGUAGES):
        raise Http404
    with translation.override(language):
        told = _told(language)
    response = JsonResponse(told, content_type="application/manifest+json")
    response["Cache-Control"] = f"public, max-age={_KEPT_S}"
    return response


def _told(language: str) -> dict[str, Any]:
    return {
        "id": "/",
        "name": f"{settings.SITE_NAME}: {gettext('Ask your documents')}",
        "short_name": settings.SITE_NAME,
        "lang": language,
        "dir": "rtl" if translation.get_language_bidi() else "ltr",
        "start_url": "/",
        "scope": "/",
        "display": "standalone",
        "background_color": PAPER,
        "theme_color": PAPER,
        "icons": [
            {"src": static(f"icons/{name}.png"), "sizes": f"{size}x{size}", "type": "image/png", "purpose": purpose}
            for name, size, purpose in _ICONS
        ],
    }
