"""Pictures of every state, to look at. Taken only on demand: FOOTNOTE_SCREENSHOTS=folder.

The README shows real-citation-1280-light.png and real-documents-1280-light.png, kept in docs/screenshots.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from chatapp.accounts.links import make_link
from tests.browser.double import ENGINES, SOURCES, TEXT, Double, answered, opened
from tests.browser.states import HARD_TEXT, handbook, lose_the_line, show_server_error, show_uploads
from tests.browser.test_documents_page import DOCUMENTS, stage
from tests.running import Footnote

FOLDER = os.environ.get("FOOTNOTE_SCREENSHOTS", "")
LOOKS = [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")]
pytestmark = pytest.mark.skipif(not FOLDER, reason="pictures are taken on demand: FOOTNOTE_SCREENSHOTS=folder")


def shoot(page: Any, name: str) -> None:
    for width, theme in LOOKS:
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        page.wait_for_timeout(120)
        page.screenshot(path=Path(FOLDER) / f"{name}-{width}-{theme}.png")


def _of_the_first(page: Any, entry: str) -> None:
    """What the menu of the first conversation in the list offers."""
    row = page.locator("li[data-conversation]").first
    row.hover()
    row.get_by_role("button", name="More about").click()
    page.get_by_role("menuitem", name=entry).click()


def test_pictures_of_the_chat(page: Any, double: Double) -> None:
    stamp = "2026-11-21T00:00:00Z"
    titles = ["Expenses abroad", "Who approves a purchase?", "Prices of the Pro plan"]
    double.conversations = [{"id": f"{n}", "title": title, "updated_at": stamp} for n, title in enumerate(titles)]
    page.goto("/")
    shoot(page, "empty")
    handbook()
    page.reload()
    shoot(page, "examples")
    page.set_viewport_size({"width": 390, "height": 800})
    page.locator("#menu").click()
    page.wait_for_timeout(300)
    page.screenshot(path=Path(FOLDER) / "sidebar-390-dark.png")
    page.keyboard.press("Escape")
    double.ask()
    double.frame("stage", stage="searching", queue_position=None, read=0, of=0)
    expect(page.locator(".assistant .stage")).to_contain_text("Searching")
    shoot(page, "searching")
    double.answer(text=TEXT[:60], done="")
    expect(page.locator(".assistant .prose")).to_contain_text("Yes.")
    shoot(page, "streaming")
    double.frame("text", text=TEXT[60:])
    double.finish()
    shoot(page, "answered")
    page.locator(".cite").first.click()
    expect(page.locator("#source-panel mark")).to_be_visible()
    shoot(page, "citation")


def test_pictures_of_a_long_answer_and_of_a_lost_line(page: Any, double: Double) -> None:
    page.goto("/")
    double.ask("Show me everything about prices, please: " + "and more of it, " * 20)
    double.answer(text=HARD_TEXT, engine="extractive")
    expect(page.locator(".hljs-comment")).to_be_visible()
    shoot(page, "rich-end")
    page.locator("#scroller").evaluate("node => node.scrollTop = 0")
    shoot(page, "rich")
    page.set_viewport_size({"width": 1280, "height": 800})
    _of_the_first(page, "Delete…")
    shoot(page, "delete")
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    double.question, double.writes = "second question", "second answer"
    double.ask("And then?")
    double.answer(done="")
    lose_the_line(page, double)
    shoot(page, "lost")


def test_picture_of_a_failure(page: Any, double: Double) -> None:
    page.goto("/")
    double.ask()
    double.frame(
        "error", code="dead", message="The model stopped working.", advice="Try again in a moment.", retryable=True
    )
    double.finish("failed")
    shoot(page, "failed")


def test_pictures_of_the_documents(page: Any, double: Double) -> None:
    page.goto("/documents/")
    expect(page.locator("#no-collection")).to_be_visible()
    shoot(page, "documents-start")
    stage(double, [])
    page.reload()
    expect(page.locator("#none")).to_be_visible()
    shoot(page, "documents-empty")
    stage(double, DOCUMENTS)
    page.reload()
    expect(page.locator(".row")).to_have_count(5)
    shoot(page, "documents")
    page.set_viewport_size({"width": 1280, "height": 800})
    page.get_by_role("button", name="New collection").click()
    shoot(page, "collection")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Edit", exact=True).click()
    shoot(page, "collection-edit")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Delete collection…").click()
    shoot(page, "collection-delete")
    page.keyboard.press("Escape")
    show_uploads(page, double)
    shoot(page, "uploads")


def test_pictures_of_captions(page: Any, double: Double) -> None:
    failed = {"engine": "extractive", "from": 0, "note": "fake-1 could not be reached."}
    sources = [source | {"document": source["document"] | {"collection": name}} for source, name in
               zip(SOURCES, ("Handbook", "Finance"), strict=True)]  # fmt: skip
    opened(page, double, answered() | {"engine": "extractive", "written_by": [failed], "sources": sources})
    shoot(page, "caption-quoted")
    page.set_viewport_size({"width": 1280, "height": 800})
    opened(page, double, answered("The documents do not say, as far as I can find.") | {"engine": "extractive"})
    shoot(page, "caption-nothing")


def test_pictures_of_dialogs_and_of_a_stopped_answer(page: Any, double: Double) -> None:
    double.engines = ENGINES
    page.goto("/")
    double.ask()
    double.answer(done="stopped", engine="local: qwen3-4b")
    shoot(page, "stopped")
    page.get_by_role("button", name="Edit this question").focus()
    page.keyboard.press("Enter")
    shoot(page, "edit")
    page.set_viewport_size({"width": 1280, "height": 800})
    page.get_by_role("button", name="Models").click()
    expect(page.get_by_role("dialog")).to_contain_text("No model")
    shoot(page, "engines")
    page.keyboard.press("Escape")
    page.set_viewport_size({"width": 1280, "height": 800})
    _of_the_first(page, "Rename…")
    shoot(page, "rename")


def test_pictures_of_sign_in_and_of_an_error(page: Any, person: Any) -> None:
    page.goto("/nothing-here/")
    shoot(page, "error")
    page.goto("/accounts/logout/")
    shoot(page, "logout")
    show_server_error(page)
    shoot(page, "broken")
    page.goto("/accounts/inactive/")
    shoot(page, "inactive")
    page.context.clear_cookies()
    page.goto("/accounts/login/")
    shoot(page, "login")
    page.goto(make_link(person))
    shoot(page, "link")
    page.get_by_role("button", name="Sign in as ada").click()
    expect(page.get_by_role("heading", name="Choose a password")).to_be_visible()
    shoot(page, "password")
    for field in page.locator("input[type=password]").all():
        field.fill("ada")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert").first).to_be_visible()
    shoot(page, "password-refused")


def test_pictures_of_the_real_product(chromium: Any, tmp_path: Path) -> None:
    running = Footnote(tmp_path / "var")
    running.start()
    page = chromium.new_context(base_url=running.url).new_page()
    try:
        running.sign_in(page)
        page.goto("/")
        shoot(page, "real-empty")
        page.get_by_label("Your question").fill("How many days of leave may I carry over, and until when?")
        page.keyboard.press("Enter")
        expect(page.locator(".assistant .tools")).to_be_visible()
        shoot(page, "real-answered")
        page.locator(".cite").first.click()
        expect(page.locator("#source-panel mark")).to_be_visible()
        shoot(page, "real-citation")
        page.goto("/documents/")
        expect(page.locator(".row").first).to_be_visible()
        shoot(page, "real-documents")
    finally:
        running.stop()
