"""PATCH (RFC 7644, 3.5.2) in the shapes that Okta and Entra ID send: with a path and without one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from chatapp.scim.errors import InvalidPath, InvalidSyntax, InvalidValue, Mutability, NoTarget
from chatapp.scim.filters import bare
from chatapp.scim.shapes import ENTERPRISE

MOST_OPERATIONS, _PATH_CHARACTERS = 1000, 1000
ADD, REMOVE, REPLACE = "add", "remove", "replace"
_PATH = re.compile(r"(?P<attribute>[A-Za-z$][\w$-]*)(?:\[(?P<selector>[^\[\]]*)\])?(?:\.(?P<part>[A-Za-z$][\w$-]*))?")
_READ_ONLY = frozenset({"id", "meta", "schemas", "groups"})
# What RFC 7643 and the enterprise extension know of people, and Footnote does not keep: taken and forgotten, because
# directories send it unless somebody takes it out of their mapping.
_FORGOTTEN = frozenset(
    (
        "addresses department division employeenumber entitlements ims locale manager nickname organization password "
        "costcenter phonenumbers photos preferredlanguage profileurl roles timezone title usertype x509certificates"
    ).split()
)
_State = TypeVar("_State")


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is to be so."""

    kind: str  # add, remove or replace
    attribute: str  # in small letters
    selector: str = ""  # what stands in brackets
    part: str = ""  # in small letters
    value: Any = None


def changes(body: Mapping[str, Any]) -> Iterator[Change]:
    """Raises InvalidSyntax, InvalidPath, InvalidValue, Mutability and NoTarget."""
    operations = next((value for name, value in body.items() if name.lower() == "operations"), None)
    if not isinstance(operations, list) or not 0 < len(operations) <= MOST_OPERATIONS:
        raise InvalidSyntax(f"`Operations` must be a list of 1 to {MOST_OPERATIONS}.")
    for one in operations:
        yield from _changes(one)


def _changes(operation: Any) -> Iterator[Change]:
    kind = str(operation.get("op", "")).lower() if isinstance(operation, dict) else ""
    if kind not in (ADD, REMOVE, REPLACE):
        raise InvalidSyntax("`op` must be add, remove or replace.")
    path, value = operation.get("path"), operation.get("value")
    if path:
        change = _read(path, kind, value)
        if change is not None and change.attribute in _READ_ONLY:
            raise Mutability(f"`{change.attribute}` cannot be changed.")
        yield from [change] if change else []
    elif kind == REMOVE:
        raise NoTarget
    elif isinstance(value, dict):
        found = (_read(name, kind, inner) for name, inner in value.items())
        yield from (one for one in found if one is not None and one.attribute not in _READ_ONLY)
    else:
        raise InvalidValue("Without a path, `value` must be an object.")


def _read(path: Any, kind: str, value: Any) -> Change | None:
    """None: of something that is not kept."""
    if not isinstance(path, str) or len(path) > _PATH_CHARACTERS:
        raise InvalidPath
    if path.lower().startswith(ENTERPRISE.lower()):
        return None
    found = _PATH.fullmatch(bare(path))
    if found is None:
        raise InvalidPath(f"The path {path!r:.100} is not understood.")
    attribute = found["attribute"].lower()
    if attribute in _FORGOTTEN:
        return None
    return Change(kind, attribute, found["selector"] or "", (found["part"] or "").lower(), value)


def applied(state: _State, body: Mapping[str, Any], known: Mapping[str, Callable[[_State, Change], _State]]) -> _State:
    """One after the other. Raises what `changes` does."""
    for change in changes(body):
        apply = known.get(change.attribute)
        if apply is None:
            raise InvalidPath(f"There is no attribute {change.attribute!r:.60} here.")
        state = apply(state, change)
    return state
