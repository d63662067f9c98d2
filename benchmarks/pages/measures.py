"""What is measured of the chat page: each function takes a signed-in context and gives lines to print."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
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


LANGUAGES = ("en", "de", "ar")


def first_load(context: Any, rounds: int = 5) -> Iterator[tuple[str, str]]:
    """Of an empty cache, in each language: bytes on the wire, what came from other hosts, when typing has an effect."""
    for language in LANGUAGES:
        loads = [_loaded(context, language) for _ in range(rounds)]
        for label, value in _of_loads(loads):
            yield f"{language}: {label}", value


@dataclass
class Load:
    """Bytes as they came: bodies compressed, heads beside them. Milliseconds until the box for the question is focused
    by the page's script, by the clock and of the main thread's processor time."""

    bodies: float = 0
    heads: float = 0
    others: set[str] = field(default_factory=set)
    ready: float = 0
    cpu: float = 0


def _loaded(context: Any, language: str) -> tuple[Load, Load]:
    """-> with an empty cache, and again with a full one"""
    address = context.pages[0].url
    fresh = context.browser.new_context(
        storage_state=context.storage_state(), viewport={"width": 1280, "height": 800}, locale=language
    )
    page = fresh.new_page()
    page.add_init_script(READY)
    loads = Load(), Load()
    watched = _watch(page, address)
    devtools = page.context.new_cdp_session(page)
    devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
    for load in loads:
        watched.append(load)
        before = _main_thread_ms(devtools)
        page.goto(address)
        load.ready = page.evaluate(INTERACTIVE)
        after = _main_thread_ms(devtools)
        load.cpu = after - before if after > before else after  # another process begins to count anew
        page.wait_for_load_state("networkidle")
    fresh.close()
    return loads


def _of_loads(loads: list[tuple[Load, Load]]) -> Lines:
    first, again = [one for one, _ in loads], [one for _, one in loads]
    others = set().union(*(one.others for one in first + again))
    return [
        ("first load, bodies and heads", f"{first[-1].bodies / 1000:.1f} (goal 150), {first[-1].heads / 1000:.1f} kB"),
        ("second load, bodies and heads", f"{again[-1].bodies / 1000:.1f}, {again[-1].heads / 1000:.1f} kB"),
        ("requests to other hosts", str(len(others))),
        *(
            (
                f"ready to type, {cache}, median and worst",
                f"{median(one.ready for one in found):.0f}, {max(one.ready for one in found):.0f} ms (goal 1000);"
                f" processor {median(one.cpu for one in found):.0f}, {max(one.cpu for one in found):.0f} ms",
            )
            for cache, found in (("empty cache", first), ("full cache", again))
        ),
    ]


def _main_thread_ms(devtools: Any) -> float:
    found = {one["name"]: one["value"] for one in devtools.send("Performance.getMetrics")["metrics"]}
    return float(found["TaskDuration"]) * 1000


def _watch(page: Any, address: str) -> list[Load]:
    """-> a list whose last load gets what comes"""
    loads: list[Load] = []
    heads: dict[str, float] = {}
    devtools = page.context.new_cdp_session(page)
    devtools.send("Network.enable")
    host = "/".join(address.split("/")[:3])

    def asked(event: dict[str, Any]) -> None:
        url = event["request"]["url"]
        if not url.startswith((host, "data:", "blob:", host.replace("http", "ws", 1))):
            loads[-1].others.add(url)

    def answered(event: dict[str, Any]) -> None:
        heads[event["requestId"]] = event["response"]["encodedDataLength"]

    def came(event: dict[str, Any]) -> None:
        whole = event["encodedDataLength"]  # 0 of what lay in the cache
        head = min(whole, heads.get(event["requestId"], 0))
        loads[-1].heads += head
        loads[-1].bodies += whole - head

    devtools.on("Network.requestWillBeSent", asked)
    devtools.on("Network.responseReceived", answered)
    devtools.on("Network.loadingFinished", came)
    return loads


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
