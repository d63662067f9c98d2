"""What is measured of the chat page: each function takes a signed-in context and gives lines to print."""

from __future__ import annotations

import time
from collections.abc import Iterator
from statistics import median
from typing import Any

from benchmarks.pages.answering import LONG, TOKENS_PER_S, ask, open_page, start_new, stream
from benchmarks.pages.probe import Probe
from benchmarks.pages.texts import KINDS, conversation, pieces

Lines = list[tuple[str, str]]
INTERACTIVE = """() => new Promise((resolve) => {
  const ready = () => {
    const [mark] = performance.getEntriesByName("ready");
    if (mark) resolve(mark.startTime);
    else setTimeout(ready, 5);
  };
  ready();
})"""
# The page's own script has run once the box for the question answers typing.
READY = """addEventListener("DOMContentLoaded", () => {
  const timer = setInterval(() => {
    const area = document.querySelector("#question"), send = document.querySelector("[data-send]");
    if (!area || !send || document.readyState === "loading") return;
    if (document.activeElement === area) { performance.mark("ready"); clearInterval(timer); }
  }, 5);
});"""


def first_load(context: Any, rounds: int = 5) -> Lines:
    """Of an empty cache: bytes on the wire, what came from other hosts, and when typing has an effect."""
    browser, address = context.browser, context.pages[0].url
    ready: list[float] = []
    again: list[float] = []
    others: set[str] = set()
    first = warm = 0.0
    for _ in range(rounds):
        fresh = browser.new_context(storage_state=context.storage_state(), viewport={"width": 1280, "height": 800})
        page = fresh.new_page()
        page.add_init_script(READY)
        sizes = _watch(page, address, others)
        page.goto(address)
        ready.append(page.evaluate(INTERACTIVE))
        page.wait_for_load_state("networkidle")
        first = sum(sizes.values())
        page.goto(address)
        again.append(page.evaluate(INTERACTIVE))
        page.wait_for_load_state("networkidle")
        warm = sum(sizes.values()) - first
        fresh.close()
    return [
        ("bytes of the first load", f"{first / 1000:.1f} kB (goal 150)"),
        ("bytes of the second load", f"{warm / 1000:.1f} kB"),
        ("requests to other hosts", str(len(others))),
        ("ready to type, median and worst", f"{median(ready):.0f}, {max(ready):.0f} ms (goal 1000)"),
        ("the same with a full cache", f"{median(again):.0f}, {max(again):.0f} ms"),
    ]


def _watch(page: Any, address: str, others: set[str]) -> dict[str, float]:
    """Bytes by request, as they came: compressed, with their heads."""
    sizes: dict[str, float] = {}
    devtools = page.context.new_cdp_session(page)
    devtools.send("Network.enable")
    host = "/".join(address.split("/")[:3])

    def asked(event: dict[str, Any]) -> None:
        url = event["request"]["url"]
        if not url.startswith((host, "data:", "blob:", host.replace("http", "ws", 1))):
            others.add(url)

    def came(event: dict[str, Any]) -> None:
        sizes[event["requestId"]] = event["encodedDataLength"]

    devtools.on("Network.requestWillBeSent", asked)
    devtools.on("Network.loadingFinished", came)
    return sizes


def streaming(context: Any, tokens: int = 4000) -> Iterator[tuple[str, str]]:
    """One answer of so many tokens at 200 tokens a second, of each kind."""
    for kind in KINDS:
        for label, value in _streamed(context, tokens, kind):
            yield f"{kind}: {label}", value


def _streamed(context: Any, tokens: int, kind: str) -> Lines:
    page = open_page(context)
    probe = Probe(page)
    ask(page)
    before = probe.memory()
    with probe.tracing() as trace:
        took = stream(page, pieces(tokens, kind), TOKENS_PER_S)
    after = probe.memory()
    page.close()
    return [
        (f"{tokens} tokens took", f"{took:.1f} s (at {TOKENS_PER_S} a second: {tokens / TOKENS_PER_S:.1f})"),
        *trace.lines(),
        ("memory before", str(before)),
        ("memory after", str(after)),
    ]


def long_conversation(context: Any, messages: int = 1000) -> Lines:
    """A conversation of so many messages: opened, scrolled by 180 screens, and an answer streamed at its end."""
    page = open_page(context, detail=conversation(LONG, messages))
    probe = Probe(page)
    with probe.tracing() as opening:
        begun = time.monotonic()
        page.evaluate(
            "id => { history.pushState({}, '', `/c/${id}/`); dispatchEvent(new PopStateEvent('popstate')); }", LONG
        )
        page.wait_for_selector(".message.assistant .prose p")
        shown = time.monotonic() - begun
        page.wait_for_timeout(6000)
    with probe.tracing() as scrolling:
        page.evaluate(SCROLL)
    page.evaluate("document.querySelector('#scroller').scrollTop = 1e9")
    page.wait_for_timeout(500)
    with probe.tracing() as writing:
        ask(page)
        stream(page, pieces(1000), TOKENS_PER_S)
    memory = probe.memory()
    page.close()
    parts = (("opening: ", opening), ("scrolling: ", scrolling), ("streaming at its end: ", writing))
    return [
        ("until the first answer is seen", f"{shown * 1000:.0f} ms"),
        *((name + label, value) for name, trace in parts for label, value in trace.lines()),
        ("memory", str(memory)),
    ]


# A screen at each frame: from the end upwards, then from the top downwards.
SCROLL = """() => new Promise((resolve) => {
  const scroller = document.querySelector("#scroller");
  let frame = 0;
  const next = () => {
    frame += 1;
    if (frame === 121) scroller.scrollTop = 0;
    if (frame > 180) return resolve();
    scroller.scrollTop += frame <= 120 ? -700 : 700;
    requestAnimationFrame(next);
  };
  next();
})"""


def long_streams(context: Any, seconds: int = 60, answers: int = 10) -> Lines:
    """Answers one after another in one conversation, ten times as fast as they are written: memory after each."""
    page = open_page(context)
    probe = Probe(page)
    each = seconds * TOKENS_PER_S // answers * 10
    found = []
    for _ in range(answers):
        ask(page)
        stream(page, pieces(each), TOKENS_PER_S * 10)
        found.append(probe.memory())
        start_new(page)
    empty = probe.memory()
    page.close()
    shown = ", ".join(f"{one.heap:.1f}" for one in found)
    minutes = answers * each / TOKENS_PER_S / 60
    return [
        ("written, each in a new chat", f"{answers} answers of {each} tokens"),
        ("as long as they take at 200 tokens a second", f"{minutes:.0f} minutes"),
        ("memory after each", f"{shown} MB"),
        ("last against second", f"{found[-1].heap / found[1].heap:.2f}"),
        ("with an empty page in the end", str(empty)),
    ]
