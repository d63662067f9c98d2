"""A page of Chromium under measurement: its main thread, frames, memory and shifts of its layout."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import Any

DOUBLE = (Path(__file__).parent / "double.js").read_text()
LONG_MS = 50.0
_CATEGORIES = ["toplevel", "devtools.timeline", "disabled-by-default-devtools.timeline", "v8"]
_WRAPPERS = ("ThreadControllerImpl::RunTask", "RunTask", "Receive mojo message", "Receive mojo reply")


@dataclass
class Trace:
    """Milliseconds: tasks of the page's main thread, their processor time, and the time between two frames."""

    tasks: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    frames: list[float] = field(default_factory=list)
    shift: float = 0.0
    within: str = ""

    @property
    def long_tasks(self) -> list[float]:
        return sorted((one for one in self.tasks if one > LONG_MS), reverse=True)

    def lines(self) -> list[tuple[str, str]]:
        long = self.long_tasks
        frames = sorted(self.frames) or [0.0]
        p95 = quantiles(frames, n=20)[-1] if len(frames) > 1 else frames[0]
        return [
            (f"tasks over {LONG_MS:.0f} ms", f"{len(long)}" + (f" (worst {long[0]:.0f} ms)" if long else "")),
            ("of them by processor time", str(sum(one > LONG_MS for one in self.cpu))),
            ("longest task by processor time", f"{max(self.cpu, default=0):.0f} ms"),
            ("what took longest in it", self.within),
            ("longest task", f"{max(self.tasks, default=0):.0f} ms"),
            ("main thread busy", f"{sum(self.tasks):.0f} ms"),
            ("frame times, median, p95, worst", f"{median(frames):.0f}, {p95:.0f}, {frames[-1]:.0f} ms"),
            ("layout shift", f"{self.shift:.4f}"),
        ]


@dataclass(frozen=True)
class Memory:
    """Megabytes of the script heap, and how many nodes and listeners are held."""

    heap: float
    nodes: int
    listeners: int

    def __str__(self) -> str:
        return f"{self.heap:.2f} MB; {self.nodes} nodes, {self.listeners} listeners"


class Probe:
    def __init__(self, page: Any) -> None:
        self.page = page
        self._devtools = page.context.new_cdp_session(page)
        self._devtools.send("Performance.enable")

    @contextmanager
    def tracing(self) -> Iterator[Trace]:
        """Filled at the end. Needs the double in the page."""
        browser = self.page.context.browser
        trace = Trace()
        browser.start_tracing(page=self.page, categories=_CATEGORIES)
        self.page.evaluate("meters.start()")
        yield trace
        seen = self.page.evaluate("meters.stop()")
        events = json.loads(browser.stop_tracing())["traceEvents"]
        mine = _tasks(events)
        trace.within = _within(events, max(mine, key=lambda task: task.get("tdur", 0)))
        trace.tasks = [event.get("dur", 0) / 1000 for event in mine]
        trace.cpu = [event.get("tdur", 0) / 1000 for event in mine]
        trace.frames, trace.shift = seen["frames"], seen["shift"]

    def memory(self) -> Memory:
        """What is left after what nobody holds is collected."""
        for _ in range(3):
            self._devtools.send("HeapProfiler.collectGarbage")
        found = {one["name"]: one["value"] for one in self._devtools.send("Performance.getMetrics")["metrics"]}
        return Memory(found["JSHeapUsedSize"] / 1e6, int(found["Nodes"]), int(found["JSEventListeners"]))


def _within(events: list[dict[str, Any]], task: dict[str, Any], most: int = 5) -> str:
    """Of one task: its longest parts by processor time, what lies within one another named in turn."""
    begin, end = task["ts"], task["ts"] + task.get("dur", 0)
    parts = [
        event
        for event in events
        if (event.get("pid"), event.get("tid"), event.get("ph")) == (task["pid"], task["tid"], "X")
        and event["name"] not in _WRAPPERS
        and begin <= event["ts"] < end
    ]
    longest = sorted(parts, key=lambda event: -event.get("tdur", 0))[:most]
    return ", ".join(f"{_named(event)} {event.get('tdur', 0) / 1000:.0f} ms" for event in longest)


def _named(event: dict[str, Any]) -> str:
    data = event.get("args", {}).get("data") or {}
    place = Path(data.get("url", "")).name
    function = data.get("functionName", "")
    return " ".join(
        part for part in (event["name"], function, place and f"({place}:{data.get('lineNumber', '')})") if part
    )


def _tasks(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of the main thread that did most: a browser has a renderer for each page and spare ones."""
    mains = {
        (event["pid"], event["tid"])
        for event in events
        if event.get("name") == "thread_name" and event["args"].get("name") == "CrRendererMain"
    }
    tasks = [
        event
        for event in events
        if event.get("name") in ("RunTask", "ThreadControllerImpl::RunTask") and event.get("ph") == "X"
    ]
    work: Counter[tuple[int, int]] = Counter()
    for event in tasks:
        if (event["pid"], event["tid"]) in mains:
            work[event["pid"], event["tid"]] += event.get("dur", 0)
    if not work:
        raise RuntimeError("the trace names no task of a page")
    main, _ = work.most_common(1)[0]
    # One task may be named in two categories: the outer one counts.
    name = Counter(event["name"] for event in tasks if (event["pid"], event["tid"]) == main).most_common(1)[0][0]
    return [event for event in tasks if event["name"] == name and (event["pid"], event["tid"]) == main]
