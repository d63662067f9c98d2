"""The buttons under an answer that say whether it was good."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from playwright.sync_api import expect

from tests.browser.double import Double, answered, opened
from tests.browser.test_accessibility import check

FOLDER = os.environ.get("FOOTNOTE_SCREENSHOTS", "")


def pressed(page: Any) -> list[str]:
    found: list[str] = page.locator(".rating [aria-pressed=true]").evaluate_all(
        "all => all.map((one) => one.ariaLabel)"
    )
    return found


def test_an_answer_is_rated_and_the_rating_taken_back(page: Any, double: Double) -> None:
    opened(page, double, answered())
    good = page.get_by_role("button", name="Good answer")
    good.click()
    expect(good).to_have_attribute("aria-pressed", "true")
    assert double.ratings == [{"rating": "good"}]
    good.click()
    expect(good).to_have_attribute("aria-pressed", "false")
    assert page.locator(".reasons").count() == 0
    expect(good).to_be_focused()


def test_what_was_wrong_is_asked_and_may_be_left_unsaid(page: Any, double: Double) -> None:
    opened(page, double, answered())
    bad = page.get_by_role("button", name="Bad answer")
    bad.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("checkbox", name="It is wrong")).to_be_focused()
    check(page)
    page.keyboard.press("Escape")
    expect(page.locator(".reasons")).to_have_count(0)
    expect(bad).to_be_focused()
    assert double.ratings == [{"rating": "bad"}] and pressed(page) == ["Bad answer"]


def test_reasons_are_sent(page: Any, double: Double) -> None:
    opened(page, double, answered())
    page.get_by_role("button", name="Bad answer").click()
    page.get_by_label("The sources do not say so").check()
    page.get_by_label("In your own words").fill("It is five days.")
    page.get_by_role("button", name="Send feedback").click()
    expect(page.locator("#announcer")).to_contain_text("Thank you")
    assert double.ratings[-1] == {"rating": "bad", "reasons": ["unsupported"], "text": "It is five days."}
    expect(page.locator(".reasons")).to_have_count(0)


def test_a_rating_that_is_there_is_shown(page: Any, double: Double) -> None:
    opened(page, double, answered() | {"rating": {"rating": "bad", "reasons": ["wrong"], "text": ""}})
    expect(page.locator(".rating")).to_be_visible()
    assert pressed(page) == ["Bad answer"] and page.locator(".reasons").count() == 0
    check(page)
    if FOLDER:
        page.set_viewport_size({"width": 1280, "height": 800})
        page.get_by_role("button", name="Good answer").click()
        page.get_by_role("button", name="Bad answer").click()
        page.screenshot(path=Path(FOLDER) / "rating-1280.png")


def test_a_rating_that_is_refused_is_not_shown_as_kept(page: Any, double: Double) -> None:
    double.refused_rating = {"status": 404, "json": {"error": {"code": "not_found", "message": "It is gone."}}}
    opened(page, double, answered())
    page.get_by_role("button", name="Good answer").click()
    expect(page.locator("#notice")).to_contain_text("Your rating was not kept. It is gone.")
    assert pressed(page) == []


def test_only_an_answer_that_has_ended_can_be_rated(page: Any, double: Double) -> None:
    page.goto("/")
    double.ask()
    double.answer(done="")
    expect(page.locator(".assistant .prose")).to_contain_text("five days")
    assert page.locator(".rating").count() == 0
    double.finish()
    expect(page.locator(".rating")).to_have_count(1)
