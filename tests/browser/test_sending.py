"""Writing and sending: no words are lost, whatever the line and the server do. Against a scripted server."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import expect

from tests.browser.double import BUSY, CONVERSATION, Double, answered, stored


def box(page: Any) -> Any:
    return page.get_by_label("Your question")


def test_enter_sends_and_shift_enter_makes_a_line(page: Any, double: Double) -> None:
    page.goto("/")
    box(page).press_sequentially("One")
    page.keyboard.press("Shift+Enter")
    box(page).press_sequentially("Two")
    page.keyboard.press("Enter")
    page.wait_for_selector(".message.assistant")
    assert double.received[-1]["text"] == "One\nTwo"
    expect(box(page)).to_have_value("")


def test_nothing_is_sent_while_there_are_no_words(page: Any, double: Double) -> None:
    page.goto("/")
    box(page).fill("  \n ")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Send")).to_be_disabled()
    assert "ask" not in double.kinds()


def test_a_refused_question_goes_back_to_the_box(page: Any, double: Double) -> None:
    double.refusal = BUSY
    page.goto("/")
    box(page).fill("A long thought")
    page.keyboard.press("Enter")
    expect(page.locator("#notice")).to_contain_text("Too many answers. Wait.")
    expect(box(page)).to_have_value("A long thought")
    double.refusal = None
    page.keyboard.press("Enter")
    page.wait_for_selector(".message.assistant")


def test_a_question_that_is_too_long_is_kept_whole_and_not_sent(page: Any, double: Double) -> None:
    page.goto("/")
    box(page).fill("🙂" * 8001)
    page.keyboard.press("Enter")
    expect(page.locator("#notice")).to_contain_text("8,001 characters long; at most 8,000")
    assert page.evaluate("[...document.getElementById('question').value].length") == 8001
    assert "ask" not in double.kinds()
    box(page).fill("🙂" * 8000)
    page.keyboard.press("Enter")
    page.wait_for_selector(".message.assistant")


def asked_early(page: Any, double: Double) -> None:
    double.late = True
    page.goto("/")
    box(page).fill("Asked at once")
    page.keyboard.press("Enter")
    expect(page.locator("#notice")).to_contain_text("Your question will be sent in a moment.")
    expect(box(page)).to_have_value("Asked at once")


def test_a_question_asked_before_the_page_is_connected_is_sent_when_it_is(page: Any, double: Double) -> None:
    asked_early(page, double)
    double.greet()
    assert double.wait_for("ask")["text"] == "Asked at once"
    expect(page.locator(".message.user .prose")).to_have_text("Asked at once")
    expect(box(page)).to_have_value("")
    expect(page.locator("#notice")).to_be_hidden()
    assert double.kinds().count("ask") == 1


def test_whoever_goes_on_writing_meanwhile_sends_it_himself(page: Any, double: Double) -> None:
    asked_early(page, double)
    box(page).press_sequentially(" and")
    double.greet()
    page.wait_for_timeout(100)
    assert "ask" not in double.kinds()
    expect(box(page)).to_have_value("Asked at once and")


def lose_the_line_while_sending(page: Any, double: Double) -> None:
    page.goto("/")
    expect(box(page)).to_be_focused()
    double.loses = True
    box(page).fill("Did this arrive?")
    page.keyboard.press("Enter")
    page.wait_for_timeout(100)
    double.loses = False


def test_a_question_that_did_not_arrive_before_the_line_broke_goes_back_to_the_box(page: Any, double: Double) -> None:
    lose_the_line_while_sending(page, double)
    expect(page.locator("#notice")).to_contain_text("broke before your words arrived")
    expect(box(page)).to_have_value("Did this arrive?")


def test_a_question_that_arrived_before_the_line_broke_is_opened(page: Any, double: Double) -> None:
    stored(double, answered())
    double.detail["messages"][0]["text"] = "Did this arrive?"
    lose_the_line_while_sending(page, double)
    expect(page.locator(".message.user")).to_contain_text("Did this arrive?")
    expect(box(page)).to_have_value("")
    assert page.url.endswith(f"/c/{CONVERSATION}/")


def test_a_lost_line_is_told_and_the_notice_goes_when_it_is_back(page: Any, double: Double) -> None:
    page.goto("/")
    double.ask()
    double.answer(done="")
    double.sockets[-1].close(code=1011)
    expect(page.locator("#notice")).to_contain_text("The connection was lost.")
    expect(page.locator("#notice")).to_be_hidden()
    double.finish()
    expect(page.get_by_label("Send")).to_be_visible()


def test_words_written_without_a_connection_are_kept(page: Any, double: Double) -> None:
    page.goto("/")
    expect(box(page)).to_be_focused()
    double.sockets[-1].close(code=4401)
    expect(page.locator("#notice")).to_contain_text("You are signed out.")
    box(page).fill("Half a thought")
    page.keyboard.press("Enter")
    expect(page.locator("#notice")).to_contain_text("Not connected")
    expect(box(page)).to_have_value("Half a thought")
