"""What a button says can be read while the pointer is on it."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.double import Double
from tests.browser.test_documents_page import DOCUMENTS, stage

CONTRAST = """(button) => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d");
  const light = (colour) => {
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const parts = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map((one) => one / 255);
    const linear = parts.map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const style = getComputedStyle(button);
  const [more, less] = [light(style.color), light(style.backgroundColor)].sort((a, b) => b - a);
  return { contrast: (more + 0.05) / (less + 0.05), background: style.backgroundColor };
}"""


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("opens", "kind"), [("New collection", "primary"), ("Delete collection…", "danger")])
def test_a_button_under_the_pointer_can_be_read(page: Any, double: Double, theme: str, opens: str, kind: str) -> None:
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    stage(double, DOCUMENTS)
    page.goto("/documents/")
    page.get_by_role("button", name=opens, exact=True).click()
    button = page.get_by_role("dialog").locator(f".button.{kind}")
    expect(button).to_be_visible()
    page.mouse.move(0, 0)
    before = button.evaluate(CONTRAST)
    button.hover()
    expect(button).not_to_have_css("background-color", before["background"])
    assert button.evaluate(CONTRAST)["contrast"] >= 4.5
