"""Every door that the URL resolver knows, with a real object in each place of its path."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from django.contrib.contenttypes.models import ContentType
from django.urls import URLPattern, URLResolver, get_resolver

from chatapp.widget.models import Widget
from tests.access.house import House, row_of

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
_OF_ADMINISTRATION = ("GET", "POST")  # Django's pages ask the same of each method, and take a while
_OF_ADMIN = {  # parameters of pages of our own in the administration
    "what": "run",
    "kind": "csv",
}


@dataclass(frozen=True)
class Door:
    route: str  # as the resolver has it
    path: str  # with the objects of the house

    @property
    def methods(self) -> tuple[str, ...]:
        return _OF_ADMINISTRATION if self.route.startswith("/admin/") else METHODS


def every_door(house: House) -> list[Door]:
    doors = [Door("/" + route, "/" + _filled(house, route, names)) for route, names in routes(get_resolver())]
    assert len({door.route for door in doors}) == len(doors)
    return doors


def routes(resolver: URLResolver, before: str = "") -> Iterator[tuple[str, list[str]]]:
    for one in resolver.url_patterns:
        route = before + str(one.pattern)
        if isinstance(one, URLResolver):
            yield from routes(one, route)
        elif isinstance(one, URLPattern):
            yield route, list(one.pattern.converters)


def _filled(house: House, route: str, names: list[str]) -> str:
    if route.endswith(r"(?P<url>.*)$"):
        return route.removesuffix(r"(?P<url>.*)$") + "no/such/page/"
    if "(?P<app_label>" in route:
        return "admin/retrieval/"
    path = route
    for name in names:
        place = next(part for part in path.split("<")[1:] if part.split(">")[0].split(":")[-1] == name).split(">")[0]
        path = path.replace(f"<{place}>", str(_object(house, route, name)))
    assert "<" not in path, f"{route}: say in doors.py what stands for its parameters"
    return path


def _object(house: House, route: str, name: str) -> str | int | UUID:
    parts = house.parts
    if route.startswith("admin/r/"):
        of_passage = ContentType.objects.get_for_model(type(parts["document"]))
        return of_passage.pk if name == "content_type_id" else parts["document"].pk
    if route.startswith("admin/"):
        _, app_label, model_name, *_ = route.split("/")
        if name in _OF_ADMIN:
            return _OF_ADMIN[name]
        return row_of(house, app_label, model_name).pk
    if name == "document" and "/attachments/" in route:
        return parts["attachment"].pk
    by_route = {
        "feedback/": parts["feedback"].pk,
        "documents/": parts["document"].pk,
        "collections/": parts["collection"].pk,
        "api/documents/": parts["document"].pk,
        "api/collections/": parts["collection"].pk,
        "api/passages/": parts["document"].passages.get().pk,
        "api/sources/": row_of(house, "sources", "source").pk,
        "api/conversations/": parts["conversation"].pk,
        "api/folders/": parts["folder"].pk,
        "api/shares/": parts["share"].pk,
        "shared/": parts["share"].pk,
        "api/messages/": parts["answer"].pk,
        "c/": parts["conversation"].pk,
        "accounts/link/": "not-a-token",
        "language/": "de",
        "manifest/": "de",
        "accounts/keys/of/": row_of(house, "accounts", "serviceaccount").pk,
        "accounts/keys/": row_of(house, "accounts", "apikey").pk,
        "accounts/second-factor/passkeys/": row_of(house, "mfa", "authenticator").pk,
        "accounts/signon/": "no-such-provider",
        "widget/frame/": f"{Widget.objects.get().key}",
        "scim/v2/Users/": parts["document"].pk,
        "scim/v2/Groups/": parts["document"].pk,
        "scim/v2/": "nothing",
        "v1/models/": "extractive",
        "v1/": "nothing",
    }
    for beginning, value in by_route.items():
        if route.startswith(beginning):
            found: str | int | UUID = value
            return found
    raise AssertionError(f"{route}: say in doors.py what stands for its {name}")
