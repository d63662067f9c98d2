"""The database of the tests, for the processes that they start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from django.conf import settings


def database_url(name: str = "") -> str:
    """Of the test database, or of another on its server; never what DATABASE_URL in the environment names."""
    database = settings.DATABASES["default"]
    return url_of({**database, "NAME": name or database["NAME"]})


def url_of(database: Mapping[str, Any]) -> str:
    login = _quoted(database["USER"]) + (f":{_quoted(database['PASSWORD'])}" if database.get("PASSWORD") else "")
    port = f":{database['PORT']}" if database.get("PORT") else ""
    options = {key: value for key, value in database.get("OPTIONS", {}).items() if key != "pool"}
    query = f"?{urlencode(options)}" if options else ""
    return f"postgres://{login}@{_quoted(database['HOST'])}{port}/{_quoted(database['NAME'])}{query}"


def _quoted(part: object) -> str:
    return quote(str(part), safe="")
