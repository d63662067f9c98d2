"""From a JSON schema to a grammar that the sampler follows."""

from __future__ import annotations

from inference.errors import BadRequest
from inference.llama.library import json_schema_to_gbnf


def grammar_of(schema: str) -> str:
    """GBNF. Bounds of numbers and patterns are not enforced by it. Raises BadRequest."""
    try:
        return str(json_schema_to_gbnf(schema))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, AssertionError, IndexError) as error:
        raise BadRequest("The JSON schema cannot be followed.", detail=str(error)) from error
