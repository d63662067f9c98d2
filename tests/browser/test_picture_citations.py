"""A citation of a picture whose text was recognised opens the picture, with the passage marked on it."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import expect

from tests.browser.double import PASSAGE, Double
from tests.browser.test_accessibility import check

TURNED = 6  # EXIF: to be turned right by 90 degrees
BOX = [1, 0.25, 0.5, 0.75, 0.6]
AT_THE_MARK = """() => {
  const sheet = document.querySelector(".pdf-sheet canvas"), mark = document.querySelector(".pdf-mark").getBoundingClientRect();
  const box = sheet.getBoundingClientRect(), part = (x, y) =>
    [...sheet.getContext("2d").getImageData((x - box.left) / box.width * sheet.width, (y - box.top) / box.height * sheet.height, 1, 1).data];
  return [part((mark.left + mark.right) / 2, (mark.top + mark.bottom) / 2), part((mark.left + mark.right) / 2, mark.top - 12)];
}"""  # noqa: E501 - a script


def picture(kind: str, turned: bool) -> bytes:
    """A black bar on white where the box is, as one sees it."""
    shown = Image.new("RGB", (400, 600), "white")
    ImageDraw.Draw(shown).rectangle((100, 300, 300, 360), fill="black")
    exif = Image.Exif()
    if turned:
        shown = shown.rotate(90, expand=True)
        exif[0x0112] = TURNED
    file = BytesIO()
    shown.save(file, kind, exif=exif)
    return file.getvalue()


@pytest.fixture
def scan(page: Any, double: Double) -> Any:
    """-> opens a citation of this file"""

    def opened(body: bytes | None, media_type: str) -> None:
        document = {**PASSAGE["document"], "name": "scan", "title": "", "pages": 1, "media_type": media_type}
        double.passage = {**PASSAGE, "page": 1, "boxes": [BOX], "document": document}
        answer = {"status": 404} if body is None else {"body": body, "content_type": "application/octet-stream"}
        page.route(f"**{PASSAGE['download']}", lambda route: route.fulfill(**answer))
        page.goto("/")
        double.ask()
        double.answer()
        page.locator(".cite").first.click()

    return opened


@pytest.mark.parametrize(
    ("kind", "turned"), [("png", False), ("jpeg", False), ("jpeg", True), ("webp", False), ("bmp", False)]
)
def test_the_picture_is_drawn_upright_and_the_mark_lies_over_the_words(
    page: Any, scan: Any, kind: str, turned: bool
) -> None:
    scan(picture(kind, turned), f"image/{kind}")
    expect(page.locator(".pdf-mark")).to_be_visible()
    under, above = page.evaluate(AT_THE_MARK)
    assert max(under[:3]) < 40 and min(above[:3]) > 215
    page.get_by_role("button", name="Larger").click()
    expect(page.get_by_role("button", name="Fit width")).to_have_attribute("aria-disabled", "false")
    under, above = page.evaluate(AT_THE_MARK)
    assert max(under[:3]) < 40 and min(above[:3]) > 215
    expect(page.locator("#source-panel mark")).to_be_visible()
    assert page.problems == []


def test_axe_finds_nothing_beside_a_picture(page: Any, scan: Any) -> None:
    scan(picture("png", turned=False), "image/png")
    expect(page.locator(".pdf-mark")).to_be_visible()
    check(page)


@pytest.mark.parametrize("body", [None, b"no picture"])
def test_a_picture_that_cannot_be_shown_leaves_the_words(page: Any, scan: Any, body: bytes | None) -> None:
    scan(body, "image/png")
    expect(page.locator(".pdf-note")).to_have_text("This picture cannot be shown. Its words follow below.")
    expect(page.locator("#source-panel mark")).to_be_visible()


def test_a_picture_that_browsers_do_not_draw_is_not_tried(page: Any, scan: Any) -> None:
    scan(b"", "image/tiff")
    expect(page.locator("#source-panel mark")).to_be_visible()
    expect(page.locator(".pdf-view")).to_have_count(0)
