"""Speed and steadiness of the chat page in a real Chromium: `make bench-pages`.

    python -m benchmarks.pages [--only first_load,streaming,...] [--chromium PATH]

Starts a Footnote of its own with the sample handbook. The first load goes to it; answers come from a double of the
socket inside the page (benchmarks/pages/double.js), which writes at an even pace, and the long conversation from a
double of its HTTP door. Tasks are those of the page's main thread in Chromium's own trace: how long each lasted, and
the processor time of its thread, which is what is left of it on a quiet machine. Memory is the script heap after a
collection.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from benchmarks.pages.measures import first_load, long_conversation, long_streams, streaming
from benchmarks.pages.soak import hour_of_streaming
from tests.running import Footnote

MEASURES: dict[str, Callable[[Any], Iterable[tuple[str, str]]]] = {
    one.__name__: one for one in (first_load, streaming, long_conversation, long_streams, hour_of_streaming)
}
LONG_ONES = ("hour_of_streaming",)  # only where they are named


def signed_in(browser: Any, footnote: Footnote) -> Any:
    context = browser.new_context(base_url=footnote.url, viewport={"width": 1280, "height": 800})
    page = context.new_page()
    footnote.sign_in(page)
    page.goto("/")
    return context


def measure(footnote: Footnote, names: list[str], chromium: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium)
        context = signed_in(browser, footnote)
        for name in names:
            print(f"\n{name.replace('_', ' ')}", flush=True)
            for label, value in MEASURES[name](context):
                print(f"  {label:<56}{value}", flush=True)
        browser.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(name for name in MEASURES if name not in LONG_ONES))
    parser.add_argument("--chromium", default=os.environ.get("FOOTNOTE_CHROMIUM", "/usr/bin/chromium"))
    arguments = parser.parse_args()
    names = arguments.only.split(",")
    if unknown := set(names) - set(MEASURES):
        raise SystemExit(f"There is no measure {', '.join(sorted(unknown))}; there are {', '.join(MEASURES)}.")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        footnote = Footnote(Path(folder) / "var")
        footnote.start()
        try:
            measure(footnote, names, arguments.chromium)
        finally:
            footnote.stop()


if __name__ == "__main__":
    main()
