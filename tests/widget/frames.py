"""Frames of widgets as a browser opens them: the page first, then its socket with the ticket."""

from __future__ import annotations

import html
import json
import re
import time
from typing import Any

import httpx
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from chatapp.widget.models import Widget
from chatapp.widget.tickets import SUBPROTOCOL
from tests.conversations.web import Web

Frame = dict[str, Any]


def ticket_of(web: Web, widget: Widget, origin: str) -> str:
    answer = httpx.get(f"{web.url}/widget/frame/{widget.key}/", params={"from": origin}, timeout=10)
    assert answer.status_code == 200, answer.text
    found = re.search(r'data-ticket="([^"]+)"', answer.text)
    assert found is not None
    return html.unescape(found[1])


class FrameSocket:
    """`session`: of somebody who is signed in."""

    def __init__(self, web: Web, ticket: str, session: str = "", origin: str = "") -> None:
        headers = {"Origin": origin or web.url} | ({"Cookie": f"sessionid={session}"} if session else {})
        protocols: Any = [SUBPROTOCOL, ticket]
        url = f"ws://127.0.0.1:{web.port}/ws/widget/"
        self._opening = connect(url, additional_headers=headers, subprotocols=protocols, compression=None)
        self.connection: ClientConnection = self._opening.__enter__()

    def __enter__(self) -> FrameSocket:
        return self

    def __exit__(self, *_: object) -> None:
        self._opening.__exit__(None, None, None)

    def send(self, frame: Frame) -> None:
        self.connection.send(json.dumps(frame))

    def receive(self, timeout_s: float = 15.0) -> Frame:
        frame: Frame = json.loads(self.connection.recv(timeout_s))
        return frame

    def until(self, *kinds: str) -> list[Frame]:
        """Up to the first of one of these types."""
        found = [self.receive()]
        while found[-1]["type"] not in kinds:
            found.append(self.receive())
        return found

    def ask(self, text: str = "How many days of leave?", **values: Any) -> Frame:
        self.send({"type": "ask", "id": "a", "text": text, **values})
        return self.until("accepted", "error")[-1]

    def closed_with(self, timeout_s: float = 8.0) -> int:
        """-> the closing code; frames on the way are dropped."""
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                self.receive(max(0.01, deadline - time.monotonic()))
            except ConnectionClosed as closed:
                return closed.rcvd.code if closed.rcvd else 0
