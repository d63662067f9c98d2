"""Taking conversations out and bringing them in, over HTTP."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.http import content_disposition_header
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from chatapp import access
from chatapp.accounts.models import User
from chatapp.conversations.models import Conversation
from chatapp.errors import Invalid, as_dict
from chatapp.sharing import exporting, importing
from chatapp.sharing.branches import branch_to, messages_of


@require_GET
@never_cache
def export(request: HttpRequest, pk: UUID) -> HttpResponse:
    """`form`: markdown (one branch, to `message`) or json (all of it)."""
    user = cast(User, request.user)
    conversation = kept_conversation(user, pk)
    messages = messages_of(conversation)
    match request.GET.get("form"):
        case "markdown":
            file = exporting.as_markdown(user, conversation, branch_to(messages, last_message(request)))
        case "json":
            file = exporting.as_json(user, conversation, messages)
        case _:
            raise Invalid("`form` must be markdown or json.")
    return HttpResponse(
        file.body,
        content_type=file.media_type,
        headers={
            "Content-Disposition": content_disposition_header(True, file.name) or "attachment",
            "X-Content-Type-Options": "nosniff",
        },
    )


@require_POST
def import_(request: HttpRequest) -> JsonResponse:
    """All of what is sent is read before anything is kept."""
    user = cast(User, request.user)
    done = importing.bring_in(user, request.body)
    refused = [{"title": title, "error": as_dict(error)} for title, error in done.refused]
    return JsonResponse({"conversations": [str(pk) for pk in done.conversations], "refused": refused}, status=201)


def kept_conversation(user: User, pk: UUID) -> Conversation:
    """Raises NotFound, and Invalid of a temporary chat: it leaves nothing."""
    conversation = access.get_conversation(user, pk)
    if conversation.temporary:
        raise Invalid("A temporary chat is neither shared nor exported.")
    return conversation


def last_message(request: HttpRequest) -> UUID | None:
    named = request.GET.get("message")
    try:
        return UUID(named) if named else None
    except ValueError:
        raise Invalid("`message` must be the id of a message.") from None
