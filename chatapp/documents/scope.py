"""What a person can narrow a search to: the collections that they may read, and the kinds of documents in them."""

from __future__ import annotations

from collections import Counter
from typing import Any, cast
from uuid import UUID

from django.db.models import Count, QuerySet
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_GET

from chatapp.accounts.models import User
from retrieval.models import Collection, Document
from retrieval.parsing.kinds import MEDIA_TYPES

_KINDS = {
    "PDF": ("pdf",),
    "Word": ("docx",),
    "PowerPoint": ("pptx",),
    "Excel": ("xlsx",),
    "CSV": ("csv",),
    "Web page": ("html",),
    "Markdown": ("markdown",),
    "Plain text": ("text",),
    "E-mail": ("email", "outlook"),
    "E-book": ("epub",),
    "Picture": ("png", "jpeg", "tiff", "webp", "bmp"),
    "Source code": ("source",),
    "Notebook": ("notebook",),
    "JSON": ("json", "jsonl"),
    "XML": ("xml",),
}


@require_GET
def scope(request: HttpRequest) -> JsonResponse:
    return JsonResponse(scope_of(cast(User, request.user)))


def scope_of(user: User) -> dict[str, Any]:
    """With how many documents that can be found there are of each."""
    within, of_type = Counter[UUID](), Counter[str]()
    rows = Document.objects.readable_by(user).filter(status=Document.Status.READY).order_by()
    for collection, media_type, number in rows.values_list("collection", "media_type").annotate(Count("pk")):
        within[collection] += number
        of_type[media_type] += number
    collections = Collection.objects.readable_by(user).order_by("name").values_list("pk", "name")
    return {
        "collections": [{"id": str(pk), "name": name, "documents": within[pk]} for pk, name in collections],
        "kinds": [kind for kind in _kinds(of_type) if kind["documents"]],
    }


def kinds_of(collections: QuerySet[Collection]) -> list[dict[str, Any]]:
    """Of all documents in these that can be found."""
    rows = Document.objects.filter(status=Document.Status.READY, collection__in=collections.order_by()).order_by()
    of_type = Counter(dict(rows.values_list("media_type").annotate(Count("pk"))))
    return [kind for kind in _kinds(of_type) if kind["documents"]]


def _kinds(of_type: Counter[str]) -> list[dict[str, Any]]:
    types = {name: [MEDIA_TYPES[one] for one in kinds] for name, kinds in _KINDS.items()}
    return [
        {"name": name, "types": named, "documents": sum(of_type[one] for one in named)} for name, named in types.items()
    ]
