"""Everything that matters can be done from the keyboard, and one sees where one is."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import expect

from tests.browser.double import TURN, Double, answered, opened

FOCUS = """() => {
  const style = getComputedStyle(document.activeElement);
  return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
}"""


def tab_to(page: Any, wanted: Any, key: str = "Tab") -> None:
    for _ in range(40):
        page.keyboard.press(key)
        if wanted.evaluate("node => node === document.activeElement"):
            assert page.evaluate(FOCUS), "one does not see where the focus is"
            return
    raise AssertionError(f"{key} does not lead to {wanted}")


def test_ask_open_a_source_close_it_and_stop_without_a_mouse(page: Any, double: Double) -> None:
    page.goto("/")
    expect(page.get_by_label("Your question")).to_be_focused()
    page.keyboard.type("May I carry leave over?")
    page.keyboard.press("Enter")
    page.wait_for_selector(".message.assistant")
    double.answer(done="")
    mark = page.locator(".cite").first
    expect(mark).to_be_visible()
    tab_to(page, mark, "Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#source-panel .passage")).to_contain_text("Up to five days")
    expect(page.get_by_label("Close the source")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#source-panel")).to_be_hidden()
    expect(mark).to_be_focused()
    tab_to(page, page.locator("[data-stop]"))
    page.keyboard.press("Enter")
    double.wait_for("stop", turn=TURN)


def test_the_first_stop_leads_past_the_list_to_the_question(page: Any, double: Double) -> None:
    opened(page, double, answered())
    page.evaluate("document.activeElement.blur()")
    skip = page.get_by_role("link", name="Skip to the question box")
    tab_to(page, skip, "Shift+Tab")
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Your question")).to_be_focused()


def test_copy_answer_again_and_switch_versions_without_a_mouse(page: Any, double: Double) -> None:
    opened(page, double, answered("First version"), answered("Second version", number="second"))
    tab_to(page, page.get_by_role("button", name="Earlier version"), "Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".assistant .prose")).to_have_text("First version")
    tab_to(page, page.get_by_role("button", name="Answer again", exact=True))
    page.keyboard.press("Enter")
    double.wait_for("regenerate")


def test_a_dialog_holds_the_focus_and_gives_it_back(page: Any, double: Double) -> None:
    opened(page, double, answered())
    menu = page.get_by_role("button", name="More about Leave")
    tab_to(page, menu, "Shift+Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    for _ in range(6):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement === document.body || !!document.activeElement.closest('dialog')")
    page.keyboard.press("Escape")
    expect(menu).to_be_focused()


def test_a_small_page_begins_in_its_first_field_and_after_an_error_in_that_one(chromium: Any, live_server: Any) -> None:
    context = chromium.new_context(base_url=live_server.url)
    page = context.new_page()
    page.goto("/accounts/login/")
    expect(page.get_by_label("User name or e-mail")).to_be_focused()
    page.keyboard.type("nobody")
    page.keyboard.press("Tab")
    page.keyboard.type("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_label("User name or e-mail")).to_be_focused()
    context.close()
