"""Whatever is sent to a JSON door, it answers; an error of the server's own it never answers."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatapp.accounts.models import User
from chatapp.conversations.models import Conversation, Message
from retrieval.models import Collection, Document
from tests.documents.conftest import MakeDocument

HOSTILE_TEXT = (
    "", " ", "\0", "a\0b", "\ud800", "a\udfffb", "\ud83d", "\u202e", "\uffff", "\x1b[31m", "x" * 300, "é" * 130,
    "'; DROP TABLE x; --", "%s%n%00", "{0.__class__}", "../../etc/passwd", "<script>",
)  # fmt: skip
HOSTILE_VALUES: tuple[Any, ...] = (
    *HOSTILE_TEXT, None, True, 0, -1, 1e308, 2**63, 10**400, [], {}, [None], [[]], {"name": "x"},
    *([text] for text in HOSTILE_TEXT), ["owners", "\ud800"], ["owners"] * 2000,
)  # fmt: skip
FIELDS = ("name", "description", "everyone", "readers", "title", "rating", "reasons", "text", "\ud800")
HOSTILE_BODIES = (
    b"", b"\0", b"\xff\xfe", b"\xed\xa0\x80", b"nul", b"null", b"NaN", b"9" * 5000, b'{"title": ' + b"9" * 5000 + b"}",
    b"[" * 900 + b"]" * 900, b"[" * 100_000, b'{"name":' * 990, b'{"name":' + b"[" * 980 + b"]" * 980 + b"}",
    b'{"readers":' + b"[" * 50_000 + b"]" * 50_000 + b"}", b'{"title":' + b'{"a":' * 50_000, b"\xef\xbb\xbf{}",
    '{"name": "\ud800"}'.encode("utf-16-le", "surrogatepass"), b'{"name": "x", "name": "\\ud800"}',
)  # fmt: skip


@pytest.fixture
def admin(people: dict[str, User | None], configured: Any) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(people["administrator"])  # type: ignore[arg-type]
    return client


@pytest.fixture
def addresses(people: dict[str, User | None], make_document: MakeDocument) -> list[str]:
    """Every door below /api/, with ids of what is there."""
    document = make_document("leave.md", "text")
    owner = people["administrator"]
    assert owner is not None
    conversation = Conversation.objects.create(owner=owner, title="Leave")
    ids = {
        "api/collections/": document.collection_id,
        "api/documents/": document.pk,
        "api/passages/": document.passages.get().pk,
        "api/conversations/": conversation.pk,
        "api/messages/": Message.objects.create(conversation=conversation, role="assistant", text="28 days.").pk,
    }
    found = []
    for route in _routes(get_resolver().url_patterns, ""):
        if route.startswith("api/") and route != "api/engines/":  # that one takes nothing
            pk = next((str(pk) for start, pk in ids.items() if route.startswith(start)), "")
            filled = route.replace("<uuid:pk>", pk).replace("<int:pk>", pk)
            found.append("/" + filled.replace("<uuid:document>", str(document.pk)))
    assert len(found) >= 8 and not any("<" in address for address in found)
    return found


def _routes(patterns: list[URLPattern | URLResolver], prefix: str) -> list[str]:
    found = []
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        found += _routes(pattern.url_patterns, route) if isinstance(pattern, URLResolver) else [route]
    return found


def send(client: Client, method: str, address: str, body: bytes) -> int:
    status: int = client.generic(method, address, body, content_type="application/json").status_code
    assert status < 500, (method, address, body[:80], status)
    return status


def takes_fields(address: str) -> bool:
    return any(kind in address for kind in ("conversations", "collections", "messages"))


def test_no_value_of_any_field_breaks_a_door(admin: Client, addresses: list[str]) -> None:
    named = [address for address in addresses if takes_fields(address)]
    for address, field, value in itertools.product(named, FIELDS, HOSTILE_VALUES):
        send(admin, "PATCH", address, json.dumps({field: value}).encode())
        if "messages" in address:
            send(admin, "PUT", address, json.dumps({"rating": "bad", field: value}).encode())
        if address == "/api/collections/":
            send(admin, "POST", address, json.dumps({"name": "New", field: value}).encode())
    kept = "".join(f"{one.name}{one.description}" for one in Collection.objects.all())
    assert "\0" not in kept and len(Collection.objects.filter(name="New")) == 1


def test_no_body_breaks_a_door(admin: Client, addresses: list[str]) -> None:
    for address, body in itertools.product(reversed(addresses), HOSTILE_BODIES):
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            send(admin, method, address, body)


def test_no_query_breaks_the_list_of_conversations(admin: Client) -> None:
    refused = (
        "before=0001-01-01T00:00:00%2B23:59", "before=9999-12-31T23:59:59-23:59", "before=2026-01-01T00:00:00%2B99:99",
        "before=%00", "before=%ED%A0%80", "before=" + "9" * 5000, "limit=" + "9" * 5000, "limit=" + "0" * 5000 + "1",
        "limit=%00", "limit=-1", "limit=%D9%A3", "limit=7&limit=x", "limit=7%0A",
    )  # fmt: skip
    for query in refused:
        answer = admin.get(f"/api/conversations/?{query}")
        assert (answer.status_code, query[:5] in answer.content.decode()) == (400, True), query
    for query in ("before=0001-01-01T00:00:00%2B00:00", "before=9999-12-31T23:59:59%2B00:00", "nothing=%ED%A0%80"):
        assert admin.get(f"/api/conversations/?{query}").status_code == 200, query


@pytest.mark.parametrize(
    "address",
    [
        "/api/ingestion/failures/?code=", "/documents/?q=", "/admin/versions/indexversion/?status=",
        "/admin/evaluation/evaluationrun/?state=", "/admin/retrieval/document/?q=", "/admin/sources/source/?state=",
        "/admin/accounts/user/?q=", "/admin/governance/auditentry/?action=",
        "/admin/evaluation/questionsetversion/add/?name=",
    ],
)  # fmt: skip
def test_an_address_with_a_zero_byte_is_refused_in_the_form_that_was_asked_for(admin: Client, address: str) -> None:
    answer = admin.get(address + "%00")
    json_asked = address.startswith("/api/")
    assert (answer.status_code, answer["Content-Type"]) == (
        400,
        "application/json" if json_asked else "text/html; charset=utf-8",
    )
    assert b"zero byte" in answer.content
    assert admin.get(address + "%ED%A0%80%FF").status_code < 500  # no half of a character either


def test_failures_with_a_code_that_cannot_be_are_not_tried_again(admin: Client) -> None:
    for code in ("\0", "\ud800", "a\0b"):
        assert send(admin, "POST", "/api/ingestion/retry/", json.dumps({"code": code}).encode()) == 400


def test_a_group_that_cannot_be_is_refused_like_any_that_is_not_there(admin: Client, private: Collection) -> None:
    address = f"/api/collections/{private.pk}/"
    none_there: list[list[str]] = [["\0"], ["\ud800"], ["own\0ers"], ["owners", "\ud800"], ["x" * 100_000]]
    for readers in [*none_there, [str(number) for number in range(5000)]]:
        answer = admin.patch(address, {"readers": readers}, content_type="application/json")
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid")
        assert len(answer.json()["error"]["message"]) < 500
        made = admin.post("/api/collections/", {"name": "New", "readers": readers}, content_type="application/json")
        assert made.status_code == 400 and not Collection.objects.filter(name="New").exists()
    assert private.readers.count() == 2


def test_the_title_keeps_what_can_be_kept(admin: Client, people: dict[str, User | None]) -> None:
    row = Conversation.objects.create(owner=people["administrator"], title="Leave")
    address = f"/api/conversations/{row.pk}/"
    answer = admin.patch(address, b'{"title": "Days \\ud800 off\\u0000"}', content_type="application/json")
    assert (answer.status_code, answer.json()["title"]) == (200, "Days ? off")


def test_a_file_of_any_name_and_path_is_taken_or_refused(admin: Client, private: Collection) -> None:
    for text in HOSTILE_TEXT:
        sent = text.encode("utf-8", "surrogatepass").decode("latin-1")
        upload = SimpleUploadedFile(sent or "x", b"hello")
        answer = admin.post(f"/api/collections/{private.pk}/documents/", {"file": upload, "path": sent})
        assert answer.status_code in (200, 201, 400), text
    assert all("\0" not in one.name + one.path for one in Document.objects.all())


@pytest.mark.parametrize("cookie", ['"\\000aaaaaaaaaa"', '"\\355\\240\\200aaaaaaa"', "é" * 10, "x" * 5000, "=;=;"])
def test_no_session_cookie_breaks_a_door(db: None, cookie: str) -> None:
    stranger = Client(raise_request_exception=False)
    answer = stranger.get(
        "/api/conversations/", headers={"Cookie": f"sessionid={cookie}", "Accept": "application/json"}
    )
    assert answer.status_code == 401


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4),
    max_leaves=6,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.dictionaries(st.sampled_from(FIELDS), _JSON, max_size=4))
def test_no_json_at_all_breaks_a_door(admin: Client, addresses: list[str], body: dict[str, Any]) -> None:
    for address in addresses:
        if takes_fields(address):
            send(admin, "PUT" if "messages" in address else "PATCH", address, json.dumps(body).encode())
