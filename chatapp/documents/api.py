"""JSON doors of collections, documents, passages. Readers see what their groups may read; administrators write."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from chatapp import access
from chatapp.accounts.models import User
from chatapp.bodies import FORM_OVERHEAD
from chatapp.documents import answers, services
from chatapp.errors import Invalid, NotFound
from chatapp.json_body import read_object
from retrieval import files, ingestion
from retrieval.models import Collection, Document

MOST_LISTED = 2000
FILE_CHUNK = 256 * 1024


@require_http_methods(["GET", "POST"])
def collections(request: HttpRequest) -> JsonResponse:
    if request.method == "POST":
        access.require_administrator(_user(request))
        fields = _collection_fields(request)
        collection = services.create_collection(**{"name": "", **fields}, by=_user(request))
        return JsonResponse({"collection": answers.collection_json(collection, {})}, status=201)
    readable = list(Collection.objects.readable_by(_user(request)).prefetch_related("readers"))
    counts = services.count_by_status(readable)
    return JsonResponse({"collections": [answers.collection_json(each, counts[each.pk]) for each in readable]})


@require_http_methods(["GET", "PATCH", "DELETE"])
def collection(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = access.get_collection(_user(request), pk)
    if request.method != "GET":
        access.require_administrator(_user(request))
    if request.method == "DELETE":
        ingestion.delete_collection(collection=found, by=_user(request))
        return HttpResponse(status=204)
    if request.method == "PATCH":
        services.update_collection(collection=found, by=_user(request), changes=_collection_fields(request))
    counts = services.count_by_status([found])
    return JsonResponse({"collection": answers.collection_json(found, counts[found.pk])})


@require_http_methods(["GET", "POST"])
def documents(request: HttpRequest, pk: UUID) -> JsonResponse:
    found = access.get_collection(_user(request), pk)
    if request.method == "POST":
        access.require_administrator(_user(request))
        return _upload(request, found)
    listed = Document.objects.filter(collection=found)[:MOST_LISTED]
    counts = services.count_by_status([found])[found.pk]
    return JsonResponse({"documents": [answers.document_json(each) for each in listed], "counts": counts})


@require_POST
def retry(request: HttpRequest, pk: UUID) -> JsonResponse:
    access.require_administrator(_user(request))
    document = access.get_document(_user(request), pk)
    ingestion.retry_document(document=document)
    return JsonResponse({"document": answers.document_json(document)})


@require_http_methods(["GET", "DELETE"])
def document(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = access.get_document(_user(request), pk)
    if request.method == "DELETE":
        access.require_administrator(_user(request))
        ingestion.delete_document(document=found, by=_user(request))
        return HttpResponse(status=204)
    return JsonResponse({"document": answers.document_json(found)})


@require_GET
def passage(request: HttpRequest, pk: int) -> JsonResponse:
    return JsonResponse(answers.passage_json(access.get_passage(_user(request), pk)))


async def file(request: HttpRequest, pk: UUID) -> HttpResponse | StreamingHttpResponse:
    """The original, as an attachment: a page made by somebody else never runs under our address."""
    if request.method not in ("GET", "HEAD"):
        return HttpResponse(status=405, headers={"Allow": "GET, HEAD"})
    user = cast(User, await request.auser())
    document = await sync_to_async(access.get_document)(user, pk)
    path = files.stored_file(document.sha256)
    if not await sync_to_async(path.is_file)():
        raise NotFound("The file of this document is gone.", advice="Ask an administrator to upload it again.")
    response = StreamingHttpResponse(_pieces(path), content_type="application/octet-stream")
    response["Content-Length"] = str(document.size)
    response["Content-Disposition"] = content_disposition_header(True, document.name) or "attachment"
    response["X-Content-Type-Options"] = "nosniff"
    return response


async def _pieces(path: Path) -> AsyncIterator[bytes]:
    stream = await sync_to_async(lambda: path.open("rb"))()
    try:
        while piece := await sync_to_async(stream.read)(FILE_CHUNK):
            yield piece
    finally:
        stream.close()


def _upload(request: HttpRequest, found: Collection) -> JsonResponse:
    if int(request.META.get("CONTENT_LENGTH") or 0) > settings.RETRIEVAL.limits.file_bytes + FORM_OVERHEAD:
        raise files.FileTooLarge
    upload = request.FILES.get("file")
    if not isinstance(upload, UploadedFile):
        raise Invalid("The upload holds no file.", advice="Send it as the form field `file`.")
    receipt = ingestion.receive_document(
        collection=found,
        name=upload.name or "",
        path=request.POST.get("path", ""),
        content=upload,  # type: ignore[arg-type]  # reads like one
        by=_user(request),
    )
    answer = {"document": answers.document_json(receipt.document), "outcome": receipt.outcome}
    return JsonResponse(answer, status=201 if receipt.outcome == "received" else 200)


def _user(request: HttpRequest) -> User:
    return cast(User, request.user)  # every accessor refuses an anonymous one


_COLLECTION_FIELDS: dict[str, type] = {"name": str, "description": str, "everyone": bool, "readers": list}


def _collection_fields(request: HttpRequest) -> dict[str, Any]:
    body = read_object(request)
    for key, value in body.items():
        kind = _COLLECTION_FIELDS.get(key)
        if kind is None:
            raise Invalid(f"There is no field named {key!r:.50}.")
        if not isinstance(value, kind) or (
            isinstance(value, list) and not all(isinstance(part, str) for part in value)
        ):
            raise Invalid(f"The field {key} has the wrong type.")
    return body
