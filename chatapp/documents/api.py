"""JSON doors of collections, documents, passages. Readers see what their groups may read; curators write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from chatapp import access
from chatapp.accounts.models import User
from chatapp.bodies import FORM_OVERHEAD
from chatapp.documents import answers, listing, services
from chatapp.errors import Invalid
from chatapp.json_body import read_object
from retrieval import files
from retrieval.models import Collection
from retrieval.pipeline import ingestion


@require_http_methods(["GET", "POST"])
def collections(request: HttpRequest) -> JsonResponse:
    if request.method == "POST":
        access.require_organiser(_user(request))
        fields = _fields(request, _COLLECTION_FIELDS)
        collection = services.create_collection(**{"name": "", **fields}, by=_user(request))
        return JsonResponse({"collection": answers.collection_json(collection, {}, curated=True)}, status=201)
    readable = list(Collection.objects.readable_by(_user(request)).prefetch_related("readers"))
    curated = set(access.curated(_user(request)).values_list("pk", flat=True))
    counts = services.count_by_status(readable, _user(request))
    listed = [answers.collection_json(each, counts[each.pk], curated=each.pk in curated) for each in readable]
    return JsonResponse({"collections": listed})


@require_http_methods(["GET", "PATCH", "DELETE"])
def collection(request: HttpRequest, pk: UUID) -> HttpResponse:
    if request.method == "GET":
        found = access.get_collection(_user(request), pk)
    else:
        found = access.get_collection_to_curate(_user(request), pk)
    if request.method == "DELETE":
        access.require_organiser(_user(request))
        ingestion.delete_collection(collection=found, by=_user(request))
        return HttpResponse(status=204)
    if request.method == "PATCH":
        services.update_collection(collection=found, by=_user(request), changes=_fields(request, _COLLECTION_FIELDS))
    counts = services.count_by_status([found], _user(request))
    curated = access.curated(_user(request)).filter(pk=found.pk).exists()
    return JsonResponse({"collection": answers.collection_json(found, counts[found.pk], curated=curated)})


@require_http_methods(["GET", "POST"])
def documents(request: HttpRequest, pk: UUID) -> JsonResponse:
    if request.method == "POST":
        return _upload(request, access.get_collection_to_curate(_user(request), pk))
    found = access.get_collection(_user(request), pk)
    listable = access.listed_documents(_user(request)).filter(collection=found)
    page = listing.documents_page(listable, request.GET)
    counts = services.count_by_status([found], _user(request))[found.pk]
    curated = access.curated(_user(request)).filter(pk=found.pk).exists()
    listed = [answers.document_json(each, curated=curated) for each in page.documents]
    numbers = {"total": page.total, "page": page.number, "pages": page.pages}
    return JsonResponse({"documents": listed, "counts": counts, **numbers})


@require_POST
def retry(request: HttpRequest, pk: UUID) -> JsonResponse:
    document = access.get_document_to_curate(_user(request), pk)
    ingestion.retry_document(document=document)
    return JsonResponse({"document": answers.document_json(document, curated=True)})


@require_POST
def again(request: HttpRequest, pk: UUID) -> JsonResponse:
    """Reads a document anew that is ready."""
    document = access.get_document_to_curate(_user(request), pk)
    services.read_document_again(document=document, by=_user(request))
    return JsonResponse({"document": answers.document_json(document, curated=True)})


@require_http_methods(["GET", "PATCH", "DELETE"])
def document(request: HttpRequest, pk: UUID) -> HttpResponse:
    user = _user(request)
    if request.method == "GET":
        found = access.get_document(user, pk)
        curated = access.curated(user).filter(pk=found.collection_id).exists()
        return JsonResponse({"document": answers.document_json(found, curated=curated)})
    found = access.get_document_to_curate(user, pk)
    if request.method == "DELETE":
        services.delete(document=found, by=user)
        return HttpResponse(status=204)
    changes = _fields(request, _DOCUMENT_FIELDS)
    found = services.update_document(document=found, by=user, changes=changes)
    return JsonResponse({"document": answers.document_json(found, curated=True)})


@require_GET
def passage(request: HttpRequest, pk: int) -> JsonResponse:
    return JsonResponse(answers.passage_json(access.get_passage(_user(request), pk)))


def _upload(request: HttpRequest, found: Collection) -> JsonResponse:
    if int(request.META.get("CONTENT_LENGTH") or 0) > settings.RETRIEVAL.limits.file_bytes + FORM_OVERHEAD:
        raise files.FileTooLarge
    upload = request.FILES.get("file")
    if not isinstance(upload, UploadedFile):
        raise Invalid("The upload holds no file.", advice="Send it as the form field `file`.")
    receipt = services.receive(
        collection=found,
        name=upload.name or "",
        path=request.POST.get("path", ""),
        content=upload,  # type: ignore[arg-type]  # reads like one
        by=_user(request),
        readers=request.POST.getlist("reader") or None,
    )
    answer = {"document": answers.document_json(receipt.document, curated=True), "outcome": receipt.outcome}
    return JsonResponse(answer, status=201 if receipt.outcome == "received" else 200)


def _user(request: HttpRequest) -> User:
    return cast(User, request.user)  # every accessor refuses an anonymous one


_COLLECTION_FIELDS: dict[str, type | tuple[type, ...]] = {
    "name": str,
    "description": str,
    "everyone": bool,
    "readers": list,
    "chunk_tokens": (int, type(None)),  # null: as the house has it
    "chunk_overlap_tokens": (int, type(None)),
}
_DOCUMENT_FIELDS: dict[str, type] = {"restricted": bool, "readers": list, "collection": str}


def _fields(request: HttpRequest, known: Mapping[str, type | tuple[type, ...]]) -> dict[str, Any]:
    body = read_object(request)
    for key, value in body.items():
        kind = known.get(key)
        if kind is None:
            raise Invalid(f"There is no field named {key!r:.50}.")
        if not isinstance(value, kind) or (
            isinstance(value, list) and not all(isinstance(part, str) for part in value)
        ):
            raise Invalid(f"The field {key} has the wrong type.")
    return body
