"""What provisioning programs send, read as what it means. Entra ID writes "True" and "False" for truth."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from chatapp.scim.errors import InvalidValue
from retrieval.stored_text import storable

NAME, NUMBER = 150, 255  # characters: the columns
_USER_NAME = UnicodeUsernameValidator()
_PRIMARY = re.compile(r"\bprimary\s+eq\s+\"?true", re.IGNORECASE)


def text(value: Any, name: str, most: int = NAME) -> str:
    """Null is an empty one. Raises InvalidValue."""
    if value is None:
        return ""
    if not isinstance(value, str) or len(value.strip()) > most:
        raise InvalidValue(f"`{name}` must be a text of at most {most} characters.")
    return storable(value.strip())


def truth(value: Any, name: str) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise InvalidValue(f"`{name}` must be true or false.")


def user_name(value: Any) -> str:
    found = text(value, "userName")
    try:
        _USER_NAME(found)
    except ValidationError:
        raise InvalidValue("`userName` must have letters, digits and @ . + - _ alone.") from None
    return found


def address(value: Any) -> str:
    found = text(value, "emails", 254)
    try:
        if found:
            validate_email(found)
    except ValidationError:
        raise InvalidValue("`emails` holds what is no e-mail address.") from None
    return found


def main_address(value: Any) -> str:
    """Of several the primary one, else that of the work, else the first."""
    many = [value] if isinstance(value, dict | str) else value
    if many is None:
        return ""
    if not isinstance(many, list) or not all(isinstance(one, dict | str) for one in many):
        raise InvalidValue("`emails` must be a list of addresses.")
    given = [{"value": one} if isinstance(one, str) else one for one in many]
    given.sort(key=_rank)
    return address(given[0].get("value")) if given else ""


def _rank(one: dict[str, Any]) -> tuple[bool, bool]:
    return str(one.get("primary")).lower() != "true", one.get("type") != "work"


def is_main_address(selector: str) -> bool:
    """Whether the part in brackets of a path means the one address that is kept."""
    return not selector or "work" in selector.lower() or bool(_PRIMARY.search(selector))


def numbers(value: Any) -> frozenset[UUID]:
    """Of members: objects with a `value`, or one of them. Raises InvalidValue."""
    many = [value] if isinstance(value, dict | str) else value
    if not isinstance(many, list):
        raise InvalidValue("`members` must be a list.")
    return frozenset(_number(one) for one in many)


def _number(one: Any) -> UUID:
    if isinstance(one, dict) and str(one.get("type", "User")).lower() == "group":
        raise InvalidValue("A group cannot be a member of a group.")
    try:
        return UUID(str(one.get("value") if isinstance(one, dict) else one))
    except ValueError:
        raise InvalidValue("A member is named by the `id` of a user.") from None
