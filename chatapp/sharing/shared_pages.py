"""What others let one read, and what one lets others read."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_POST, require_safe

from chatapp import access
from chatapp.accounts.models import User
from chatapp.sharing import reading, services
from chatapp.sharing.exporting import title_of
from chatapp.sharing.sharing_api import shown_name


@never_cache
@ensure_csrf_cookie
@require_safe
def shared_list(request: HttpRequest) -> HttpResponse:
    user = cast(User, request.user)
    received = access.shares_received(user).select_related("conversation", "owner")[: services.MOST]
    given = access.shares_given(user).select_related("conversation", "person", "group")[: services.MOST]
    titles = reading.titles_of_others(user, [title_of(row.conversation) for row in received])
    context = {
        "received": [
            {"row": row, "title": title, "by": shown_name(row.owner)}
            for row, title in zip(received, titles, strict=True)
        ],
        "given": [
            {
                "row": row,
                "title": title_of(row.conversation),
                "person": shown_name(row.person) if row.person else "",
                "group": row.group.name if row.group else "",
            }
            for row in given
        ],
    }
    return render(request, "sharing/list.html", context)


@never_cache
@require_safe
def shared(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Looked at anew each time: who may read it, and which of its documents."""
    user = cast(User, request.user)
    if access.shares_given(user).filter(pk=pk).exists():
        return redirect("conversation", conversation=access.get_share_given(user, pk).conversation_id)
    row = access.get_share_received(user, pk)
    branch, lengths = services.branch_of(row)
    context = {
        "share": row,
        "title": reading.titles_of_others(user, [title_of(row.conversation)])[0],
        "by": shown_name(row.owner),
        "messages": reading.of_another(user, branch, lengths),
    }
    return render(request, "sharing/shared.html", context)


@require_POST
def revoke(request: HttpRequest, pk: UUID) -> HttpResponse:
    user = cast(User, request.user)
    services.revoke(user, access.get_share_given(user, pk))
    return redirect("shared_list")
