"""Marks are numbered in the order in which they come, wherever an answer is read; the wire keeps its own numbers."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.double import HANDBOOK, SOURCES, Double, answered, opened

NAMES = ["a.md", "b.md", "c.md", "d.md", "e.md"]
MANY = [
    {**SOURCES[0], "number": place, "passage": place, "document": {"id": HANDBOOK["id"], "name": name}}
    for place, name in enumerate(NAMES, start=1)
]
TEXT = "Five first [5]. Then two [2]. And five again [5], not `list[1]`."
CITED = [{**one, "quote": one["text"]} for one in (MANY[4], MANY[1])]


def with_many() -> dict[str, Any]:
    return answered(TEXT) | {"sources": MANY, "citations": CITED}


@pytest.mark.parametrize("page", [{"permissions": ["clipboard-read", "clipboard-write"]}], indirect=True)
def test_marks_sources_panel_and_copies_agree(page: Any, double: Double) -> None:
    opened(page, double, with_many())
    answer = page.locator(".message.assistant")
    expect(answer.locator(".cite")).to_have_text(["1", "2", "1"])
    assert [one.get_attribute("aria-label") for one in answer.locator(".cite").all()] == [
        "Source 1",
        "Source 2",
        "Source 1",
    ]
    expect(answer.locator(".source .number")).to_have_text(["1", "2"])
    expect(answer.locator(".source-name")).to_have_text(["e.md", "b.md"])
    answer.locator(".cite").nth(1).click()
    expect(page.locator("#source-panel .number")).to_have_text("2")
    answer.get_by_role("button", name="Copy").click()
    expect(page.locator("#announcer")).to_have_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == "Five first [1]. Then two [2]. And five again [1], not `list[1]`."


def test_a_growing_answer_keeps_the_numbers_that_it_has_shown(page: Any, double: Double) -> None:
    page.goto("/")
    double.ask()
    double.frame("sources", sources=MANY)
    double.frame("text", text="Five first [5]. ")
    cites = page.locator(".cite")
    expect(cites).to_have_text(["1"])
    expect(page.locator(".source .number")).to_have_count(0)  # until all marks are there
    double.frame("text", text="Then two [2].\n\nAnd one [1].")
    expect(cites).to_have_text(["1", "2", "3"])
    double.frame("citations", citations=[*CITED, {**MANY[0], "quote": ""}])
    double.frame("done", status="complete", engine="local: m", usage={}, timings={}, title="")
    expect(page.locator(".source .number")).to_have_text(["1", "2", "3"])
    expect(page.locator(".source-name")).to_have_text(["e.md", "b.md", "a.md"])


def test_found_passages_that_nothing_names_keep_their_order(page: Any, double: Double) -> None:
    opened(page, double, answered("Nothing is named.") | {"sources": MANY, "citations": []})
    page.locator("details.sources summary").click()
    expect(page.locator(".source .number")).to_have_text(["1", "2", "3", "4", "5"])


# -- the panel, while the conversation goes on -------------------------------------------------------------------------
def test_the_panel_says_of_which_answer_it_is_once_there_is_a_newer_one(page: Any, double: Double) -> None:
    opened(page, double, with_many())
    page.locator(".cite").first.click()
    about = page.locator("[data-about]")
    expect(page.locator("#source-panel")).to_be_visible()
    expect(about).to_be_hidden()
    double.question, double.writes = "77777777-7777-4777-8777-777777777777", "88888888-8888-4888-8888-888888888888"
    page.get_by_label("Your question").fill("And next year?")
    page.keyboard.press("Enter")
    expect(page.locator(".message.assistant")).to_have_count(2)
    expect(page.locator("#source-panel")).to_be_visible()
    expect(about).to_have_text("From the answer to: May I?")
    double.answer("Next year too [1].")
    page.locator(".message.assistant").last.locator(".cite").click()
    expect(about).to_be_hidden()


def test_it_goes_with_its_answer_and_with_the_conversation(page: Any, double: Double) -> None:
    second = answered("Another [1].", number="99999999-9999-4999-8999-999999999999") | {
        "sources": MANY,
        "citations": CITED,
    }
    opened(page, double, with_many(), second)
    panel = page.locator("#source-panel")
    page.locator(".cite").first.click()
    expect(panel).to_be_visible()
    page.get_by_role("button", name="Earlier version").click()
    expect(panel).to_be_hidden()
    page.locator(".cite").first.click()
    expect(panel).to_be_visible()
    page.locator("[data-new-chat]").first.click()
    expect(panel).to_be_hidden()
    assert page.problems == []
