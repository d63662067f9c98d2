"""Names and forms of SCIM 2.0 (RFC 7643, RFC 7644)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # chatapp.errors answers with this form under /scim/
    from chatapp.errors import TypedError

PREFIX = "/scim/"
MEDIA_TYPE = "application/scim+json"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
CORE_SCHEMAS = "urn:ietf:params:scim:schemas:core:2.0"


def error_object(error: TypedError) -> dict[str, Any]:
    """RFC 7644, 3.12."""
    kind = getattr(error, "scim_type", "invalidSyntax" if error.code == "invalid" else "")
    return {
        "schemas": [ERROR],
        "status": str(error.http_status),
        **({"scimType": kind} if kind else {}),
        "detail": f"{error.user_message} {error.advice}".strip(),
    }
