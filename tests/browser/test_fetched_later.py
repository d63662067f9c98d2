"""What the chat page fetches on its first use alone, and what it says where that cannot be fetched."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import expect

from tests.browser.double import Double, answered, opened


def test_sharing_is_fetched_when_somebody_shares(page: Any, double: Double) -> None:
    opened(page, double, answered())
    with page.expect_request("**/js/sharing.js"):
        page.locator("#chat-menu").click()
        page.get_by_role("menuitem", name="Share").click()


def test_where_it_cannot_be_fetched_the_page_says_so(page: Any, double: Double) -> None:
    opened(page, double, answered())
    page.route("**/js/{sharing,importing}.js", lambda route: route.abort())
    told = page.locator("#conversations .notice.problem")
    page.locator("#chat-menu").click()
    page.get_by_role("menuitem", name="Share").click()
    expect(told).to_contain_text("The server cannot be reached.")
    told.evaluate("node => node.remove()")
    page.keyboard.press("Control+k")
    page.keyboard.type("Import")
    page.keyboard.press("Enter")
    expect(told).to_contain_text("The server cannot be reached.")
