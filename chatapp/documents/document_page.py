"""The page of one document, for who looks after it: what is known of it, and what can be done."""

from __future__ import annotations

import json
from typing import cast
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.defaultfilters import filesizeformat
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from chatapp import access
from chatapp.accounts.models import User
from chatapp.documents import about
from chatapp.documents.answers import document_json
from inference.amounts import size
from retrieval.models import Document


@never_cache
@require_safe
@ensure_csrf_cookie
def page(request: HttpRequest, pk: UUID) -> HttpResponse:
    user = cast(User, request.user)
    document = access.get_document_to_curate(user, pk)
    item = document_json(document, curated=True)
    context = {
        "document": document,
        "item": json.dumps(item),
        # Django has words for bytes in every language
        "size": size(document.size) if document.size >= 1000 else filesizeformat(document.size),
        "busy": document.status not in (Document.Status.READY, Document.Status.FAILED),
        "retryable": item["retryable"],
        "readers": item["readers"],
        "groups": json.dumps(list(access.groups_beside(document.collection).values_list("name", flat=True))),
        "shared_with": _shared_with(document),
        "stages": about.stages(document),
        "failed_attempts": about.failed_attempts(document),
        "what_to_do": about.what_to_do(document),
        "source": about.source_of(document),
        "places": about.places_of(document),
        "passages": about.preview_of(document),
        "used": about.used_lately(document),
        "downloadable": about.downloadable(document, user),
    }
    return render(request, "document.html", context)


def _shared_with(document: Document) -> str:
    """As part of a sentence: who reads its collection."""
    if document.collection.everyone:
        return "everyone who can sign in"
    names = document.collection.readers.order_by("name").values_list("name", flat=True)
    return ", ".join(names) or "those who look after it alone"
