"""People, groups and lists as SCIM shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.contrib.auth.models import Group
from django.http import HttpRequest, JsonResponse
from django.urls import reverse

from chatapp.scim import shapes
from chatapp.scim.models import Person, ProvisionedGroup, ProvisioningClient
from chatapp.scim.names import shown_group
from chatapp.scim.people import profile
from chatapp.scim.profiles import Members
from chatapp.scim.writing import version_of
from chatapp.signon.oidc import absolute

Shown = dict[str, Any]
_ALWAYS = frozenset({"schemas", "id", "meta"})


def person(request: HttpRequest, row: Person, groups: Sequence[Group]) -> Shown:
    known = profile(row)
    whole = " ".join(filter(None, (known.given_name, known.family_name)))
    shown = {
        "schemas": [shapes.USER],
        "id": str(row.pk),
        "externalId": known.external_id,
        "userName": known.user_name,
        "name": {"formatted": whole, "givenName": known.given_name, "familyName": known.family_name},
        "displayName": known.display_name or whole or known.user_name,
        "emails": [{"value": known.email, "type": "work", "primary": True}] if known.email else [],
        "active": known.active,
        "groups": [_group_of(request, row.client, one) for one in groups],
        "meta": _meta(request, "User", row, version_of(known)),
    }
    return {name: value for name, value in shown.items() if value not in ("", [])}


def _group_of(request: HttpRequest, client: ProvisioningClient, group: Group) -> Shown:
    number, name = str(group.provisioned.pk), shown_group(client, group.name)
    return {"value": number, "display": name, "type": "direct", "$ref": _place(request, "Group", number)}


def group(request: HttpRequest, row: ProvisionedGroup, known: Members) -> Shown:
    inside = sorted(map(str, known.people))
    shown = {
        "schemas": [shapes.GROUP],
        "id": str(row.pk),
        "externalId": known.external_id,
        "displayName": known.display_name,
        "members": [{"value": one, "type": "User", "$ref": _place(request, "User", one)} for one in inside],
        "meta": _meta(request, "Group", row, version_of(known)),
    }
    return {name: value for name, value in shown.items() if value != ""}


def _meta(request: HttpRequest, kind: str, row: Person | ProvisionedGroup, version: str) -> Shown:
    return {
        "resourceType": kind,
        "created": _moment(row.created_at),
        "lastModified": _moment(row.changed_at),
        "location": _place(request, kind, str(row.pk)),
        "version": version,
    }


def _place(request: HttpRequest, kind: str, number: str) -> str:
    return absolute(request, reverse(f"scim_{kind.lower()}", args=[number]))


def _moment(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def narrowed(request: HttpRequest, shown: Mapping[str, Any]) -> Shown:
    """To the attributes that were asked for (RFC 7644, 3.9); parts of one are not told apart."""
    wanted, unwanted = (_names(request, name) for name in ("attributes", "excludedAttributes"))
    return {
        name: value
        for name, value in shown.items()
        if name in _ALWAYS or ((not wanted or name.lower() in wanted) and name.lower() not in unwanted)
    }


def _names(request: HttpRequest, parameter: str) -> set[str]:
    said = request.GET.get(parameter, "").lower().split(",")
    return {one.strip().rpartition(":")[2].partition(".")[0] for one in said} - {""}


def listed(resources: Sequence[Shown], total: int, start: int) -> JsonResponse:
    """RFC 7644, 3.4.2."""
    return answer(
        {
            "schemas": [shapes.LIST],
            "totalResults": total,
            "startIndex": start,
            "itemsPerPage": len(resources),
            "Resources": list(resources),
        }
    )


def answer(shown: Mapping[str, Any], status: int = 200) -> JsonResponse:
    meta = shown.get("meta", {})
    headers = {"ETag": meta["version"]} if "version" in meta else {}
    if status == 201:
        headers["Location"] = meta["location"]
    return JsonResponse(dict(shown), status=status, headers=headers, content_type=shapes.MEDIA_TYPE)
