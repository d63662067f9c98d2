"""What a person waits for, measured in a real browser on a Footnote that this starts with the sample handbook.

    python -m benchmarks.browser [--questions 20]

From pressing return: until the first frame of the answer has come, until its first text has come, until that text is
painted, and until the answer is complete. No model: the extractive engine answers.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from tests.running import Footnote

QUESTIONS = (
    "How many days of annual leave do I get?",
    "What may I spend on a hotel?",
    "How long must a password be?",
    "Who approves a purchase?",
    "What does the support level Gold include?",
)
# In the page: when return was pressed, and when each kind of frame came first; then the paint after the first text.
CLOCK = """
window.clock = {};
const Plain = WebSocket;
window.WebSocket = class extends Plain {
  constructor(...values) {
    super(...values);
    this.addEventListener("message", (event) => {
      const frame = JSON.parse(event.data), clock = window.clock, now = performance.now();
      if (frame.seq === undefined) return;
      clock.frame ??= now;
      if (frame.type === "text" && clock.text === undefined) {
        clock.text = now;
        requestAnimationFrame(() => setTimeout(() => (clock.painted = performance.now())));
      }
      if (frame.type === "done") clock.done = now;
    });
  }
};
addEventListener("keydown", (event) => event.key === "Enter" && (window.clock = { pressed: performance.now() }), true);
"""
POINTS = {"frame": "first frame", "text": "first text", "painted": "text painted", "done": "complete"}


def ask(page: Any, question: str) -> dict[str, float]:
    """-> milliseconds from pressing return"""
    page.get_by_label("Your question").fill(question)
    page.keyboard.press("Enter")
    deadline = time.monotonic() + 30
    while not POINTS.keys() <= (clock := page.evaluate("window.clock")).keys():
        if time.monotonic() > deadline:
            raise TimeoutError(f"no answer to {question!r}: {clock}")
        page.wait_for_timeout(100)
    page.wait_for_timeout(300)
    return {point: clock[point] - clock["pressed"] for point in POINTS}


def measure(footnote: Footnote, questions: int, chromium: str) -> list[dict[str, float]]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium)
        page = browser.new_page(base_url=footnote.url)
        page.add_init_script(CLOCK)
        footnote.sign_in(page)
        page.goto("/")
        page.wait_for_timeout(1000)
        found = [ask(page, QUESTIONS[number % len(QUESTIONS)]) for number in range(questions + 1)]
        browser.close()
    return found[1:]  # the first one warms the index service


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=20)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        footnote = Footnote(Path(folder) / "var")
        footnote.start()
        try:
            found = measure(footnote, arguments.questions, arguments.chromium)
        finally:
            footnote.stop()
    print(f"{len(found)} questions, milliseconds from pressing return{'median':>10}{'worst':>8}")
    for point, label in POINTS.items():
        values = [one[point] for one in found]
        print(f"{label:>50}{statistics.median(values):10.0f}{max(values):8.0f}")


if __name__ == "__main__":
    main()
