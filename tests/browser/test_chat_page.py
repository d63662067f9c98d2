"""The chat page against a scripted server."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.double import CITATIONS, SOURCES, TEXT, TURN, Double


def test_an_answer_streams_in_and_its_mark_opens_the_passage(page: Any, double: Double) -> None:
    page.goto("/")
    double.ask()
    double.answer()
    page.locator(".cite").first.click()
    expect(page.locator("#source-panel mark")).to_have_text("Up to five days of unused leave may be\ncarried over")
    expect(page.locator("#source-panel")).to_contain_text("Page 12 of 48")
    expect(page.locator("#source-panel")).to_contain_text("Everybody has 28 days")
    assert page.problems == []


def test_words_that_are_quoted_from_beside_the_passage_are_marked_there(page: Any, double: Double) -> None:
    page.goto("/")
    double.ask()
    double.answer(text="“Part-time staff have a share of it.” [1]")
    page.locator(".cite").first.click()
    expect(page.locator("#source-panel .around mark")).to_have_text("Part-time staff have a share of it.")
    expect(page.locator("#source-panel mark")).to_have_count(1)


def test_escape_stops_the_answer(page: Any, double: Double) -> None:
    page.goto("/")
    double.ask()
    double.answer(done="")
    page.keyboard.press("Escape")
    double.wait_for("stop", turn=TURN)


def test_a_stopped_answer_can_be_continued(page: Any, double: Double) -> None:
    page.goto("/")
    double.ask()
    double.answer(done="stopped")
    page.get_by_role("button", name="Continue").click()
    double.wait_for("continue")
    double.frame("text", text="And more.")
    expect(page.locator(".assistant .prose")).to_contain_text("Yes. You may carry")
    expect(page.locator(".assistant .prose")).to_contain_text("And more.")


def test_a_failed_answer_says_why_and_can_be_tried_again(page: Any, double: Double) -> None:
    page.goto("/")
    double.ask()
    double.frame("error", code="engine_dead", message="The model stopped working.", advice="Try again.", retryable=True)
    double.finish("failed")
    expect(page.locator(".notice.problem")).to_contain_text("The model stopped working.")
    page.get_by_role("button", name="Try again").click()
    double.wait_for("regenerate")


def test_the_reader_who_scrolled_up_stays_there(page: Any, double: Double) -> None:
    page.goto("/")
    double.ask()
    double.answer(text="\n\n".join(f"Paragraph {n}." for n in range(80)), done="")
    expect(page.locator(".assistant .prose")).to_contain_text("Paragraph 79.")
    page.locator("#scroller").evaluate("node => node.scrollTop = 100")
    expect(page.locator("#jump")).to_be_visible()
    double.frame("text", text="\n\nThe last words.")
    expect(page.locator(".assistant .prose")).to_contain_text("The last words.")
    assert page.locator("#scroller").evaluate("node => node.scrollTop") == 100
    page.locator("#jump").click()
    expect(page.locator("#jump")).to_be_hidden()


def test_a_draft_survives_a_reload(page: Any, double: Double) -> None:
    page.goto("/")
    page.get_by_label("Your question").fill("Half a thought")
    page.reload()
    expect(page.get_by_label("Your question")).to_have_value("Half a thought")


def test_versions_of_an_answer_can_be_switched(page: Any, double: Double) -> None:
    base = {
        "role": "assistant",
        "parent": "q",
        "status": "complete",
        "engine": "m",
        "sources": SOURCES,
        "citations": CITATIONS,
    }
    double.detail = {"id": TURN, "title": "Leave", "running": [], "messages": [
        {"id": "q", "parent": None, "role": "user", "text": "May I?", "status": "complete"},
        {**base, "id": "a1", "text": "First version"}, {**base, "id": "a2", "text": TEXT},
    ]}  # fmt: skip
    double.conversations = [{"id": TURN, "title": "Leave", "updated_at": "2026-11-21T00:00:00Z"}]
    page.goto("/")
    page.get_by_role("link", name="Leave").click()
    expect(page.locator(".switcher")).to_contain_text("2 / 2")
    page.get_by_role("button", name="Earlier version").click()
    expect(page.locator(".assistant .prose")).to_have_text("First version")


PAGES = ["/", "/documents/", "/nothing-here/", "/accounts/logout/", "/accounts/inactive/", "/accounts/password/"]


@pytest.mark.parametrize("path", PAGES)
def test_no_page_breaks_its_own_security_policy_or_calls_another_host(
    page: Any, double: Double, live_server: Any, path: str
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    answer = page.goto(path)
    page.wait_for_timeout(200)
    assert [text for text in page.problems if "Content Security Policy" in text or "Error:" in text] == []
    assert [url for url in asked if not url.startswith(live_server.url)] == []
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self';" in policy and "unsafe" not in policy
    assert page.locator("script:not([src]), [style]:not(textarea), [onclick]").count() == 0
