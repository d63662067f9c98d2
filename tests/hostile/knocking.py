"""How a request is put together, sent and looked at: for each door of the URL table, as each of the cast."""

from __future__ import annotations

import ast
import html
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus, urlsplit

from django.conf import settings
from django.db import transaction
from django.http.response import HttpResponseBase
from django.test import Client
from hypothesis import strategies as st

from tests.access.doors import METHODS, Door
from tests.access.house import AUDITS, WHAT_IS_SECRET, House
from tests.hostile import strategies as hostile

PEOPLE = ("stranger", "member", "owner", "administrator")
_ODD_PARTS = (
    ("sent",),
    ("sent",),
    ("sent", "query"),
    ("query",),
    ("query", "headers"),
    ("headers",),
    ("path",),
    ("path", "sent"),
)
_LIKELY_METHODS = ("GET", "GET", "GET", "POST", *METHODS)
_SERVICES_AWAY = re.compile(r"^/(v1/|api/(search|engines|ingestion|scope)/|readyz|admin/|c/|$)")
_TRAIL = "/admin/governance/auditentry/"
CODE = ("Traceback (most recent call last)", 'File "/', "chatapp/", "site-packages", "psycopg.errors", "DoesNotExist")


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: str
    headers: dict[str, str]
    content_type: str
    body: bytes
    who: str

    def __repr__(self) -> str:
        sent = f"{self.content_type!r} {self.body[:300]!r}"
        return f"{self.method} {self.path[:200]}?{self.query[:200]} as {self.who} {self.headers} {sent}"


@dataclass
class Tally:
    """What came back, so that a run in which nobody got in anywhere does not count as a pass."""

    statuses: dict[int, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def add(self, status: int) -> None:
        self.statuses[status] = self.statuses.get(status, 0) + 1

    @property
    def total(self) -> int:
        return sum(self.statuses.values())


@cache
def field_names() -> tuple[str, ...]:
    """What the views read by name, from their source: a new field is tried without being told of here."""
    root = Path(settings.BASE_DIR)
    found: set[str] = set()
    for path in (*(root / "chatapp").rglob("*.py"), *(root / "inference" / "serving").rglob("*.py")):
        if "migrations" not in path.parts:
            for node in ast.walk(ast.parse(path.read_text())):
                found |= set(_read_by(node))
    return tuple(sorted(found))


def _read_by(node: ast.AST) -> list[str]:
    """The name in `x.get("name")`, `x.getlist("name")`, `x["name"]` and of annotated fields."""
    part: ast.AST | None = None
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("get", "getlist", "pop")
    ):
        part = node.args[0] if node.args else None
    elif isinstance(node, ast.Subscript):
        part = node.slice
    name = part.value if isinstance(part, ast.Constant) else None
    return [name] if isinstance(name, str) and re.fullmatch(r"[a-z][a-z_]{1,30}", name) else []


def requests_at(door: Door, house: House, form: dict[str, str]) -> st.SearchStrategy[Request]:
    """`form` is what the page of this door would send: its fields are tried first."""
    names = st.sampled_from((*form, *(form or field_names())) if form else field_names())
    likely = st.sampled_from(_ids(house))
    bodies = st.one_of(
        st.tuples(st.just("application/json"), hostile.objects(names, likely).map(hostile.as_json)),
        st.tuples(st.just("application/json"), hostile.raw_bodies),
        st.tuples(st.just("application/x-www-form-urlencoded"), _filled(form, names, likely)),
        st.tuples(st.just("multipart/form-data; boundary=x"), hostile.multiparts()),
        st.tuples(st.sampled_from(hostile.CONTENT_TYPES), hostile.raw_bodies),
    )
    plain = st.tuples(st.just("application/x-www-form-urlencoded"), st.just(hostile.as_form(form)))
    odd = {
        "path": _paths(door),
        "query": hostile.queries(names, likely),
        "headers": hostile.headers,
        "sent": bodies,
    }
    sound = {"path": st.just(door.path), "query": st.just(""), "headers": st.just({}), "sent": plain}
    # One part or two: of a request that is odd all over nothing but the first is ever looked at.
    return st.sampled_from(_ODD_PARTS).flatmap(
        lambda parts: st.builds(
            _request,
            method=st.sampled_from(
                _LIKELY_METHODS if "sent" not in parts else ("POST", "POST", "PATCH", "PUT", "DELETE")
            ),
            who=st.sampled_from((*PEOPLE, "administrator", "administrator")),
            **{name: (odd if name in parts else sound)[name] for name in odd},
        )
    )


def _request(method: str, who: str, path: str, query: str, headers: dict[str, str], sent: tuple[str, bytes]) -> Request:
    return Request(method, path, query, headers, *sent, who)


def _filled(
    form: dict[str, str], names: st.SearchStrategy[str], likely: st.SearchStrategy[Any]
) -> st.SearchStrategy[bytes]:
    """What the page would send but for a few fields."""
    return hostile.fields(names, likely).map(lambda other: hostile.as_form({**form, **other}))


def _ids(house: House) -> tuple[Any, ...]:
    found = [str(part.pk) for part in house.parts.values()]
    return (*found, *house.people, "Quillwort", "extractive", "text/plain", "2026-01-01", 1, 20, True)


def _paths(door: Door) -> st.SearchStrategy[str]:
    """Of the parts that the route leaves open, each now and then something else."""
    route, path = door.route.strip("/").split("/"), door.path.strip("/").split("/")
    parts = [
        hostile.segments(there) if "<" in named else st.just(there) for named, there in zip(route, path, strict=False)
    ]
    end = "/" if door.path.endswith("/") and len(door.path) > 1 else ""
    return st.tuples(*parts).map(lambda chosen: "/" + "/".join(chosen) + end)


def send(client: Client, request: Request) -> HttpResponseBase:
    """What it changes is taken back."""
    session = client.cookies.get("sessionid")
    kept = session.value if session else ""
    with transaction.atomic():
        answer = client.generic(
            request.method,
            request.path,
            request.body,
            content_type=request.content_type,
            headers=request.headers,
            QUERY_STRING=request.query,
        )
        transaction.set_rollback(True)
    if kept:
        client.cookies["sessionid"] = kept
    return answer


def form_of(client: Client, door: Door) -> dict[str, str]:
    """The fields of the forms on the page, as a browser would send them untouched."""
    answer = client.get(door.path)
    if answer.streaming or "text/html" not in answer.headers.get("Content-Type", ""):
        return {}
    text = answer.content.decode()
    fields: dict[str, str] = {}
    for tag in re.findall(r"<(?:input|textarea|select)\b[^>]*>", text):
        given = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        if "name" in given and (given.get("type") not in ("checkbox", "radio") or "checked" in tag):
            fields.setdefault(html.unescape(given["name"]), html.unescape(given.get("value", "")))
    fields.pop("csrfmiddlewaretoken", None)
    return fields


def faults_of(answer: HttpResponseBase, request: Request) -> list[str]:
    """What must not be in an answer, whoever asked for whatever."""
    text = _text_of(answer)
    found = []
    if answer.status_code >= 500:
        allowed = answer.status_code == 503 and _SERVICES_AWAY.match(urlsplit(request.path).path)
        told = getattr(answer, "exc_info", None)
        found += (
            []
            if allowed
            else [f"status {answer.status_code} {told[1]!r:.300}" if told else f"status {answer.status_code}"]
        )
    for word in CODE:
        if word in text and word not in hostile.as_form({"": request.query}).decode():
            found.append(f"{word!r} in the body")
    found += [f"the setting {name} in the body" for name, value in _secrets().items() if value in text]
    for word, may_see in WHAT_IS_SECRET.items():
        told_back = word in unquote_plus(request.query) and answer.status_code == 302  # on the way to sign in
        if word in text and request.who not in may_see and not _tells_the_trail(request) and not told_back:
            found.append(f"the word {word} in the body")
    return found


def _tells_the_trail(request: Request) -> bool:
    return request.who in AUDITS and request.path.startswith(_TRAIL)


@cache
def _secrets() -> dict[str, str]:
    named = {name: str(getattr(settings, name)) for name in ("SECRET_KEY", "INTERNAL_TOKEN")}
    return named | {"KEY_ENCRYPTION_KEYS": settings.KEY_ENCRYPTION_KEYS[0], "RUN_DIR": str(settings.RUN_DIR)}


def _text_of(answer: HttpResponseBase) -> str:
    headers = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
    if answer.streaming:
        answer.close()
        return headers
    return headers + getattr(answer, "content", b"").decode(errors="replace")
