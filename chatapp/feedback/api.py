"""Ratings over HTTP."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_http_methods

from chatapp import access
from chatapp.accounts.models import User
from chatapp.errors import Invalid
from chatapp.feedback import limits, services
from chatapp.json_body import read_object

_FIELDS: dict[str, type] = {"rating": str, "reasons": list, "text": str, "correction": str, "curators": bool}


@require_http_methods(["PUT", "DELETE"])
def rating(request: HttpRequest, pk: UUID) -> HttpResponse:
    user = cast(User, request.user)
    limits.check(request)
    message = access.get_message(user, pk)
    if request.method == "DELETE":
        services.unrate(message=message, by=user)
        return HttpResponse(status=204)
    services.rate(message=message, by=user, **_fields(request))
    return JsonResponse(services.ratings_of(user, [message]).get(message.pk), safe=False)


def _fields(request: HttpRequest) -> dict[str, Any]:
    body = {"rating": "", **read_object(request)}
    for name, value in body.items():
        kind = _FIELDS.get(name)
        if kind is None:
            raise Invalid(f"There is no field named {name!r:.50}.")
        if not isinstance(value, kind) or (isinstance(value, list) and not all(isinstance(one, str) for one in value)):
            raise Invalid(f"The field {name} has the wrong type.")
    return body
