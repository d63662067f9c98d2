"""The buttons under an answer that say whether it was good."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from playwright.sync_api import expect

from tests.browser.double import SOURCES, Double, answered, opened
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
    opened(page, double, answered() | {"sources": SOURCES})
    page.get_by_role("button", name="Bad answer").click()
    page.get_by_label("The sources do not say so").check()
    page.get_by_label("In your own words").fill("It is five days.")
    page.get_by_label("What would have been right").fill("Six days.")
    check(page)
    page.get_by_role("button", name="Send feedback").click()
    expect(page.locator("#announcer")).to_contain_text("Thank you")
    said = {"rating": "bad", "reasons": ["unsupported"], "text": "It is five days.", "correction": "Six days."}
    assert double.ratings[-1] == {**said, "curators": True}
    expect(page.locator(".reasons")).to_have_count(0)


def test_who_will_read_it_is_told_before_it_is_sent(page: Any, double: Double) -> None:
    opened(page, double, answered() | {"sources": SOURCES})
    page.get_by_role("button", name="Bad answer").click()
    assert double.ratings == [{"rating": "bad"}]  # which is counted, and shown to nobody
    told = "can read your question, the answer and what you write here. Your name is not shown to them."
    expect(page.locator(".reasons-readers")).to_contain_text(told)
    expect(page.get_by_role("button", name="Send feedback")).to_have_accessible_description(re.compile("can read your"))
    page.get_by_role("button", name="Not now").click()
    assert double.ratings == [{"rating": "bad"}]


def test_of_an_answer_without_documents_nothing_is_shown_to_anybody(page: Any, double: Double) -> None:
    opened(page, double, answered())
    page.get_by_role("button", name="Bad answer").click()
    expect(page.locator(".reasons-readers")).to_contain_text("Nobody is shown your question")
    page.get_by_role("button", name="Send feedback").click()
    expect(page.locator(".reasons")).to_have_count(0)
    assert double.ratings[-1]["curators"] is False


def test_more_can_be_said_later_also_of_a_good_answer(page: Any, double: Double) -> None:
    opened(page, double, answered() | {"sources": SOURCES})
    assert page.get_by_role("button", name="Say more about this answer").count() == 0
    page.get_by_role("button", name="Good answer").click()
    page.get_by_role("button", name="Say more about this answer").click()
    expect(page.get_by_label("In your own words")).to_be_focused()
    check(page)
    page.get_by_label("In your own words").fill("Just what I looked for.")
    page.get_by_role("button", name="Send feedback").click()
    expect(page.locator("#announcer")).to_contain_text("Thank you")
    good = {"rating": "good", "reasons": [], "text": "Just what I looked for.", "correction": ""}
    assert double.ratings[-1] == {**good, "curators": True}
    page.get_by_role("button", name="Say more about this answer").click()
    expect(page.get_by_label("In your own words")).to_have_value("Just what I looked for.")
    expect(page.locator(".reasons-readers")).to_contain_text("they can go on reading what you sent before")


def test_words_that_were_refused_are_not_lost(page: Any, double: Double) -> None:
    opened(page, double, answered())
    page.get_by_role("button", name="Bad answer").click()
    page.get_by_label("In your own words").fill("A word too many.")
    double.refused_rating = {"status": 422, "json": {"error": {"code": "content_blocked", "message": "Not this."}}}
    page.get_by_role("button", name="Send feedback").click()
    expect(page.locator("#notice")).to_contain_text("Your rating was not kept. Not this.")
    expect(page.get_by_label("In your own words")).to_have_value("A word too many.")


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
