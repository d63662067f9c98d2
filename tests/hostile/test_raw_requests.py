"""Bytes that no client of Django's can send: to the ASGI application, bare, with a key and with a session."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.conf import settings as django_settings
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from chatapp.asgi import application
from tests.access.doors import every_door
from tests.access.house import House, build
from tests.conftest import signed_in_session
from tests.hostile import strategies as hostile
from tests.hostile.knocking import CODE

SHORT, LONG = 250, 5000
Scope = dict[str, Any]
_NAMES = (
    b"accept",
    b"cookie",
    b"content-type",
    b"content-length",
    b"authorization",
    b"range",
    b"host",
    b"x-forwarded-for",
    b"\xff",
)
_VALUES = (
    b"",
    b"\xff\xfe",
    b"\x00",
    b"-1",
    b"9" * 30,
    b"a\x0bb",
    "é".encode(),
    b"x" * 9000,
    b"sessionid=\xff;;=",
    b"multipart/form-data; boundary=",
)


@pytest.fixture
def house(transactional_db: None) -> House:
    return build()


def test_no_bytes_are_a_fault_of_ours(house: House) -> None:
    _send(house, SHORT)


@pytest.mark.slow
def test_no_bytes_are_a_fault_of_ours_in_a_long_run(house: House) -> None:
    _send(house, LONG)


def _send(house: House, count: int) -> None:
    statuses = asyncio.run(_all(_drawn(house, count)))
    assert sum(statuses.values()) > count // 2 and {200, 400, 404} <= statuses.keys(), statuses


def _drawn(house: House, count: int) -> list[tuple[Scope, bytes]]:
    paths = [door.path for door in every_door(house)]
    odd = st.one_of(st.sampled_from(_VALUES), st.binary(max_size=30))
    key = (b"authorization", f"Bearer {house.key}".encode())
    session = (b"cookie", f"sessionid={signed_in_session(house.people['administrator'])}".encode())
    found: list[tuple[Scope, bytes]] = []

    @settings(max_examples=count, deadline=None, database=None, phases=[Phase.generate], derandomize=True,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(
        st.sampled_from(("GET", "GET", "POST", "PUT", "DELETE", "TRACE", "BREW", "")),
        st.one_of(st.sampled_from(paths), st.sampled_from(paths), hostile.texts.map(lambda text: "/" + text)),
        st.one_of(st.just(b""), odd),
        st.lists(st.tuples(st.sampled_from(_NAMES), odd), max_size=2),
        st.sampled_from(((session,), (session,), (key,), ())),
        hostile.raw_bodies,
    )
    def draw(
        method: str, path: str, query: bytes, headers: list[tuple[bytes, bytes]], bearing: Any, body: bytes
    ) -> None:
        sent = [(b"host", b"localhost"), *bearing, *headers, (b"content-length", str(len(body)).encode())]
        raw = path.encode("utf-8", "surrogatepass")
        scope = {
            "type": "http", "http_version": "1.1", "method": method, "scheme": "http", "query_string": query,
            "path": raw.decode("utf-8", "replace"), "raw_path": raw, "headers": sent,
            "server": ("localhost", 80), "client": ("127.0.0.1", 1),
        }  # fmt: skip
        found.append((scope, body))

    draw()
    return found


async def _all(requests: list[tuple[Scope, bytes]]) -> dict[int, int]:
    statuses: dict[int, int] = {}
    for scope, body in requests:
        status, text = await _answered(scope, body)
        told = f"{scope['method']} {scope['path']!r} {scope['query_string']!r} {scope['headers']}"
        assert status < 500 or status == 503, (status, told)
        assert django_settings.SECRET_KEY not in text and not [word for word in CODE if word in text], told
        statuses[status] = statuses.get(status, 0) + 1
    return statuses


async def _answered(scope: Scope, body: bytes) -> tuple[int, str]:
    line = ApplicationCommunicator(application, scope)
    await line.send_input({"type": "http.request", "body": body, "more_body": False})
    begin = await line.receive_output(20)
    text, more = b"", True
    while more:
        part = await line.receive_output(20)
        text += part.get("body", b"")
        more = part.get("more_body", False)
    await line.wait(5)
    return begin["status"], text.decode("utf-8", "replace")
