"""JSON doors of ingestion: of a collection for its curators, as a whole for administrators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_GET, require_POST

from chatapp import access
from chatapp.accounts.models import User
from chatapp.documents import answers, ingestion, listing
from chatapp.errors import Invalid
from chatapp.json_body import read_object
from retrieval.models import Collection
from retrieval.pipeline import dead_letters
from retrieval.stored_text import storable


@require_GET
def overview(request: HttpRequest) -> JsonResponse:
    user = _curator(request)
    if (key := request.GET.get("collection")) is not None:
        return JsonResponse(ingestion.of_collection(access.get_collection_to_curate(user, key).pk))
    access.require_administrator(user)
    return JsonResponse(ingestion.overview())


@require_GET
def failures(request: HttpRequest) -> JsonResponse:
    """The documents that failed, the newest first, a page at a time."""
    user = _curator(request)
    collection = _collection(user, request.GET)
    failed = dead_letters.failed(collection.pk if collection else None, request.GET.get("code"))
    rows = failed.order_by("-queued_at", "pk")
    page = listing.page_of(rows, listing.page_number(request.GET))
    documents = [
        {
            **answers.document_json(document, curated=True),
            "error_code": document.error_code,
            "collection": str(document.collection_id),
            "path": document.path,
        }
        for document in page.documents
    ]
    return JsonResponse({"documents": documents, "total": page.total, "page": page.number, "pages": page.pages})


@require_POST
def retry(request: HttpRequest) -> JsonResponse:
    user = _curator(request)
    body = _body(request, ("collection", "code"))
    number = ingestion.retry_all(by=user, collection=_collection(user, body), code=body.get("code"))
    return JsonResponse({"documents": number})


@require_POST
def cancel(request: HttpRequest) -> JsonResponse:
    user = _curator(request)
    body = _body(request, ("collection",))
    return JsonResponse({"documents": ingestion.cancel_all(by=user, collection=_collection(user, body))})


def _curator(request: HttpRequest) -> User:
    user = cast(User, request.user)
    access.require_curator(user)
    return user


def _collection(user: User, wishes: Mapping[str, str]) -> Collection | None:
    """One that the person looks after; all of them are for administrators."""
    if "collection" in wishes:
        return access.get_collection_to_curate(user, wishes["collection"])
    access.require_administrator(user)
    return None


def _body(request: HttpRequest, names: tuple[str, ...]) -> dict[str, Any]:
    body = read_object(request)
    for name, value in body.items():
        if name not in names:
            raise Invalid(f"There is no field named {name!r:.50}.")
        if not isinstance(value, str):
            raise Invalid(f"The field {name} has the wrong type.")
        if value != storable(value):
            raise Invalid(f"The field {name} holds what cannot be stored.")
    return body
