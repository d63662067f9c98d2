"""Draws the icons of the app from static/icon.svg, with Chromium: `.venv/bin/python -m tests.installing.icons`.

A maskable icon fills its square, for the system cuts its shape out of it; what must be seen stands within the middle
80 % (W3C, Web Application Manifest, "icon masks and safe zone").
"""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.conftest import CHROMIUM

STATIC = Path(__file__).resolve().parents[2] / "static"
_SAFE = 0.8  # of the width


def main() -> None:
    drawing = (STATIC / "icon.svg").read_text()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        for name, size, svg in (("192", 192, drawing), ("512", 512, drawing), ("maskable-512", 512, filled(drawing))):
            page = browser.new_page(viewport={"width": size, "height": size})
            page.set_content(f"<style>body {{ margin: 0 }} svg {{ display: block; width: {size}px }}</style>{svg}")
            page.screenshot(path=STATIC / "icons" / f"{name}.png", omit_background=True)
        browser.close()


def filled(drawing: str) -> str:
    """The ground without round corners, the rest smaller in its middle."""
    ground = re.search(r"<rect[^>]*/>", drawing)
    assert ground is not None
    rest = drawing.removesuffix("</svg>").split(ground[0])[1]
    edge = 32 * (1 - _SAFE) / 2
    square = re.sub(r' rx="\d+"', "", ground[0])
    head = drawing.split(ground[0])[0]
    return f'{head}{square}<g transform="translate({edge} {edge}) scale({_SAFE})">{rest}</g></svg>'


if __name__ == "__main__":
    main()
