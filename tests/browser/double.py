# ruff: noqa: E501 - frames and rows of data, one to a line
"""A double of the server's protocol in the browser's network layer: scripted frames, no model and no index."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any
from urllib.parse import parse_qs

from tests.parsing.pdf_file import Page, pdf

TURN, CONVERSATION = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
QUESTION, ANSWER = "33333333-3333-4333-8333-333333333333", "44444444-4444-4444-8444-444444444444"
HANDBOOK = {"id": "55555555-5555-4555-8555-555555555555", "name": "Staff handbook 2026.pdf"}
BUSY = {"code": "busy", "message": "Too many answers.", "advice": "Wait.", "retryable": True}
STAMP = "2026-11-21T00:00:00Z"
COLLECTION = "66666666-6666-4666-8666-666666666666"
SOURCES = [
    {"number": 1, "passage": 1, "document": HANDBOOK, "page": 12, "heading": "Leave › Carrying days over", "locator": "",
     "text": "Up to five days of unused leave may be carried over into the next year.", "score": 0.93},
    {"number": 2, "passage": 2, "document": {"id": HANDBOOK["id"], "name": "Leave policy.docx"}, "page": None,
     "heading": "Approval", "locator": "", "text": "Carried leave lapses on 31 March.", "score": 0.81},
]  # fmt: skip
CITATIONS = [
    {"number": 1, "passage": 1, "document": HANDBOOK, "page": 12, "score": 0.93,
     "quote": "Up to five days of unused leave may be carried over"},
    {"number": 2, "passage": 2, "document": SOURCES[1]["document"], "page": None, "score": 0.81,
     "quote": "Carried leave lapses on 31 March."},
]  # fmt: skip
PASSAGE: dict[str, Any] = {
    "id": 1, "heading": "Leave › Carrying days over", "page": 12, "locator": "", "download": f"/documents/{HANDBOOK['id']}/file/",
    "text": "Up to five days of unused leave may be\ncarried over into the next year. Ask your manager before the end of November.",
    "document": {**HANDBOOK, "title": "Staff handbook", "collection": "Handbook", "pages": 48, "media_type": "application/pdf"},
    "boxes": [[12, 0.1, 0.11, 0.8, 0.14]],
    "before": [{"id": 9, "text": "Everybody has 28 days of leave a year. Part-time staff have a share of it.", "page": 12}],
    "after": [{"id": 10, "text": "Leave that is not taken by then cannot be paid out, except when somebody leaves.", "page": 13}],
}  # fmt: skip
ENGINES: dict[str, Any] = {"answering": "extractive", "engines": [
    {"name": "local: ", "outside": False, "problem": "No model is installed.",
     "advice": "Add a model with `manage.py models pull` or `models add`."},
    {"name": "api: gpt-6-mini", "outside": True, "problem": "It cannot be reached.",
     "advice": "Check that it runs, and what INFERENCE_API_BASE_URL and INFERENCE_API_KEY say."},
    {"name": "extractive", "outside": False, "problem": "", "advice": "", "now": True},
]}  # fmt: skip
TEXT = (
    "Yes. You may carry **up to five days** of unused leave into the next year. [1]\n\n"
    "- Ask your manager before the end of November [1]\n- Carried days lapse on **31 March** [2]\n"
)

IDLE: dict[str, Any] = {
    "state": "idle", "reason": "", "waiting": {"parsing": 0, "embedding": 0}, "in_work": {"parsing": 0, "embedding": 0},
    "paused": 0, "failed": 0, "oldest_waiting_s": 0, "passages_left": 0, "passages_per_s": 0, "documents_per_min": 0,
    "ends_at": None, "failures": [],
}  # fmt: skip


def handbook_file() -> bytes:
    lines = ("Up to five days of unused leave may be", "carried over into the next year.")
    return pdf(*(Page().text(70, 700, lines[0], size=16).text(70, 682, lines[1], size=16) for _ in range(48)))


BUSY_STATES = ("received", "parsing", "embedding")


def listed(held: list[dict[str, Any]], wishes: dict[str, list[str]]) -> dict[str, Any]:
    """A page of documents, as the server answers."""
    wish = {name: values[0] for name, values in wishes.items()}
    counts = Counter(one["status"] for one in held)
    status = {"busy": BUSY_STATES}.get(wish.get("status", ""), (wish.get("status", ""),))
    found = [one for one in held if wish.get("name", "").lower() in one["name"].lower()]
    found = [one for one in found if "status" not in wish or one["status"] in status]
    size = int(wish.get("size", 2000))
    pages = max(1, -(-len(found) // size))
    page = min(int(wish.get("page", 1)), pages)
    shown = found[(page - 1) * size : page * size]
    return {"documents": shown, "counts": counts, "total": len(found), "page": page, "pages": pages}


class Double:
    def __init__(self, page: Any) -> None:
        self.page, self.received, self.sockets, self.seq = page, [], [], 0
        self.passage = PASSAGE
        self.question, self.writes = QUESTION, ANSWER
        self.refusal: dict[str, Any] | None = None
        self.title = "Carrying leave over"
        self.receipt: dict[str, Any] = {"status": 201, "json": {"document": {}, "outcome": "received"}}
        self.loses = False  # the line breaks at the next frame
        self.closed = False  # nobody answers
        self.late = False  # the greeting is long in coming
        self.running: list[dict[str, Any]] = []
        self.log: list[dict[str, Any]] = []  # of the turn; what was asked for again is sent again
        self.conversations: list[dict[str, Any]] = []
        self.detail: dict[str, Any] = {}
        self.found: list[dict[str, Any]] = []
        self.pinned: list[dict[str, Any]] = []
        self.folders: dict[str, Any] = {"folders": [], "archived": False}
        self.kept: list[tuple[str, str, Any]] = []  # what was asked to be kept otherwise: method, door, body
        self.deleted: list[str] = []
        self.engines = {"engines": [], "answering": ""}
        self.scope: dict[str, Any] = {"collections": [], "kinds": []}
        self.collections: list[dict[str, Any]] = []
        self.documents: list[dict[str, Any]] = []
        self.ingestion: dict[str, Any] = IDLE
        self.elsewhere: list[dict[str, Any]] = []  # of any other collection
        self.ratings: list[dict[str, Any]] = []
        self.why: dict[str, Any] = {}
        self.as_kept: dict[str, Any] = {}  # of a question that rules changed
        self.refused_rating: dict[str, Any] | None = None
        page.route_web_socket("**/ws/chat/", self._socket)
        page.route("**/api/**", self._http)
        page.route(f"**{PASSAGE['download']}", lambda route: route.fulfill(body=handbook_file()))

    def _socket(self, socket: Any) -> None:
        if self.closed:
            return socket.close(code=1011)
        self.sockets.append(socket)
        socket.on_message(lambda text: self._message(json.loads(text)))
        if not self.late:
            self.greet()

    def greet(self) -> None:
        self.send({"type": "hello", "protocol": 1, "running": self.running})

    def _message(self, frame: dict[str, Any]) -> None:
        if self.loses:
            return self.sockets[-1].close(code=1011)
        self.received.append(frame)
        if frame["type"] in ("ask", "edit", "regenerate", "continue"):
            if self.refusal is not None:
                return self.send({"type": "error", "id": frame["id"], **self.refusal})
            self.seq, self.log = 0, []
            self.send({"type": "accepted", "id": frame["id"], "turn": TURN, "conversation": CONVERSATION,
                       "title": self.title, "question": self.question, "answer": self.writes, **self.as_kept})  # fmt: skip
        elif frame["type"] == "resume":
            for one in [one for one in self.log if one["seq"] > frame["after"]]:
                self.send(one)

    def send(self, frame: dict[str, Any]) -> None:
        self.sockets[-1].send(json.dumps(frame))

    def frame(self, kind: str, *, lost: bool = False, **fields: Any) -> None:
        self.seq += 1
        self.log.append({"type": kind, "turn": TURN, "seq": self.seq, **fields})
        if not lost:
            self.send(self.log[-1])

    def wait_for(self, kind: str, **fields: Any) -> dict[str, Any]:
        """-> the newest frame of that kind that the page has sent, with these fields"""
        for _ in range(200):
            for frame in reversed(self.received):
                if frame["type"] == kind and fields.items() <= frame.items():
                    return frame
            self.page.wait_for_timeout(20)
        raise AssertionError(f"the page sent no {kind} with {fields}: {self.received}")

    def kinds(self) -> list[str]:
        return [frame["type"] for frame in self.received]

    def ask(self, text: str = "May I carry leave over?") -> None:
        self.page.get_by_label("Your question").fill(text)
        self.page.keyboard.press("Enter")
        self.page.wait_for_selector(".message.assistant")

    def answer(self, text: str = TEXT, engine: str = "qwen3-4b", done: str = "complete") -> None:
        self.frame("stage", stage="searching", queue_position=None, read=0, of=0)
        self.frame("sources", sources=SOURCES)
        self.frame("writer", engine=engine, note="")
        self.frame("text", text=text)
        if done:
            self.finish(done, engine)

    def finish(self, status: str = "complete", engine: str = "qwen3-4b") -> None:
        self.frame("citations", citations=CITATIONS)
        self.frame("done", status=status, engine=engine, usage={}, timings={}, title=self.title)
        self.page.wait_for_selector(".message.assistant .tools, .message.assistant .notice")

    def _http(self, route: Any) -> None:
        url, method = route.request.url.split("/api/")[1], route.request.method
        if method == "DELETE":
            self.deleted.append(url)
            return route.fulfill(status=204)
        if url.endswith("/rating/"):
            self.ratings.append(json.loads(route.request.post_data))
            return route.fulfill(**self.refused_rating or {"json": {"reasons": [], "text": "", **self.ratings[-1]}})
        if method in ("POST", "PATCH") and url.startswith(("conversations/", "folders/")):
            self.kept.append((method, url, json.loads(route.request.post_data)))
            return route.fulfill(json={"id": "made", "name": "", "title": "", "done": 1, **self.kept[-1][2]})
        answers: dict[str, Any] = {
            "passages/": self.passage, "scope/": self.scope, "engines/": self.engines, "conversations/?": {"conversations": self.conversations, "pinned": self.pinned, "next": STAMP if len(self.conversations) == 50 else None}, "folders/": self.folders,
            "conversations/search/?": {"results": self.found}, "conversations/": self.detail, "documents/": {"document": {}},
            "messages/": self.why, "ingestion/?": self.ingestion, "ingestion/": {"documents": 3},
        }  # fmt: skip
        if url.startswith("collections/"):
            body: Any = {"collections": self.collections}
            if method in ("POST", "PATCH"):
                return route.fulfill(**self.receipt) if self.receipt else None  # none: it is still on its way
            if "documents/" in url:
                body = listed(self.documents if COLLECTION in url else self.elsewhere, parse_qs(url.partition("?")[2]))
            elif one := next((one for one in self.collections if one["id"] in url), None):
                body = {"collection": one}
        else:
            body = next(value for start, value in answers.items() if url.startswith(start))
        return route.fulfill(json=body)


def stored(double: Double, *messages: dict[str, Any]) -> None:
    """A conversation that the server has: listed, and opened by its address."""
    double.conversations = [
        {"id": CONVERSATION, "title": "Leave", "updated_at": STAMP},
        {"id": "other", "title": "Travel", "updated_at": STAMP},
    ]
    double.detail = {"id": CONVERSATION, "title": "Leave", "running": [], "messages": [
        {"id": QUESTION, "parent": None, "role": "user", "text": "May I?", "status": "complete"}, *messages,
    ]}  # fmt: skip


def opened(page: Any, double: Double, *messages: dict[str, Any]) -> None:
    """The page, with that conversation on it."""
    stored(double, *messages)
    page.goto("/")
    page.get_by_role("link", name="Leave").click()
    page.wait_for_selector(".message.user")


def answered(text: str = TEXT, status: str = "complete", number: str = ANSWER) -> dict[str, Any]:
    return {"id": number, "parent": QUESTION, "role": "assistant", "text": text, "status": status, "engine": "local: m"}
