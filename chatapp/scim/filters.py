"""Filters of lists: attributes with `eq`, joined with `and` (a part of RFC 7644, 3.4.2.2)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from django.db.models import Q

from chatapp.scim.errors import InvalidFilter
from chatapp.scim.shapes import GROUP, USER

MOST_CHARACTERS, MOST_CLAUSES = 2000, 10
_CLAUSE = re.compile(
    r'\s*(?P<attribute>[A-Za-z][\w.:-]*)\s+(?P<operator>[A-Za-z]{2})\s+(?P<value>"(?:[^"\\]|\\.)*"|[A-Za-z]+)\s*'
)
_AND = re.compile(r"and\b", re.IGNORECASE)
Columns = Mapping[str, str]  # attribute, in small letters -> lookup
Stored = Mapping[str, Callable[[str], str]]
PERSON: Columns = {
    "username": "user__username__iexact",
    "externalid": "external_id",
    "displayname": "display_name__iexact",
    "id": "user_id",
    "active": "user__is_active",
}
GROUPS: Columns = {"displayname": "group__name__iexact", "externalid": "external_id", "id": "pk"}


def parsed(text: str, columns: Columns, stored: Stored) -> Q:
    """`stored`: for names, how they are kept. Raises InvalidFilter."""
    if len(text) > MOST_CHARACTERS:
        raise InvalidFilter("The filter is too long.")
    found, at = Q(), 0
    for _ in range(MOST_CLAUSES):
        clause = _CLAUSE.match(text, at)
        if clause is None:
            raise InvalidFilter
        found &= _condition(clause, columns, stored)
        at = clause.end()
        if at == len(text):
            return found
        joined = _AND.match(text, at)
        if joined is None:
            raise InvalidFilter
        at = joined.end()
    raise InvalidFilter(f"A filter may have {MOST_CLAUSES} parts.")


def _condition(clause: re.Match[str], columns: Columns, stored: Stored) -> Q:
    name = bare(clause["attribute"]).lower()
    if name not in columns:
        raise InvalidFilter(f"There is no filter by {clause['attribute']!r:.60}.")
    if clause["operator"].lower() != "eq":
        raise InvalidFilter(f"The operator {clause['operator']!r} is not offered.")
    value = _value(clause["value"], columns[name])
    return Q(**{columns[name]: stored[name](value) if name in stored else value})


def _value(text: str, column: str) -> Any:
    if column == "user__is_active":
        if text.strip('"').lower() not in ("true", "false"):
            raise InvalidFilter("`active` is true or false.")
        return text.strip('"').lower() == "true"
    try:
        value = json.loads(text) if text.startswith('"') else None
    except ValueError:
        value = None
    if not isinstance(value, str) or "\0" in value:
        raise InvalidFilter("The value of a filter stands in quotation marks.")
    return _number(value) if column in ("user_id", "pk") else value.encode("utf-8", "replace").decode()


def _number(value: str) -> UUID:
    """Of nobody, where it is no number: what is looked for is not there."""
    try:
        return UUID(value)
    except ValueError:
        return UUID(int=0)


def bare(name: str) -> str:
    """Without the schema that may stand before it."""
    for schema in (USER, GROUP):
        if name.lower().startswith(f"{schema}:".lower()):
            return name[len(schema) + 1 :]
    return name
