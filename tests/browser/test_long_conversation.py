# ruff: noqa: E501 - scripts of pages, one statement to a line
"""A conversation of a thousand messages: made and painted a few at a time, all of it there in the end."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from benchmarks.pages.texts import conversation
from tests.browser.double import CONVERSATION, Double, stored

MESSAGES = 1000
PER_SLICE = 8  # of a clock that goes on by 1 ms each time it is asked: the slices of 8 ms
# Counts, in each task of the page, the messages that are added to it and those that get their first words.
COUNTING = """(() => {
  let now = 0;
  performance.now = () => (now += 1);
  window.counted = { placed: [], painted: [], shift: 0 };
  const parts = (records, at) => records.filter(({ target }) => target.matches(at)).flatMap((record) => [...record.addedNodes]);
  addEventListener("DOMContentLoaded", () => new MutationObserver((records) => {
    counted.placed.push(parts(records, "#messages").length);
    counted.painted.push(parts(records, ".message").filter((node) => node.matches(".prose")).length);
  }).observe(document.querySelector("#messages"), { childList: true, subtree: true }));
  new PerformanceObserver((list) => list.getEntries().forEach(({ value }) => (counted.shift += value))).observe({ type: "layout-shift" });
})();"""
PLACES = "[...document.querySelectorAll('.message')].map((node) => Number(node.dataset.id.slice(-6)))"
IN_SIGHT = """[...document.querySelectorAll(".message")].filter((one) => {
  const { top, bottom } = one.getBoundingClientRect();
  return bottom > document.querySelector("#scroller").getBoundingClientRect().top && top < innerHeight;
})"""
BARE = "document.querySelectorAll('.message:not(:has(.prose))').length"


@pytest.fixture
def opened(page: Any, double: Double) -> Any:
    """The conversation, opened from the list; each slice of work counted."""
    stored(double)
    double.detail = conversation(CONVERSATION, MESSAGES)
    page.add_init_script(COUNTING)
    page.goto("/")
    page.get_by_role("link", name="Leave").click()
    page.wait_for_selector(".message.assistant .prose p")
    return page


def until(page: Any, condition: str) -> None:
    for _ in range(300):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    raise AssertionError(condition)


def test_it_is_made_and_painted_a_few_messages_at_a_time(opened: Any) -> None:
    until(opened, f"document.querySelectorAll('.message').length === {MESSAGES} && {BARE} === 0")
    counted = opened.evaluate("counted")
    assert sum(counted["placed"]) == sum(counted["painted"]) == MESSAGES
    assert max(counted["placed"]) <= PER_SLICE and max(counted["painted"]) <= PER_SLICE
    assert opened.evaluate(PLACES) == list(range(MESSAGES)), "in the order in which they are read aloud"
    assert opened.problems == []


def test_its_end_is_seen_at_once_and_nothing_jumps(opened: Any) -> None:
    until(opened, f"document.querySelectorAll('.message').length === {MESSAGES} && {BARE} === 0")
    expect(opened.locator("#messages > :last-child .tools")).to_be_in_viewport()
    assert opened.evaluate("counted.shift") == 0
    assert opened.evaluate("document.querySelector('#jump').hidden")


def test_whoever_scrolls_up_meanwhile_stays_at_what_is_read(opened: Any) -> None:
    opened.locator("#scroller").hover()
    opened.mouse.wheel(0, -10_000)  # to the top of what is there
    until(opened, "!document.querySelector('#jump').hidden")
    until(opened, f"({IN_SIGHT}).every((node) => node.querySelector('.prose'))")
    second = f"({IN_SIGHT})[1]"
    first = opened.evaluate(f"({{ id: {second}.id, at: {second}.getBoundingClientRect().top }})")
    until(opened, f"document.querySelectorAll('.message').length === {MESSAGES} && {BARE} === 0")
    at = opened.evaluate("id => document.getElementById(id).getBoundingClientRect().top", first["id"])
    assert abs(at - first["at"]) < 60, "the message that was read is still there"


def test_words_far_away_are_found_and_printed(opened: Any) -> None:
    until(opened, f"{BARE} === 0 && document.querySelectorAll('.message').length === {MESSAGES}")
    first = opened.locator(".message").first
    assert first.evaluate("node => getComputedStyle(node).contentVisibility") == "auto", (
        "laid out where it is looked at"
    )
    words = opened.evaluate("document.querySelector('.message.assistant .prose h3').textContent")
    assert words and opened.evaluate("words => find(words, true, false, true)", words)
    opened.emulate_media(media="print")
    assert first.evaluate("node => getComputedStyle(node).contentVisibility") == "visible"
