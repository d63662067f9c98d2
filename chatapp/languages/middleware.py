"""The language of a request: the one that was chosen on the page, then the browser's; English for programs."""

from __future__ import annotations

from django.http import HttpRequest
from django.middleware.locale import LocaleMiddleware
from django.utils import translation

from chatapp.openai import errors as openai_errors
from chatapp.scim import shapes as scim

IN_ENGLISH = (openai_errors.PREFIX, scim.PREFIX)


class LanguageMiddleware(LocaleMiddleware):
    def process_request(self, request: HttpRequest) -> None:
        if not request.path.startswith(IN_ENGLISH):
            super().process_request(request)
            return
        translation.activate("en")
        request.LANGUAGE_CODE = "en"
