"""JSON doors of sources, for administrators and curators."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_http_methods, require_POST

from chatapp import access
from chatapp.accounts.models import User
from chatapp.documents import sources
from chatapp.errors import Invalid
from chatapp.json_body import read_object

_FIELDS: dict[str, tuple[type, ...]] = {
    "name": (str,),
    "collection": (str,),
    "kind": (str,),
    "settings": (dict,),
    "key_name": (str,),
    "every_minutes": (int, type(None)),
    "enabled": (bool,),
    "private_networks": (bool,),
}
_WHEN_MADE = ("name", "collection", "kind")


@require_http_methods(["GET", "POST"])
def all_sources(request: HttpRequest) -> JsonResponse:
    user = cast(User, request.user)
    access.require_curator(user)
    if request.method == "POST":
        fields = _fields(request, required=_WHEN_MADE)
        fields.pop("enabled", None)
        fields["collection"] = access.get_collection_to_curate(user, fields["collection"])
        source = sources.add(by=user, **{"settings": {}, **fields})
        return JsonResponse({"source": sources.source_json(source)}, status=201)
    found = sources.of_curator(user)[: sources.MOST_LISTED]
    return JsonResponse({"sources": [sources.source_json(one) for one in found]})


@require_http_methods(["GET", "PATCH", "DELETE"])
def source(request: HttpRequest, pk: UUID) -> HttpResponse:
    user = cast(User, request.user)
    found = sources.get_source(user, pk)
    if request.method == "DELETE":
        sources.remove(found, by=user, with_documents=request.GET.get("documents") == "true")
        return HttpResponse(status=204)
    if request.method == "PATCH":
        fields = _fields(request, refused=_WHEN_MADE)
        kept = {name: getattr(found, name) for name in ("settings", "key_name", "every_minutes", "enabled")}
        sources.change(found, by=user, **{**kept, **fields})
    return JsonResponse({"source": sources.source_json(found), "failures": sources.failures(found)})


@require_POST
def action(request: HttpRequest, pk: UUID, action: str) -> JsonResponse:
    user = cast(User, request.user)
    found = sources.get_source(user, pk)
    begun = {"run": sources.run, "stop": sources.stop, "accept": sources.accept_removals}[action](found, by=user)
    found.refresh_from_db()
    return JsonResponse({"source": sources.source_json(found)}, status=202 if begun else 200)


def _fields(request: HttpRequest, *, required: tuple[str, ...] = (), refused: tuple[str, ...] = ()) -> dict[str, Any]:
    body = read_object(request)
    for name, value in body.items():
        if name not in _FIELDS or name in refused:
            raise Invalid(f"There is no field named {name!r:.50} to be set here.")
        if not isinstance(value, _FIELDS[name]) or (isinstance(value, bool) and bool not in _FIELDS[name]):
            raise Invalid(f"The field {name} has the wrong type.")
    if missing := [name for name in required if name not in body]:
        raise Invalid(f"The field {missing[0]} is missing.")
    return body
