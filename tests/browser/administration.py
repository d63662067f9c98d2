"""Looks at one of our own pages among Django's: what stands around it is Django's."""

from __future__ import annotations

import os
from itertools import count
from pathlib import Path
from typing import Any

from tests.browser.test_accessibility import AXE, LOOKS, TAGS

FOLDER = os.environ.get("FOOTNOTE_SCREENSHOTS", "")  # to look at what was checked
_PICTURES = count()
_FADED_MS = 300  # Django's links change their colours slowly
_RUN = """async ([tags, within]) => {
  const found = await axe.run(within, { runOnly: tags, resultTypes: ["violations"] });
  const words = (rule, node) => `${rule.id}: ${node.target} ${node.failureSummary}`;
  return found.violations.flatMap((rule) => rule.nodes.map((node) => words(rule, node)));
}"""
_WIDER = """() => [...document.querySelectorAll("#content-main *")].filter((node) => {
  const box = node.getBoundingClientRect();
  return box.width && !node.parentElement.closest(".table-scroll") && box.right > innerWidth + 1;
}).map((node) => `${node.tagName}.${node.className.baseVal ?? node.className} is wider than the window`)"""


def check(page: Any, name: str, looks: list[tuple[int, str]] = LOOKS, within: str = "#content-main") -> None:
    """Raises with every violation of every look. `within` leaves out what Django draws."""
    found: list[str] = []
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    for width, theme in looks:
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        page.wait_for_timeout(_FADED_MS)
        found += [f"{width} {theme} {line}" for line in page.evaluate(_RUN, [TAGS, within])]
        found += [f"{width} {theme} {line}" for line in page.evaluate(_WIDER)]
        if FOLDER:
            page.screenshot(path=Path(FOLDER) / f"{name}-{next(_PICTURES)}-{width}-{theme}.png", full_page=True)
    assert not found, "\n".join(found)
