"""What this service offers: ServiceProviderConfig, ResourceTypes and Schemas (RFC 7644, 4; RFC 7643, 5 to 7)."""

from __future__ import annotations

from typing import Any

from chatapp.scim import shapes
from chatapp.scim.paging import MOST

Described = dict[str, Any]
_CONFIG = "ServiceProviderConfig"


def config(base: str) -> Described:
    """`base`: the address under which the doors are, without a slash at its end."""
    bearer = {
        "type": "oauthbearertoken",
        "name": "Bearer token",
        "description": "A token that an administrator makes for one client.",
        "primary": True,
    }
    return {
        "schemas": [f"{shapes.CORE_SCHEMAS}:{_CONFIG}"],
        "patch": {"supported": True},
        "bulk": {"supported": False, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": True, "maxResults": MOST},
        "changePassword": {"supported": False},
        "sort": {"supported": False},
        "etag": {"supported": True},
        "authenticationSchemes": [bearer],
        "meta": {"resourceType": _CONFIG, "location": f"{base}/{_CONFIG}"},
    }


def resource_types(base: str) -> list[Described]:
    return [_type(base, "User", "Users", shapes.USER), _type(base, "Group", "Groups", shapes.GROUP)]


def _type(base: str, name: str, place: str, schema: str) -> Described:
    return {
        "schemas": [f"{shapes.CORE_SCHEMAS}:ResourceType"],
        "id": name,
        "name": name,
        "endpoint": f"/{place}",
        "schema": schema,
        "meta": {"resourceType": "ResourceType", "location": f"{base}/ResourceTypes/{name}"},
    }


def schemas(base: str) -> list[Described]:
    return [_schema(base, shapes.USER, "User", _USER), _schema(base, shapes.GROUP, "Group", _GROUP)]


def _schema(base: str, number: str, name: str, attributes: list[Described]) -> Described:
    return {
        "schemas": [f"{shapes.CORE_SCHEMAS}:Schema"],
        "id": number,
        "name": name,
        "description": f"{name}, as it is kept here.",
        "attributes": attributes,
        "meta": {"resourceType": "Schema", "location": f"{base}/Schemas/{number}"},
    }


def _attribute(name: str, kind: str = "string", **more: Any) -> Described:
    usual = {
        "multiValued": False,
        "description": "",
        "required": False,
        "mutability": "readWrite",
        "returned": "default",
        "uniqueness": "none",
    }
    return {"name": name, "type": kind, **({"caseExact": False} if kind == "string" else {}), **usual, **more}


_USER = [
    _attribute("userName", required=True, uniqueness="server"),
    _attribute("externalId", caseExact=True),
    _attribute("displayName"),
    _attribute(
        "name",
        "complex",
        subAttributes=[
            _attribute("formatted", mutability="readOnly"),
            _attribute("givenName"),
            _attribute("familyName"),
        ],
    ),
    _attribute(
        "emails",
        "complex",
        multiValued=True,
        description="The primary one is kept, else that of the work, else the first.",
        subAttributes=[_attribute("value", uniqueness="server"), _attribute("type"), _attribute("primary", "boolean")],
    ),
    _attribute("active", "boolean", description="False closes the account."),
    _attribute(
        "groups",
        "complex",
        multiValued=True,
        mutability="readOnly",
        subAttributes=[
            _attribute("value", mutability="readOnly"),
            _attribute("display", mutability="readOnly"),
            _attribute("type", mutability="readOnly"),
            _attribute("$ref", "reference", mutability="readOnly", referenceTypes=["Group"]),
        ],
    ),
]
_GROUP = [
    _attribute("displayName", required=True, uniqueness="server"),
    _attribute("externalId", caseExact=True),
    _attribute(
        "members",
        "complex",
        multiValued=True,
        subAttributes=[
            _attribute("value", mutability="immutable"),
            _attribute("type", mutability="immutable", canonicalValues=["User"]),
            _attribute("$ref", "reference", mutability="immutable", referenceTypes=["User"]),
        ],
    ),
]
