"""What is searched: chosen at the box one writes in, shown there, kept with the conversation."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.double import ANSWER, COLLECTION, Double, answered, stored
from tests.browser.states import handbook
from tests.browser.test_accessibility import check

TRAVEL = "77777777-7777-4777-8777-777777777777"
PDF = "application/pdf"
SCOPE = {
    "collections": [
        {"id": COLLECTION, "name": "Handbook", "documents": 12},
        {"id": TRAVEL, "name": "Travel and expenses", "documents": 3},
    ],
    "kinds": [
        {"name": "PDF", "types": [PDF], "documents": 9},
        {"name": "E-mail", "types": ["message/rfc822", "application/vnd.ms-outlook"], "documents": 6},
    ],
}
NARROWED = {"collections": [TRAVEL], "filters": {"types": [PDF], "until": "2025-02-01T00:00:00+00:00"}}


@pytest.fixture
def narrow(page: Any, double: Double) -> Any:
    """-> opens the panel of a chat that has documents"""
    handbook()
    double.scope = SCOPE

    def show(path: str = "/") -> Any:
        page.goto(path)
        page.locator("#scope-button").click()
        return page.get_by_role("dialog", name="Search in")

    return show


def chips(page: Any) -> Any:
    return page.locator("#scope-chips li")


def test_a_question_is_asked_of_what_was_chosen_and_the_chips_say_so(page: Any, double: Double, narrow: Any) -> None:
    panel = narrow()
    panel.get_by_label("Handbook").check()
    expect(panel.get_by_label("All collections")).not_to_be_checked()
    panel.get_by_label("E-mail").check()
    panel.get_by_label("From").fill("2025-01-31")
    panel.get_by_label("Path begins with").fill("reports/")
    panel.get_by_role("button", name="Done").click()
    expect(panel).to_be_hidden()
    expect(chips(page)).to_have_text(["Handbook", "E-mail", "From 31 Jan 2025", "Path reports/…"])
    double.ask()
    asked = double.wait_for("ask")
    assert asked["collections"] == [COLLECTION]
    assert asked["filters"] == {"types": SCOPE["kinds"][1]["types"], "since": "2025-01-31", "path": "reports/"}
    double.answer()
    expect(page.locator(".searched")).to_contain_text("Handbook · E-mail · from 31 Jan 2025 · path reports/…")
    page.get_by_role("button", name="No longer only: E-mail").click()
    expect(chips(page)).to_have_text(["Handbook", "From 31 Jan 2025", "Path reports/…"])
    page.get_by_role("button", name="Answer again", exact=True).click()
    assert double.wait_for("regenerate")["filters"] == {"since": "2025-01-31", "path": "reports/"}
    assert page.problems == []


def test_nothing_chosen_is_everything(page: Any, double: Double, narrow: Any) -> None:
    panel = narrow()
    panel.get_by_label("Handbook").check()
    panel.get_by_role("button", name="Clear all").click()
    expect(panel.get_by_label("All collections")).to_be_checked()
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(page.locator("#scope-button")).to_be_focused()
    expect(page.locator("#scope-button")).to_have_text("All documents")
    double.ask()
    asked = double.wait_for("ask")
    assert (asked["collections"], asked["filters"]) == (None, {})


def test_the_choice_comes_back_with_the_conversation(page: Any, double: Double, narrow: Any) -> None:
    stored(double, {**answered(), **NARROWED})
    page.goto("/")
    page.get_by_role("link", name="Leave").click()
    expect(chips(page)).to_have_text(["Travel and expenses", "PDF", "Until 31 Jan 2025"])
    page.get_by_label("Your question").fill("And then?")
    page.keyboard.press("Enter")
    asked = double.wait_for("ask")
    assert asked["collections"] == [TRAVEL]
    assert asked["filters"] == {"types": [PDF], "until": "2025-01-31"}
    page.locator("[data-new-chat]").first.click()
    expect(chips(page)).to_have_count(0)


def test_a_choice_that_was_not_asked_yet_survives_a_reload(page: Any, double: Double, narrow: Any) -> None:
    narrow().get_by_label("Handbook").check()
    page.reload()
    expect(chips(page)).to_have_text(["Handbook"])


def test_an_edited_question_searches_what_is_shown(page: Any, double: Double, narrow: Any) -> None:
    stored(double, {**answered(), **NARROWED})
    page.goto("/")
    page.get_by_role("link", name="Leave").click()
    expect(chips(page)).to_have_count(3)
    page.get_by_role("button", name="No longer only: PDF").click()
    page.locator(".message.user").hover()
    page.get_by_role("button", name="Edit this question").click()
    page.get_by_label("Edit your question").fill("May I, then?")
    page.keyboard.press("Enter")
    asked = double.wait_for("edit")
    assert (asked["collections"], asked["filters"]) == ([TRAVEL], {"until": "2025-01-31"})


def test_where_the_limits_leave_nothing_the_rest_is_one_click_away(page: Any, double: Double, narrow: Any) -> None:
    nothing = {**answered("The documents do not say."), "sources": [], "citations": [], **NARROWED}
    stored(double, nothing)
    page.goto("/")
    page.get_by_role("link", name="Leave").click()
    notice = page.locator(".searched-nothing")
    expect(notice).to_contain_text(
        "Nothing was found in what was searched: Travel and expenses · PDF · until 31 Jan 2025."
    )
    check(page)
    notice.get_by_role("button", name="Ask all documents").click()
    asked = double.wait_for("regenerate", message=ANSWER)
    assert (asked["collections"], asked["filters"]) == (None, {})
    expect(chips(page)).to_have_count(0)


def test_the_panel_works_by_keyboard_alone(page: Any, double: Double, narrow: Any) -> None:
    panel = narrow()
    expect(panel.get_by_label("Handbook")).to_be_visible()
    expect(panel.get_by_role("heading", name="Search in")).to_be_focused()
    for key in ("Tab", "Tab", "Space", "Escape"):
        page.keyboard.press(key)
    expect(chips(page)).to_have_text(["Handbook"])
    expect(page.locator("#scope-button")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(chips(page)).to_have_count(0)
    expect(page.locator("#scope-button")).to_be_focused()
    assert double.kinds() == [], "nothing of this asks a question"


def test_axe_finds_nothing_in_the_open_panel(page: Any, double: Double, narrow: Any) -> None:
    many = [
        {"id": f"{n:08}-0000-4000-8000-000000000000", "name": f"A collection {n}", "documents": n} for n in range(30)
    ]
    double.scope = {**SCOPE, "collections": [*SCOPE["collections"], *many]}
    panel = narrow()
    for name in ("Travel and expenses", "A collection 2", "PDF"):
        panel.get_by_label(name, exact=False).first.check()
    panel.get_by_label("Until").fill("2026-01-31")
    check(page)
    panel.get_by_label("Find a collection").fill("travel")
    expect(panel.locator(".scope-list li:visible")).to_contain_text(["All collections", "Travel and expenses"])
    page.keyboard.press("Escape")
    check(page)


def test_a_choice_that_cannot_be_loaded_says_so(page: Any, double: Double, narrow: Any) -> None:
    page.route("**/api/scope/", lambda route: route.abort())
    expect(narrow()).to_contain_text("The server cannot be reached.")
