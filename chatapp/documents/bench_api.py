"""The search test bench: its page, and the JSON door that answers it."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_POST, require_safe

from chatapp import access
from chatapp.accounts.models import User
from chatapp.database import in_database
from chatapp.documents import bench
from chatapp.documents.filters import EVERYTHING, filters_of
from chatapp.documents.scope import kinds_of
from chatapp.documents.search_api import one_of_few
from chatapp.errors import Invalid
from chatapp.json_body import read_object
from retrieval.versions.held import held_versions
from retrieval.versions.models import IndexVersion

_FIELDS = frozenset({"question", "collections", "filters", "k", "person", "group", "versions"})
_COLLECTIONS, _VERSIONS, _NAME = 200, 2, 150


@require_safe
@ensure_csrf_cookie
def page(request: HttpRequest) -> HttpResponse:
    user = cast(User, request.user)
    access.require_curator(user)
    collections = access.looked_after_and_read(user).order_by("name")
    context = {
        "collections": collections,
        "chosen": request.GET.get("collection", ""),
        "groups": access.shown_groups(user).order_by("name").values_list("name", flat=True),
        "kinds": kinds_of(collections),
        "versions": [_version_json(one) for one in held_versions()],
        "most": bench.MOST_RESULTS,
    }
    return render(request, "search_bench.html", context)


@require_POST
async def search(request: HttpRequest) -> JsonResponse:
    curator = cast(User, await request.auser())
    await in_database(access.require_curator)(curator)
    trial = trial_of(read_object(request))
    with one_of_few(curator):
        tried = [bench.tried_json(one) for one in await bench.try_search(curator, trial)]
    moved = bench.moves(tried[0]["results"], tried[1]["results"]) if len(tried) == _VERSIONS else None
    return JsonResponse({"tried": tried, "moves": moved})


def trial_of(body: dict[str, Any]) -> bench.Trial:
    """Raises Invalid."""
    if unknown := sorted(body.keys() - _FIELDS):
        raise Invalid(f"There is no field named {unknown[0]!r:.50}.")
    question, k = body.get("question"), body.get("k", 10)
    if not isinstance(question, str):
        raise Invalid("The field question must be a text.")
    if type(k) is not int or not 1 <= k <= bench.MOST_RESULTS:
        raise Invalid(f"The field k must be a whole number from 1 to {bench.MOST_RESULTS}.")
    person, group = _name(body, "person"), _name(body, "group")
    if person and group:
        raise Invalid("A search is made as a person or as a group, not both.")
    filters = EVERYTHING if body.get("filters") is None else filters_of(body["filters"])
    return bench.Trial(question, k, _ids(body.get("collections")), filters, person, group, _versions(body))


def _name(body: dict[str, Any], field: str) -> str:
    name = body.get(field) or ""
    if not isinstance(name, str) or len(name) > _NAME or "\x00" in name:
        raise Invalid(f"The field {field} must be a name of at most {_NAME} characters.")
    return name.strip()


def _ids(given: Any) -> frozenset[UUID] | None:
    if not given:
        return None
    try:
        if isinstance(given, list) and len(given) <= _COLLECTIONS:
            return frozenset(UUID(one) for one in given)
    except (ValueError, TypeError, AttributeError):
        pass
    raise Invalid(f"The field collections must be a list of at most {_COLLECTIONS} ids.")


def _versions(body: dict[str, Any]) -> tuple[int | None, ...]:
    given = body.get("versions") or [None]
    fitting = isinstance(given, list) and len(given) <= _VERSIONS
    if not fitting or not all(one is None or (type(one) is int and 0 < one < 2**63) for one in given):
        raise Invalid("The field versions must be a list of one or two numbers of index versions.")
    return tuple(given)


def _version_json(version: IndexVersion) -> dict[str, Any]:
    serves = version.status == IndexVersion.Status.SERVING
    return {"id": version.pk, "model": version.embedding_model, "serves": serves}
