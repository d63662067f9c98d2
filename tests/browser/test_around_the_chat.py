"""The list of conversations, the theme, and what the page says when the server does not answer."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from retrieval.models import Passage
from tests.browser.double import CONVERSATION, Double, answered, opened, stored
from tests.browser.states import handbook

FAILS = {"status": 503, "json": {"error": {"message": "The database rests.", "advice": "Wait a moment."}}}


def row(number: int) -> dict[str, Any]:
    return {"id": f"{number}", "title": f"Conversation {number}", "updated_at": f"2026-01-01T00:00:{number % 60:02}Z"}


def test_older_conversations_are_fetched_when_asked_for(page: Any, double: Double) -> None:
    double.conversations = [row(number) for number in range(50)]
    page.goto("/")
    expect(page.locator("li[data-conversation]")).to_have_count(50)
    double.conversations = [row(number) for number in range(50, 55)]
    with page.expect_request(lambda request: "before=" in request.url):
        page.get_by_role("button", name="Show older").click()
    expect(page.locator("li[data-conversation]")).to_have_count(55)
    expect(page.get_by_role("button", name="Show older")).to_have_count(0)


def test_a_list_that_cannot_be_fetched_says_so_and_is_tried_again(page: Any, double: Double) -> None:
    stored(double, answered())
    page.route("**/api/conversations/?*", lambda route: route.fulfill(**FAILS))
    page.goto("/")
    expect(page.locator("#conversations")).to_contain_text("The database rests.")
    page.unroute("**/api/conversations/?*")
    page.locator("#conversations").get_by_role("button", name="Try again").click()
    expect(page.get_by_role("link", name="Leave")).to_be_visible()


def test_a_conversation_that_cannot_be_opened_says_so_and_is_tried_again(page: Any, double: Double) -> None:
    stored(double, answered("Here I am."))
    page.goto("/")
    page.route(f"**/api/conversations/{CONVERSATION}/", lambda route: route.fulfill(**FAILS))
    page.get_by_role("link", name="Leave").click()
    expect(page.locator("#notice")).to_contain_text("The database rests.")
    page.unroute(f"**/api/conversations/{CONVERSATION}/")
    page.locator("#notice").get_by_role("button", name="Try again").click()
    expect(page.locator(".assistant .prose")).to_have_text("Here I am.")
    expect(page.locator("#notice")).to_be_hidden()


def test_a_deletion_that_failed_keeps_the_conversation_and_says_so(page: Any, double: Double) -> None:
    opened(page, double, answered())
    page.route(f"**/api/conversations/{CONVERSATION}/", lambda route: route.fulfill(**FAILS))
    page.locator("li.current").hover()
    page.get_by_role("button", name="More about Leave").click()
    page.get_by_role("menuitem", name="Delete…").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator("#conversations").get_by_role("alert")).to_contain_text("The database rests.")
    expect(page.get_by_role("link", name="Leave")).to_be_visible()


def test_a_source_that_cannot_be_fetched_says_why_and_shows_what_was_quoted(page: Any, double: Double) -> None:
    page.goto("/")
    double.ask()
    double.answer()
    page.route("**/api/passages/**", lambda route: route.fulfill(**FAILS))
    page.locator(".cite").first.click()
    expect(page.locator("#source-panel")).to_contain_text("The database rests. Wait a moment.")
    expect(page.locator("#source-panel .passage")).to_contain_text("Up to five days")


def test_a_source_that_may_no_longer_be_read_says_so_and_shows_its_words_no_more(page: Any, double: Double) -> None:
    page.goto("/")
    double.ask()
    double.answer()
    missing = {"code": "not_found", "message": "There is nothing here that you can see.", "advice": "Ask."}
    page.route("**/api/passages/**", lambda route: route.fulfill(status=404, json={"error": missing}))
    page.locator(".cite").first.click()
    panel = page.locator("#source-panel")
    expect(panel).to_contain_text("Staff handbook 2026.pdf")
    expect(panel).to_contain_text("This document can no longer be read.")
    expect(panel).not_to_contain_text("nothing here that you can see")
    expect(panel.locator(".passage")).to_have_count(0)


def test_the_chosen_theme_stays_after_a_reload(page: Any, double: Double) -> None:
    page.emulate_media(color_scheme="light")
    page.goto("/")
    page.get_by_role("button", name="Use the dark theme").click()
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.reload()
    expect(page.get_by_role("button", name="Use the light theme")).to_be_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark == "rgb(23, 25, 26)"


def test_going_back_and_forward_opens_the_conversations_again(page: Any, double: Double) -> None:
    opened(page, double, answered("Here I am."))
    page.get_by_role("button", name="New chat").first.click()
    expect(page.get_by_role("heading", name="Ask your documents")).to_be_visible()
    page.go_back()
    expect(page.locator(".assistant .prose")).to_have_text("Here I am.")
    page.go_forward()
    expect(page.get_by_role("heading", name="Ask your documents")).to_be_visible()


def test_the_empty_page_offers_sections_first_and_titles_after_them(page: Any, double: Double) -> None:
    handbook()
    Passage.objects.exclude(document__title="Expenses").update(heading="Leave")
    page.goto("/")
    expect(page.locator(".example")).to_have_text(
        [
            "What do the documents say about “Leave”?",
            "What do the documents say about “Travel abroad”?",
        ]
    )
    page.locator(".example").last.click()
    assert double.wait_for("ask")["text"] == "What do the documents say about “Travel abroad”?"


@pytest.mark.parametrize(
    "headings",
    [
        ("Sheet1", "PERSONAL DETAILS", "Chapter 1: Scope"),
        ("5. Contact", "Page PART I : FINANCIAL INFORMATION", "20. Coimbatore, Tamil Nadu"),
    ],
)
def test_the_empty_page_offers_no_headings_that_say_nothing(
    page: Any, double: Double, headings: tuple[str, str, str]
) -> None:
    handbook()
    for title, heading in zip(("Leave", "Expenses", "Security"), headings, strict=True):
        Passage.objects.filter(document__title=title).update(heading=heading)
    page.goto("/")
    titles = ("Security", "Expenses", "Leave")
    expect(page.locator(".example")).to_have_text([f"What do the documents say about “{one}”?" for one in titles])


def test_a_heading_is_offered_without_its_number(page: Any, double: Double) -> None:
    handbook()
    Passage.objects.filter(document__title="Leave").update(heading="3.2 Baggage rules")
    page.goto("/")
    expect(page.get_by_role("button", name="What do the documents say about “Baggage rules”?")).to_be_visible()
