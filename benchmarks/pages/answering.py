"""A chat page whose answers come from the double of its socket, at an even pace."""

from __future__ import annotations

import json
import time
from typing import Any

from benchmarks.pages.probe import DOUBLE

TOKENS_PER_S = 200
LONG = "20000000-0000-4000-8000-000000000000"
_DEADLINE_S = 30


def open_page(context: Any, path: str = "/", detail: dict[str, Any] | None = None) -> Any:
    """A page with the double of the socket; its conversation is `detail`."""
    page = context.new_page()
    page.add_init_script(DOUBLE)
    if detail is not None:
        body = json.dumps(detail)
        page.route(
            f"**/api/conversations/{LONG}/", lambda route: route.fulfill(body=body, content_type="application/json")
        )
    page.goto(path)
    until(page, "Boolean(window.socketDouble?.onmessage)")
    return page


def until(page: Any, condition: str) -> None:
    """Polled from outside: the page's own policy lets no text be run in it."""
    deadline = time.monotonic() + _DEADLINE_S
    while not page.evaluate(condition):
        if time.monotonic() > deadline:
            raise TimeoutError(condition)
        page.wait_for_timeout(50)


def ask(page: Any) -> None:
    """By plain selectors: looking for a label reads every element of the page, in its main thread."""
    answers = "document.querySelectorAll('.message.assistant').length"
    before = page.evaluate(answers)
    page.locator("#question").fill("May I carry leave over?")
    page.keyboard.press("Enter")
    until(page, f"{answers} > {before}")


def stream(page: Any, text: list[str], rate: int) -> float:
    """-> seconds that it took in the page"""
    took = page.evaluate("([pieces, rate]) => socketDouble.stream(pieces, rate)", [text, rate])
    page.evaluate("socketDouble.finish()")
    until(page, "Boolean(document.querySelector('#messages > :last-child .tools'))")
    page.wait_for_timeout(500)
    return float(took) / 1000


def start_new(page: Any) -> None:
    page.evaluate("document.querySelector('[data-new-chat]').click()")
    until(page, "!document.querySelector('#messages > *')")
    page.wait_for_timeout(300)
