# ruff: noqa: E501
"""What people would trip over on the chat page, each a line of code and a line of tests."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.double import CITATIONS, SOURCES, Double, answered, opened, stored


def quoted(confidence: float | None, text: str = "“Carried leave lapses.” [2]") -> dict[str, Any]:
    sources = [one | {"confidence": confidence} for one in SOURCES]
    return answered(text) | {"engine": "extractive", "sources": sources, "citations": CITATIONS}


@pytest.mark.parametrize(
    ("confidence", "said"), [(0.52, True), (0.3, True), (0.29, False), (0.6, False), (None, False)]
)
def test_quotations_that_may_not_answer_say_so(page: Any, double: Double, confidence: float | None, said: bool) -> None:
    opened(page, double, quoted(confidence))
    expect(page.locator(".message.assistant .tools")).to_be_visible()
    doubt = page.locator(".grounding")
    expect(doubt).to_have_count(int(said))
    if said:
        expect(doubt).to_contain_text(f"{round(100 * (confidence or 0))} % sure")


def test_a_model_is_left_to_say_so_itself(page: Any, double: Double) -> None:
    opened(page, double, quoted(0.5) | {"engine": "local: m"})
    expect(page.locator(".message.assistant .tools")).to_be_visible()
    expect(page.locator(".grounding")).to_have_count(0)


def test_a_question_that_rules_changed_is_shown_as_it_will_be_found_later(page: Any, double: Double) -> None:
    double.as_kept = {"text": "May [email removed] carry leave over?"}
    page.goto("/")
    double.ask("May anna@example.org carry leave over?")
    expect(page.locator(".message.user .prose")).to_have_text("May [email removed] carry leave over?")


def test_the_palette_leads_to_feedback(page: Any, double: Double) -> None:
    page.goto("/")
    page.keyboard.press("Control+k")
    page.keyboard.type("feedb")
    page.get_by_role("option", name="Feedback").click()
    page.wait_for_url("**/feedback/")


def test_who_may_not_open_it_is_not_offered_it(page: Any, double: Double, person: Any) -> None:
    type(person).objects.filter(pk=person.pk).update(is_superuser=False)
    page.goto("/")
    page.keyboard.press("Control+k")
    page.keyboard.type("feedb")
    expect(page.get_by_text("Nothing has this name.")).to_be_visible()


@pytest.mark.parametrize("page", [{"viewport": {"width": 900, "height": 700}}, {"viewport": {"width": 390, "height": 700}},
                                  {"viewport": {"width": 900, "height": 700}, "locale": "ar"}], indirect=True)  # fmt: skip
def test_the_menu_of_engines_stays_in_the_column_of_the_chat(page: Any, double: Double) -> None:
    names = ("api: a-model-with-quite-a-long-name-2026-11-22", "local: qwen3-4b-instruct-q4")
    double.engines = {"engines": [{"name": one, "outside": False, "problem": ""} for one in names], "answering": ""}
    stored(double, quoted(0.9))
    page.goto("/")
    page.locator("#conversations a").first.evaluate("(link) => link.click()")  # the list may be beside the window
    page.locator("button[aria-haspopup=menu].narrow").click()
    menu = page.locator(".menu")
    expect(menu).to_be_visible()
    found, column = menu.bounding_box(), page.locator("main").bounding_box()
    assert found["x"] >= column["x"] and found["x"] + found["width"] <= column["x"] + column["width"]


def test_after_the_first_question_a_link_leads_back_to_the_steps(page: Any, double: Double) -> None:
    page.goto("/")
    back = page.get_by_role("link", name="Back to the first steps")
    expect(back).to_have_count(0)  # nobody came from there
    page.goto("/admin/welcome/setup/question/")
    page.locator('a[href="/"]').last.click()
    expect(back).to_be_visible()
    back.click()
    page.wait_for_url("**/admin/welcome/setup/**")
    page.goto("/")
    expect(back).to_have_count(0)


def test_it_is_administrators_alone_who_are_led_back(page: Any, double: Double, person: Any) -> None:
    type(person).objects.filter(pk=person.pk).update(is_superuser=False)
    page.goto("/")
    page.evaluate("sessionStorage.setItem('first-steps', 'open')")
    page.reload()
    expect(page.locator("#first-steps")).to_have_count(0)
    assert page.problems == []
