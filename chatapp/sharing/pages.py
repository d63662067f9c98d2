"""Pages on which a branch is read: on paper here, elsewhere by others."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from chatapp.accounts.models import User
from chatapp.sharing import exporting
from chatapp.sharing.api import kept_conversation, last_message
from chatapp.sharing.branches import branch_to, messages_of


@never_cache
@require_safe
def to_print(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The browser prints it, or writes a PDF: fonts and directions of all scripts are right there."""
    user = cast(User, request.user)
    conversation = kept_conversation(user, pk)
    branch = branch_to(messages_of(conversation), last_message(request))
    context = {
        "conversation": conversation,
        "title": exporting.title_of(conversation),
        "messages": exporting.printed(user, conversation, branch),
        "now": timezone.now(),
    }
    return render(request, "sharing/print.html", context)
