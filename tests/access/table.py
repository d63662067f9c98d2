"""The expected outcome of each door for each of the cast: matrix.txt, a line for a door and methods that fare alike.

o  opened: the request was looked at (also where it lacked something)
r  sent elsewhere (302); of the administration also where it finds no such row
-  not there (404)
s  sign in first (401, or a redirect to the page for it)
m  no such method here (405)
f  forbidden (403)
"""

from __future__ import annotations

from pathlib import Path

from django.http.response import HttpResponseBase

from tests.access.doors import METHODS
from tests.access.house import CAST

TABLE = Path(__file__).with_name("matrix.txt")
Outcomes = dict[tuple[str, str], str]  # (route, method) -> a letter for each of the cast


def letter(answer: HttpResponseBase) -> str:
    status, location = answer.status_code, answer.headers.get("Location", "")
    if status == 401 or (status == 302 and location.startswith("/accounts/login/")):
        return "s"
    if status >= 500 and status != 503:  # 503: a service that is not there in these tests
        return "!"
    return {404: "-", 405: "m", 403: "f", 301: "r", 302: "r"}.get(status, "o")


def read_table() -> Outcomes:
    outcomes: Outcomes = {}
    for line in TABLE.read_text().splitlines():
        if line and not line.startswith("#"):
            letters, methods, route = line.split(maxsplit=2)
            outcomes |= {(route, method): letters for method in methods.split(",")}
    return outcomes


def lines_of(outcomes: Outcomes) -> list[str]:
    """As they stand in the file."""
    lines = []
    for route in dict.fromkeys(route for route, _ in outcomes):
        alike: dict[str, list[str]] = {}
        for method in METHODS:
            if letters := outcomes.get((route, method)):
                alike.setdefault(letters, []).append(method)
        lines += [f"{letters}  {','.join(methods):<40} {route}" for letters, methods in alike.items()]
    return lines


def heading() -> str:
    return f"# letters: table.py; columns: {', '.join(CAST)}\n"
