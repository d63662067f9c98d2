"""The JSON object that a request brings, for every door."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest

from chatapp.errors import Invalid


def read_object(request: HttpRequest) -> dict[str, Any]:
    """Raises Invalid."""
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError):
        raise Invalid("The body is not JSON.") from None
    if not isinstance(body, dict):
        raise Invalid("The body must be a JSON object.")
    return body
