"""Doors of attached files: of the person whose conversation it is, and of nobody else."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_http_methods, require_POST

from chatapp import access
from chatapp.accounts.models import User
from chatapp.attachments import answers, services
from chatapp.errors import Invalid


@require_POST
def first(request: HttpRequest) -> JsonResponse:
    """A file before the first question: the conversation is made with it."""
    services.require_offered(_user(request))
    given = request.GET.get("temporary", "0")
    if given not in ("0", "1"):
        raise Invalid("`temporary` must be 0 or 1.")
    return _attach(request, None, temporary=given == "1")


@require_http_methods(["GET", "POST"])
def of_conversation(request: HttpRequest, pk: UUID) -> JsonResponse:
    user = _user(request)
    services.require_known(user)
    home = access.get_conversation(user, pk)
    if request.method == "POST":
        services.require_offered(user)
        return _attach(request, home.pk)
    return JsonResponse({"attachments": answers.attachments(services.files_in(home))})


@require_http_methods(["DELETE"])
def attachment(request: HttpRequest, pk: UUID, document: UUID) -> HttpResponse:
    user = _user(request)
    services.require_known(user)
    services.remove(user=user, home=access.get_conversation(user, pk), document=document)
    return HttpResponse(status=204)


def _attach(request: HttpRequest, conversation: UUID | None, *, temporary: bool = False) -> JsonResponse:
    upload = request.FILES.get("file")
    if not isinstance(upload, UploadedFile):
        raise Invalid("The upload holds no file.", advice="Send it as the form field `file`.")
    added = services.attach(
        user=_user(request),
        conversation=conversation,
        name=upload.name or "",
        content=upload,  # type: ignore[arg-type]  # reads like one
        size=upload.size or 0,
        temporary=temporary,
    )
    told = {"conversation": str(added.conversation), "attachment": answers.attachment(added.document)}
    return JsonResponse(told | {"outcome": added.outcome}, status=201 if added.outcome == "received" else 200)


def _user(request: HttpRequest) -> User:
    return cast(User, request.user)  # every accessor refuses an anonymous one
