"""Frames that nobody means to send: each is answered with a sentence, and none ends the socket."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from chatapp.asgi import application
from chatapp.conversations import turns
from chatapp.conversations.frames import CLIENT_FRAMES
from tests.access.house import WHAT_IS_SECRET, House, build
from tests.conftest import signed_in_session
from tests.hostile import strategies as hostile
from tests.hostile.knocking import CODE

SHORT, LONG = 250, 5000
_FIELDS = (
    "type",
    "id",
    "text",
    "conversation",
    "parent",
    "message",
    "turn",
    "after",
    "collections",
    "filters",
    "types",
    "since",
)
Sent = dict[str, Any]


@pytest.fixture
def house(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> House:
    async def launched(*_: Any, **__: Any) -> None:
        """What an answer would do afterwards is not looked at here."""

    monkeypatch.setattr(turns, "launch", launched)
    return build()


@pytest.mark.parametrize("who", ["member", "owner", "administrator"])
def test_no_frame_ends_the_socket_or_brings_what_is_not_theirs(house: House, who: str) -> None:
    _look_at(_sent_by(house, who, SHORT), who)


@pytest.mark.slow
@pytest.mark.parametrize("who", ["member", "owner", "administrator"])
def test_no_frame_does_so_in_a_long_run(house: House, who: str) -> None:
    _look_at(_sent_by(house, who, LONG), who)


def _look_at(came: list[str], who: str) -> None:
    assert len(came) > SHORT // 2
    codes = {json.loads(one).get("code") for one in came}
    assert {"invalid", "not_found"} <= codes and "failed" not in codes, codes
    text = "\n".join(came)
    assert not [word for word, may_see in WHAT_IS_SECRET.items() if word in text and who not in may_see]
    assert not [word for word in CODE if word in text]


def _sent_by(house: House, who: str, count: int) -> list[str]:
    """-> all frames that came back, in order."""
    sent = frames_for(house, count)
    return asyncio.run(_talk(signed_in_session(house.people[who]), sent))


def frames_for(house: House, count: int) -> list[Sent]:
    """As the server is given them: text or bytes."""
    ids = [str(part.pk) for part in house.parts.values()]
    known = st.one_of(st.sampled_from(ids), hostile.values(st.sampled_from(_FIELDS)))
    frame = st.fixed_dictionaries(
        {"type": st.sampled_from((*CLIENT_FRAMES, *CLIENT_FRAMES, "hello", "", "\ud800"))},
        optional={name: known for name in _FIELDS[1:]},
    )
    sound = st.fixed_dictionaries(
        {"type": st.sampled_from(tuple(CLIENT_FRAMES)), "id": st.just("a"), "text": hostile.texts}
    )
    message = st.one_of(
        frame.map(lambda one: {"text": json.dumps(one)}),
        st.tuples(sound, frame).map(lambda two: {"text": json.dumps({**two[1], **two[0]})}),
        hostile.raw_bodies.map(lambda body: {"text": body.decode("utf-8", "replace")}),
        hostile.raw_bodies.map(lambda body: {"bytes": body}),
        hostile.values(st.sampled_from(_FIELDS)).map(lambda value: {"text": json.dumps(value)}),
    )
    drawn: list[Sent] = []

    @settings(max_examples=count, deadline=None, database=None, phases=[Phase.generate], derandomize=True,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(message)
    def draw(one: Sent) -> None:
        drawn.append(one)

    draw()
    return drawn


async def _talk(session: str, sent: list[Sent]) -> list[str]:
    headers = [(b"cookie", f"sessionid={session}".encode()), (b"host", b"localhost"), (b"origin", b"http://localhost")]
    scope = {"type": "websocket", "path": "/ws/chat/", "query_string": b"", "headers": headers, "subprotocols": []}
    line = ApplicationCommunicator(application, scope)
    await line.send_input({"type": "websocket.connect"})
    assert (await line.receive_output(5))["type"] == "websocket.accept"
    came = [(await line.receive_output(5))["text"]]
    for one in sent:
        await line.send_input({"type": "websocket.receive", **one})
        await line.send_input(
            {"type": "websocket.receive", "text": '{"type": "ping"}'}
        )  # one is handled after the other
        while True:
            frame = await line.receive_output(20)
            assert frame["type"] == "websocket.send", (frame, one)
            came.append(frame["text"])
            if json.loads(frame["text"])["type"] == "pong":
                break
    await line.send_input({"type": "websocket.disconnect", "code": 1000})
    await line.wait(5)
    return came
