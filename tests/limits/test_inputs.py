"""Whatever is sent, wherever: too large, too deep or of a wrong kind is refused with a sentence, never with a 5xx."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from uvicorn import Config, Server

from chatapp.accounts.keys import create_key
from chatapp.conversations import frames
from chatapp.errors import Invalid
from chatapp.json_body import DIGITS, MOST_DEPTH, MOST_VALUES, parse
from chatapp.operations import http_protocol, programs
from retrieval.models import Collection
from tests.conftest import Cast
from tests.waiting import wait_until

# -- JSON --------------------------------------------------------------------------------------------------------------
WRONG_JSON = {
    "not JSON": "{",
    "deep lists": "[" * 40 + "]" * 40,
    "very deep lists": "[" * 200_000,
    "deep objects": '{"question":' * 40 + "1" + "}" * 40,
    "many values": '{"question": [' + ",".join("1" * 100_001) + "]}",
    "no number": '{"question": NaN}',
    "infinity": '{"question": -Infinity}',
    "a number that is too large": '{"question": 1e999}',
    "a number that is too long": '{"question": ' + "9" * 101 + "}",
    "not UTF-8": b'{"question": "\xff"}',
    "a list": "[]",
    "a text": '"x"',
    "nothing": "",
}
JSON_DOORS = [
    ("POST", "/api/search/"),
    ("POST", "/api/collections/"),
    ("PATCH", "/api/collections/{collection}/"),
    ("POST", "/api/sources/"),
    ("POST", "/api/ingestion/retry/"),
    ("POST", "/api/ingestion/cancel/"),
    ("POST", "/v1/chat/completions"),
    ("POST", "/v1/embeddings"),
]
WRONG_VALUES: list[Any] = [
    None,
    True,
    -1,
    2**200,
    1.5,
    "",
    "\0",
    "\ud800",
    "x" * 100_000,
    [],
    [[]],
    {},
    {"a": {"b": []}},
]


@pytest.fixture
def collection(transactional_db: None) -> Collection:
    return Collection.objects.create(name="Reports")


@pytest.fixture
def program(cast: Cast) -> Client:
    bearer = {"Authorization": f"Bearer {create_key(user=cast.administrator, name='k')}"}
    return Client(headers=bearer, raise_request_exception=False)


@pytest.mark.parametrize(("method", "path"), JSON_DOORS)
def test_json_that_is_none_or_too_much_is_refused_at_each_door(
    method: str, path: str, program: Client, collection: Collection
) -> None:
    for said, body in WRONG_JSON.items():
        answer = program.generic(method, path.format(collection=collection.pk), body, content_type="application/json")
        assert answer.status_code == 400, (said, answer.content)
        error = answer.json()["error"]
        assert error["code"] in ("invalid", "invalid_request_error") and len(answer.content) < 1000, said


FIELDS = {
    "/api/search/": ("question", "k", "collections", "filters"),
    "/api/collections/": ("name", "description", "everyone", "readers", "chunk_tokens", "nonsense"),
    "/api/sources/": ("name", "collection", "kind", "settings", "key_name", "every_minutes"),
    "/v1/chat/completions": ("messages", "model", "stop", "seed", "footnote", "stream", "max_tokens"),
    "/v1/embeddings": ("input", "model", "encoding_format", "dimensions", "user"),
}


@pytest.mark.parametrize("path", FIELDS)
def test_a_wrong_value_of_a_field_is_the_senders_fault(path: str, program: Client) -> None:
    good = {"question": "x", "name": uuid4().hex, "messages": [{"role": "user", "content": "x"}], "input": "x"}
    for field in FIELDS[path]:
        for value in WRONG_VALUES:
            known = {name: one for name, one in good.items() if name in FIELDS[path]}
            body = json.dumps(
                known | {field: value, **({"name": uuid4().hex} if field != "name" else {})}
                if "name" in known
                else known | {field: value}
            )
            answer = program.generic("POST", path, body, content_type="application/json")
            # 503: it was understood, and no index or model runs here
            assert answer.status_code < 500 or answer.status_code == 503, (field, repr(value)[:40], answer.content)


def test_what_is_deep_large_and_long_has_exact_bounds() -> None:
    parse("[" * (MOST_DEPTH - 1) + "]" * (MOST_DEPTH - 1))
    parse(json.dumps([0] * (MOST_VALUES - 1)))
    assert parse("-" + "9" * (DIGITS - 1)) < 0
    for wrong in ("[" * (MOST_DEPTH + 1) + "]" * (MOST_DEPTH + 1), json.dumps([0] * MOST_VALUES), "9" * (DIGITS + 1)):
        with pytest.raises(ValueError):
            parse(wrong)


@pytest.mark.parametrize("said", WRONG_JSON)
def test_frames_are_held_to_the_same(said: str) -> None:
    body = WRONG_JSON[said]
    with pytest.raises(Invalid):
        frames.parse(body if isinstance(body, str) else body.decode("latin-1"))


def test_wrong_fields_of_frames_are_refused() -> None:
    good = {"id": "1", "text": "x", "message": str(uuid4()), "turn": str(uuid4()), "after": 0}
    for kind, fields in {
        "ask": ("id", "text", "conversation", "parent", "collections", "filters"),
        "edit": ("id", "message", "text"),
        "regenerate": ("message", "collections"),
        "stop": ("turn",),
        "resume": ("turn", "after"),
    }.items():
        for field in fields:
            for value in (-1, 2**200, 1.5, "x" * 63_000, [[]], {"a": {"b": []}}):
                with pytest.raises(Invalid):
                    frames.parse(json.dumps({"type": kind, **good, field: value}))


# -- addresses, forms and file names -----------------------------------------------------------------------------------
QUERIES = {
    "numbers": ["page=-1", "page=0", "page=" + "9" * 400, "page=٣", "size=0", "page[]=1"],
    "texts": ["status=x", "name=%00", "name=" + "x" * 9000, "%", "%ff=%ff"],
    "many": ["&".join(f"a{n}=1" for n in range(1500))],
}


@pytest.mark.parametrize("query", [one for some in QUERIES.values() for one in some])
def test_whatever_stands_in_an_address_is_answered(query: str, program: Client, collection: Collection) -> None:
    for path in (f"/api/collections/{collection.pk}/documents/", "/api/ingestion/failures/", "/documents/"):
        assert program.get(f"{path}?{query}").status_code in (200, 400), path


@pytest.mark.parametrize("key", ["", " ", "fn-", "é", "fn-" + "x" * 20_000, "fn-\0", "\x7f"])
def test_a_key_may_be_anything_and_opens_nothing(key: str, transactional_db: None) -> None:
    client = Client(headers={"Authorization": f"Bearer {key}"}, raise_request_exception=False)
    for path in ("/api/collections/", "/v1/models"):
        assert client.get(path).status_code == 401, path


HEADERS = {
    "Accept": "a/b;q=" + "9" * 5000,
    "Accept-Language": "x-" * 3000,
    "Content-Type": "application/json; charset=nonsense",
    "Cookie": "sessionid=" + "\xff" * 50 + "; =;;;,\x01",
    "If-Range": "x" * 5000,
    "Range": "bytes=" + "0-1," * 2000,
    "Referer": "\x01://",
    "X-Request-ID": "x" * 5000,
    "X-CSRFToken": "x" * 5000,
    "X-Footnote-Signature": "x" * 5000,
    "X-Forwarded-For": ", " * 500,
}


@pytest.mark.parametrize("name", HEADERS)
def test_whatever_a_header_holds_is_answered(name: str, program: Client, collection: Collection) -> None:
    for path in ("/api/collections/", "/accounts/login/", "/v1/models/nothing", f"/documents/{uuid4()}/file/"):
        answer = program.get(path, headers={name: HEADERS[name]})
        assert answer.status_code < 500 or answer.status_code == 503, path


FILE_NAMES = ["", ".", "..", "../../etc/passwd", "a\0b.md", "x" * 5000 + ".md", "a\r\nb.md", "\u202egpj.exe", "é" * 250]


@pytest.mark.parametrize("name", FILE_NAMES)
def test_file_names_are_made_safe_or_refused(name: str, program: Client, collection: Collection) -> None:
    boundary = "b"
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    body = (
        head.encode("utf-8", "replace")
        + b"# A\n\nx"
        + uuid4().bytes.hex().encode()
        + f"\r\n--{boundary}--\r\n".encode()
    )
    path = f"/api/collections/{collection.pk}/documents/"
    answer = program.generic("POST", path, body, content_type=f"multipart/form-data; boundary={boundary}")
    assert answer.status_code in (200, 201, 400), answer.content
    if answer.status_code != 400:
        stored = answer.json()["document"]["name"]
        assert (0 < len(stored) <= 255 and "/" not in stored and stored.isprintable()) or "\u202e" in stored


def _fields(number: int) -> dict[str, Any]:
    return {f"field{n}": "x" for n in range(number)} | {"file": SimpleUploadedFile("a.md", b"# A\n\nx")}


FORMS: dict[str, Callable[[], dict[str, Any]]] = {
    "too many fields": lambda: _fields(1500),
    "too many readers": lambda: _fields(0) | {"reader": [f"g{n}" for n in range(1100)]},
    "too many files": lambda: {f"f{n}": SimpleUploadedFile("a.md", b"x") for n in range(150)},
    "a field that is too large": lambda: _fields(0) | {"path": "x" * 3_000_000},
    "a text for a file": lambda: {"file": "x"},
}


@pytest.mark.parametrize("said", FORMS)
def test_forms_have_bounds(said: str, program: Client, collection: Collection) -> None:
    answer = program.post(f"/api/collections/{collection.pk}/documents/", FORMS[said]())
    assert answer.status_code in (400, 413), answer.content[:300]


def test_a_path_is_cut_to_what_can_be_stored(program: Client, collection: Collection) -> None:
    answer = program.post(f"/api/collections/{collection.pk}/documents/", _fields(0) | {"path": "x/" * 10_000})
    assert answer.status_code == 201 and len(answer.json()["document"].get("path", "")) <= 1000


# -- what comes before Django ------------------------------------------------------------------------------------------
@pytest.fixture
def listening() -> Iterator[int]:
    """-> the port of a server with the protocol of the web process."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    options = programs.command("web")
    http = options[options.index("--http") + 1]
    server = Server(Config(application, host="127.0.0.1", port=0, log_level="critical", http=http, lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_until(lambda: server.started, 10)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join(10)


def sent(port: int, *pieces: bytes) -> bytes:
    """-> what came back until the server closed, or for two seconds."""
    with socket.create_connection(("127.0.0.1", port), timeout=2) as line:
        came = b""
        try:
            for piece in pieces:
                line.sendall(piece)
            while piece := line.recv(65_536):
                came += piece
        except (TimeoutError, ConnectionError):
            pass
        return came


LINE = b"GET / HTTP/1.1\r\nHost: x\r\n"
HEADS = {
    "one header": [LINE + b"X: " + b"a" * 40_000 + b"\r\n\r\n"],
    "one header without an end": [LINE + b"X: ", *[b"a" * 10_000] * 50],
    "an address without an end": [b"GET /", *[b"a" * 10_000] * 50],
    "an address": [b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"],
    "many headers": [LINE + b"X: a\r\n" * 200 + b"\r\n"],
    "many small headers without an end": [LINE, *[b"X: a\r\n" * 50] * 1000],
}


@pytest.mark.parametrize("said", HEADS)
def test_a_head_that_is_too_large_is_refused_before_it_is_whole(said: str, listening: int) -> None:
    """What the client still writes may tear the line down before it reads the answer."""
    answer = sent(listening, *HEADS[said])
    assert not answer or answer.startswith(b"HTTP/1.1 431 "), answer[:100]
    assert sent(listening, LINE + b"\r\n").startswith(b"HTTP/1.1 200")


def test_what_stands_around_the_pieces_of_a_body_is_bounded_as_well(listening: int) -> None:
    chunked = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert sent(listening, chunked, b"2\r\nok\r\n0\r\n\r\n").startswith(b"HTTP/1.1 200")
    trailer = sent(listening, chunked, b"2\r\nok\r\n0\r\nX: ", *[b"a" * 10_000] * 50)
    extension = sent(listening, chunked, b"2;", *[b"a" * 10_000] * 50)
    for answer in (trailer, extension):
        assert not answer.startswith(b"HTTP/1.1 200"), answer[:100]


def test_usual_heads_and_several_requests_on_one_line_are_answered(listening: int) -> None:
    usual = LINE + b"Cookie: " + b"a" * 8_000 + b"\r\n" + b"X: a\r\n" * 40 + b"\r\n"
    assert sent(listening, usual, usual, usual).count(b"HTTP/1.1 200") == 3
    large = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n" + b"a" * 3_000_000
    assert sent(listening, large).startswith(b"HTTP/1.1 200")


def test_a_head_that_takes_its_time_is_not_waited_for(listening: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_S", 0.5)
    begun = time.monotonic()
    for begin in (b"", b"GET / HT"):
        assert sent(listening, begin) == b""
    assert time.monotonic() - begun < 3
