"""Each frame of the socket, each of the cast, on what the owner of a conversation has: only the owner gets anywhere."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import uuid4

import pytest
from asgiref.testing import ApplicationCommunicator
from django.test import Client

from chatapp.asgi import application
from chatapp.conversations import turns
from chatapp.conversations.frames import CLIENT_FRAMES
from tests.access.house import CAST, House, build

ADMITTED, ABSENT, INVALID = "accepted", "not_found", "invalid"
# What becomes of a frame about the owner's things, for the owner and for everybody else who is signed in.
EXPECTED = {
    "ask": (ADMITTED, ABSENT),
    "edit": (ADMITTED, ABSENT),
    "regenerate": (ADMITTED, ABSENT),
    "continue": (INVALID, ABSENT),  # the answer is whole
    "stop": ("", ABSENT),
    "resume": ("snapshot", ABSENT),
    "ping": ("pong", "pong"),
}
SIGNED_OUT = 4401


@pytest.fixture
def house(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> House:
    async def launched(*_: Any, **__: Any) -> None:
        """What it would do afterwards is not looked at here."""

    monkeypatch.setattr(turns, "launch", launched)
    return build()


def frame(house: House, kind: str) -> dict[str, Any]:
    parts = {name: str(house.parts[name].pk) for name in ("conversation", "question", "answer", "turn")}
    about: dict[str, dict[str, Any]] = {
        "ask": {"id": "a", "text": "And then?", "conversation": parts["conversation"], "parent": parts["answer"]},
        "edit": {"id": "a", "message": parts["question"], "text": "What else?"},
        "regenerate": {"id": "a", "message": parts["answer"]},
        "continue": {"id": "a", "message": parts["answer"]},
        "stop": {"turn": parts["turn"]},
        "resume": {"turn": parts["turn"], "after": 0},
        "ping": {},
    }
    assert kind in about, f"Say in test_sockets.py what a frame of type {kind} is about."
    return {"type": kind, **about[kind]}


def socket(session: str, origin: str = "http://localhost") -> ApplicationCommunicator:
    cookie = (b"cookie", f"sessionid={session}".encode())
    headers = [cookie, (b"host", b"localhost"), (b"origin", origin.encode())]
    scope = {"type": "websocket", "path": "/ws/chat/", "query_string": b"", "headers": headers, "subprotocols": []}
    return ApplicationCommunicator(application, scope)


async def outcome(session: str, sent: dict[str, Any]) -> tuple[str, str]:
    """-> the code of the error or the type of the frame that came back ('': nothing), and all that came"""
    line = socket(session)
    await line.send_input({"type": "websocket.connect"})
    assert (await line.receive_output(5))["type"] == "websocket.accept"
    first = await line.receive_output(5)
    if first["type"] == "websocket.close":
        return str(first["code"]), ""
    came = [first["text"]]
    for one in (sent, {"type": "ping"}):  # frames are handled one after the other
        await line.send_input({"type": "websocket.receive", "text": json.dumps(one)})
    while json.loads(came[-1])["type"] != "pong":
        came.append((await line.receive_output(10))["text"])
    await line.send_input({"type": "websocket.disconnect", "code": 1000})
    await line.wait(5)
    seen = [json.loads(one) for one in came]
    about = next((one for one in seen if one["type"] not in ("hello", "pong")), None)
    if about is None:
        return ("pong" if sent["type"] == "ping" else ""), "\n".join(came)
    return str(about.get("code", about["type"])), "\n".join(came)


def _session(client: Client) -> str:
    found = client.cookies.get("sessionid")
    return found.value if found else ""


@pytest.mark.parametrize("kind", sorted(CLIENT_FRAMES))
def test_a_frame_about_a_conversation_moves_its_owner_alone(house: House, kind: str) -> None:
    assert CLIENT_FRAMES.keys() == EXPECTED.keys(), "Each type of frame has its line in EXPECTED."
    for who in CAST:
        session = _session(house.client(who))
        result, came = asyncio.run(outcome(session, frame(house, kind)))
        if who in ("stranger", "closed", "key"):  # a key opens no socket
            assert result == str(SIGNED_OUT), (who, result)
            continue
        owners, others = EXPECTED[kind]
        assert result == (owners if who == "owner" else others), (who, came)
        assert who == "owner" or "Butterwort" not in came, who


def test_what_is_absent_and_what_is_anothers_look_the_same(house: House) -> None:
    session = _session(house.client("reader"))
    for kind in ("ask", "edit", "regenerate", "continue", "stop", "resume"):
        theirs = frame(house, kind)
        absent = {name: str(uuid4()) if len(str(value)) == 36 else value for name, value in theirs.items()}
        answers = [asyncio.run(outcome(session, one))[1] for one in (theirs, absent)]
        messages = [[json.loads(line).get("message") for line in one.splitlines()] for one in answers]
        assert messages[0] == messages[1], kind


@pytest.mark.parametrize("origin", ["https://evil.example.com", "null", "", "http://localhost.evil.example.com"])
def test_pages_of_other_sites_open_no_socket(house: House, origin: str) -> None:
    house_session = _session(house.client("owner"))
    assert house_session
    assert not asyncio.run(_tried(house_session, origin))


async def _tried(session: str, origin: str) -> bool:
    line = socket(session, origin)
    await line.send_input({"type": "websocket.connect"})
    return bool((await line.receive_output(5))["type"] == "websocket.accept")
