"""Sharing over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast
from uuid import UUID

from django.contrib.auth.models import Group
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_http_methods

from chatapp import access
from chatapp.accounts.models import User
from chatapp.errors import Invalid
from chatapp.json_body import read_object
from chatapp.sharing import services
from chatapp.sharing.api import kept_conversation
from chatapp.sharing.models import Share


@require_http_methods(["GET", "POST"])
def shares(request: HttpRequest, pk: UUID) -> JsonResponse:
    """Of one conversation: with whom it is shared, and with which groups it can be."""
    user = cast(User, request.user)
    conversation = kept_conversation(user, pk)
    if request.method == "POST":
        body = read_object(request)
        person, group = _with_whom(user, body)
        row = services.share(user, conversation, _last(body), person=person, group=group)
        return JsonResponse(told(row), status=201)
    rows = access.shares_given(user).filter(conversation=conversation).select_related("person", "group")
    groups = access.groups_to_share_with(user).order_by("name").values("pk", "name")
    return JsonResponse(
        {
            "shares": [told(row) for row in rows],
            "groups": [{"id": one["pk"], "name": one["name"]} for one in groups],
        }
    )


@require_http_methods(["POST", "DELETE"])
def share(request: HttpRequest, pk: UUID) -> HttpResponse:
    """POST renews it."""
    user = cast(User, request.user)
    row = access.get_share_given(user, pk)
    if request.method == "DELETE":
        services.revoke(user, row)
        return HttpResponse(status=204)
    services.renew(user, row, _last(read_object(request)))
    return JsonResponse(told(row))


def told(row: Share) -> dict[str, Any]:
    return {
        "id": str(row.pk),
        "conversation": str(row.conversation_id),
        "person": shown_name(row.person) if row.person else None,
        "group": row.group.name if row.group else None,
        "messages": len(row.messages),
        "page": f"/shared/{row.pk}/",
        "renewed_at": row.renewed_at.isoformat(),
    }


def shown_name(person: User) -> str:
    return person.get_full_name() or person.get_username()


def _with_whom(user: User, body: Mapping[str, Any]) -> tuple[User | None, Group | None]:
    """Raises Invalid: also of groups that are not theirs, as of those that are not there."""
    person, group = body.get("person"), body.get("group")
    if isinstance(person, str) and group is None:
        return services.person_named(user, person), None
    if isinstance(group, int) and not isinstance(group, bool) and person is None:
        found = access.groups_to_share_with(user).filter(pk=group).first() if 0 < group < 2**31 else None
        if found is None:
            raise Invalid("There is no such group that you can share with.")
        return None, found
    raise Invalid("Name a `person` (a user name or an e-mail address) or a `group` (its id).")


def _last(body: Mapping[str, Any]) -> UUID | None:
    named = body.get("message")
    if named is None:
        return None
    try:
        return UUID(named)
    except (ValueError, AttributeError, TypeError):
        raise Invalid("`message` must be the id of a message.") from None
