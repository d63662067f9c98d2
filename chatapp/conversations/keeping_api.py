"""Folders, and several conversations at once, over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_http_methods, require_POST

from chatapp import access
from chatapp.accounts.models import User
from chatapp.conversations import answers, keeping
from chatapp.conversations import folders as kept_folders
from chatapp.conversations.keeping import MOST_AT_ONCE, Kept
from chatapp.errors import Invalid, NotFound
from chatapp.json_body import read_object

_SWITCHES = ("pinned", "archived")


@require_http_methods(["GET", "POST"])
def folders(request: HttpRequest) -> JsonResponse:
    """With what else stands beside the list: whether there is an archive, and anything that is shared."""
    user = _person(request)
    if request.method == "POST":
        return JsonResponse(answers.folder(kept_folders.create(user, _name(read_object(request)))), status=201)
    archived = access.conversations(user).filter(archived=True).exists()
    rows = [answers.folder(row) for row in kept_folders.listed(user)]
    shared = {"received": access.shares_received(user).exists(), "given": access.shares_given(user).exists()}
    return JsonResponse({"folders": rows, "archived": archived, "shared": shared})


@require_http_methods(["PATCH", "DELETE"])
def folder(request: HttpRequest, pk: UUID) -> HttpResponse:
    user = _person(request)
    row = access.get_folder(user, pk)
    if request.method == "DELETE":
        kept_folders.delete(user, row)
        return HttpResponse(status=204)
    kept_folders.rename(user, row, _name(read_object(request)))
    return JsonResponse(answers.folder(kept_folders.listed(user).get(pk=row.pk)))


@require_POST
def several(request: HttpRequest) -> JsonResponse:
    """What is absent or somebody else's is passed over alike."""
    user = _person(request)
    body = read_object(request)
    ids = _ids(body.get("ids"))
    done = keeping.delete(user, ids) if _deletes(body) else keeping.keep(user, ids, changes_in(user, body))
    if not done:
        raise NotFound
    return JsonResponse({"done": done})


def changes_in(user: User, body: Mapping[str, Any]) -> Kept:
    """Raises Invalid, and NotFound for a folder that is not theirs."""
    found: Kept = {}
    for name in _SWITCHES:
        if name in body and not isinstance(body[name], bool):
            raise Invalid(f"`{name}` must be true or false.")
    if "pinned" in body:
        found["pinned"] = body["pinned"]
    if "archived" in body:
        found["archived"] = body["archived"]
    if found.get("pinned") and found.get("archived"):
        raise Invalid("What is archived cannot be pinned.")
    if "folder" in body:
        named = body["folder"]
        if named is not None and not isinstance(named, str):
            raise Invalid("`folder` must be an id, or null.")
        found["folder"] = None if named is None else access.get_folder(user, named)
    if not found:
        raise Invalid("Nothing is to change.", advice="Name `pinned`, `archived`, `folder` or `delete`.")
    return found


def _deletes(body: Mapping[str, Any]) -> bool:
    if not isinstance(body.get("delete", False), bool):
        raise Invalid("`delete` must be true or false.")
    return body.get("delete") is True


def _ids(given: Any) -> set[UUID]:
    if not isinstance(given, list) or not 0 < len(given) <= MOST_AT_ONCE:
        raise Invalid(f"`ids` must be a list of 1 to {MOST_AT_ONCE} conversations.")
    try:
        return {UUID(one) for one in given}
    except (ValueError, AttributeError, TypeError):
        raise Invalid("`ids` must be ids of conversations.") from None


def _name(body: Mapping[str, Any]) -> str:
    name = body.get("name")
    if not isinstance(name, str):
        raise Invalid("`name` must be a string.")
    return name


def _person(request: HttpRequest) -> User:
    user = cast(User, request.user)
    if not user.is_authenticated:
        raise NotFound
    return user
