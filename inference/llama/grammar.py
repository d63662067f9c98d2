"""From a JSON schema to a grammar that the sampler follows."""

from __future__ import annotations

import json
import re
from typing import Any

from inference.errors import BadRequest
from inference.llama.library import json_schema_to_gbnf, ll

_MOST_REPEATED = 1000  # each repetition is written out
_COUNTS = ("minItems", "maxItems", "minLength", "maxLength")
_LARGE_COUNT = re.compile(r"\{[^}]*\d{4}")  # in a pattern


def grammar_of(schema: str) -> str:
    """GBNF. Bounds of numbers and patterns are not enforced by it. Raises BadRequest."""
    try:
        _check(json.loads(schema))
        return str(json_schema_to_gbnf(schema))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, AssertionError, IndexError) as error:
        raise BadRequest("The JSON schema cannot be followed.", detail=str(error)) from error


def check_grammar(vocabulary: Any, grammar: str) -> None:
    """Raises BadRequest for one that cannot be read."""
    sampler = ll.llama_sampler_init_grammar(vocabulary, grammar.encode("utf-8", "replace"), b"root")
    if not sampler:
        raise BadRequest("The grammar cannot be read.")
    ll.llama_sampler_free(sampler)


def _check(schema: Any) -> None:
    """A count of a billion would be a grammar of gigabytes. Raises BadRequest."""
    waiting = [schema]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            counts = [one[name] for name in _COUNTS if isinstance(one.get(name), int | float)]
            pattern = one.get("pattern")
            if max(counts, default=0) > _MOST_REPEATED or (isinstance(pattern, str) and _LARGE_COUNT.search(pattern)):
                raise BadRequest(f"The JSON schema may repeat nothing more than {_MOST_REPEATED} times.")
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
