"""What one can do with a conversation on the page, by mouse, keyboard and on a phone, against a scripted server."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.double import ANSWER, CONVERSATION, ENGINES, QUESTION, TEXT, Double

STAMP = "2026-11-21T00:00:00Z"
BUSY = {"code": "busy", "message": "Too many answers.", "advice": "Wait.", "retryable": True}
PHONE = {"viewport": {"width": 390, "height": 800}, "has_touch": True}


def stored(double: Double, *messages: dict[str, Any]) -> None:
    """A conversation that the server has: listed, and opened by its address."""
    double.conversations = [
        {"id": CONVERSATION, "title": "Leave", "updated_at": STAMP},
        {"id": "other", "title": "Travel", "updated_at": STAMP},
    ]
    double.detail = {"id": CONVERSATION, "title": "Leave", "running": [], "messages": [
        {"id": QUESTION, "parent": None, "role": "user", "text": "May I?", "status": "complete"}, *messages,
    ]}  # fmt: skip


def opened(page: Any, double: Double, *messages: dict[str, Any]) -> None:
    stored(double, *messages)
    page.goto("/")
    page.get_by_role("link", name="Leave").click()
    expect(page.locator(".message.user")).to_be_visible()


def answered(text: str = TEXT, status: str = "complete", number: str = ANSWER) -> dict[str, Any]:
    return {"id": number, "parent": QUESTION, "role": "assistant", "text": text, "status": status, "engine": "local: m"}


def box(page: Any) -> Any:
    return page.get_by_label("Your question")


# -- writing and sending -------------------------------------------------------------------------------------------


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


def lose_the_line_while_sending(page: Any, double: Double) -> None:
    page.goto("/")
    page.wait_for_function("document.activeElement.id === 'question'")
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
    page.wait_for_function("document.activeElement.id === 'question'")
    double.sockets[-1].close(code=4401)
    expect(page.locator("#notice")).to_contain_text("You are signed out.")
    box(page).fill("Half a thought")
    page.keyboard.press("Enter")
    expect(page.locator("#notice")).to_contain_text("Not connected")
    expect(box(page)).to_have_value("Half a thought")


# -- the answer ----------------------------------------------------------------------------------------------------


def test_escape_stops_only_when_nothing_else_is_open(page: Any, double: Double) -> None:
    page.goto("/")
    double.ask()
    double.answer(done="")
    page.locator(".cite").first.click()
    expect(page.locator("#source-panel")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#source-panel")).to_be_hidden()
    assert "stop" not in double.kinds()
    page.keyboard.press("Escape")
    page.wait_for_timeout(100)
    assert double.kinds()[-1] == "stop"


def test_focus_goes_back_to_the_mark_when_its_source_is_closed(page: Any, double: Double) -> None:
    opened(page, double, answered() | {"sources": [{"number": 1, "passage": 1, "document": {"id": "d", "name": "D"}}]})
    page.locator(".cite").first.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Close the source")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator(".cite").first).to_be_focused()


def test_a_source_keeps_its_focus_while_the_answer_grows(page: Any, double: Double) -> None:
    page.goto("/")
    double.ask()
    double.answer(text="Yes [1]", done="")
    page.locator(".source").first.focus()
    double.frame("text", text=" and more.")
    expect(page.locator(".assistant .prose")).to_contain_text("and more.")
    expect(page.locator(".source").first).to_be_focused()


@pytest.mark.parametrize("page", [{"permissions": ["clipboard-read", "clipboard-write"]}], indirect=True)
def test_copying_takes_the_answer_as_it_was_written(page: Any, double: Double) -> None:
    opened(page, double, answered())
    page.locator(".assistant").get_by_role("button", name="Copy").click()
    expect(page.locator("#announcer")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == TEXT.replace("\r", "")


def test_answering_again_makes_a_second_version_and_both_can_be_seen(page: Any, double: Double) -> None:
    opened(page, double, answered("First version"))
    double.writes = "second"
    page.get_by_role("button", name="Answer again").click()
    expect(page.locator(".switcher")).to_have_count(0)
    double.answer(text="Second version")
    expect(page.locator(".assistant .prose")).to_have_text("Second version")
    expect(page.locator(".assistant .switcher")).to_contain_text("2 / 2")
    page.get_by_role("button", name="Earlier version").click()
    expect(page.locator(".assistant .prose")).to_have_text("First version")
    expect(page.get_by_role("button", name="Earlier version")).to_be_disabled()


def test_an_edited_question_becomes_a_branch_beside_the_old_one(page: Any, double: Double) -> None:
    opened(page, double, answered("First version"))
    double.question, double.writes = "edited", "second"
    page.get_by_role("button", name="Edit this question").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Edit your question").fill("May I, please?")
    page.keyboard.press("Enter")
    expect(page.locator(".user .prose")).to_have_text("May I, please?")
    assert double.received[-1]["message"] == QUESTION
    double.answer(text="Second version")
    expect(page.locator(".assistant .prose")).to_have_text("Second version")
    page.get_by_role("button", name="Earlier version").click()
    expect(page.locator(".user .prose")).to_have_text("May I?")
    expect(page.locator(".assistant .prose")).to_have_text("First version")


def test_escape_leaves_an_edit_and_the_focus_goes_back_to_its_button(page: Any, double: Double) -> None:
    opened(page, double, answered())
    page.get_by_role("button", name="Edit this question").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Edit your question").fill("Something else")
    page.keyboard.press("Escape")
    expect(page.locator(".user .prose")).to_have_text("May I?")
    expect(page.get_by_role("button", name="Edit this question")).to_be_focused()


def test_a_refused_edit_comes_back_with_its_words(page: Any, double: Double) -> None:
    opened(page, double, answered())
    double.refusal = BUSY
    page.get_by_role("button", name="Edit this question").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Edit your question").fill("Better words")
    page.keyboard.press("Enter")
    expect(page.locator("#notice")).to_contain_text("Too many answers.")
    expect(page.get_by_label("Edit your question")).to_have_value("Better words")


def test_an_answer_that_broke_off_is_continued_where_it_ended(page: Any, double: Double) -> None:
    opened(page, double, answered("Half an ans", status="interrupted"))
    expect(page.locator(".fate")).to_contain_text("This answer broke off.")
    page.get_by_role("button", name="Continue").click()
    page.wait_for_function("document.querySelector('.message.assistant.streaming')")
    assert double.received[-1]["message"] == ANSWER
    double.frame("text", text="wer.")
    expect(page.locator(".assistant .prose")).to_have_text("Half an answer.")


@pytest.mark.parametrize(
    ("engine", "written_by", "words"),
    [
        ("local: qwen3-4b", [], "Written by qwen3-4b (on this server)"),
        ("api: gpt-6", ["local: qwen3-4b", "api: gpt-6"], "qwen3-4b (on this server), then gpt-6 (over an API)"),
        ("extractive", ["local: qwen3-4b", "extractive"], "qwen3-4b (on this server), then quoted from the documents"),
        ("extractive", ["extractive"], "Quoted from the documents"),
    ],
)
def test_an_answer_says_who_wrote_it(page: Any, double: Double, engine: str, written_by: list[str], words: str) -> None:
    writers = [{"engine": name, "from": 0} for name in written_by]
    opened(page, double, answered() | {"engine": engine, "written_by": writers})
    expect(page.locator(".writer")).to_contain_text(words)


def test_a_quoted_answer_says_how_to_add_a_model(page: Any, double: Double) -> None:
    double.engines = ENGINES
    opened(page, double, answered() | {"engine": "extractive"})
    how = page.get_by_role("button", name="How to add a model")
    how.click()
    dialog = page.get_by_role("dialog", name="Who can answer")
    expect(dialog.locator(".engine").first).to_contain_text("No model is loaded.")
    expect(dialog.locator(".engine").first.locator("code").first).to_have_text("manage.py models pull")
    expect(dialog.locator(".engine").last).to_contain_text("Answers now")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(how).to_be_focused()


# -- the list ------------------------------------------------------------------------------------------------------


def test_a_conversation_is_renamed(page: Any, double: Double) -> None:
    opened(page, double, answered())
    rename = page.get_by_role("button", name="Rename Leave")
    rename.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Rename the conversation")
    expect(dialog.get_by_label("Name")).to_be_focused()
    dialog.get_by_label("Name").fill("Days off")
    with page.expect_request(lambda request: request.method == "PATCH") as sent:
        page.keyboard.press("Enter")
    assert sent.value.post_data_json == {"title": "Days off"}
    expect(page.locator("h1")).to_have_text("Days off")
    expect(page.get_by_role("button", name="Rename Days off")).to_be_focused()


@pytest.mark.parametrize("way_out", ["Escape", "Cancel"])
def test_deleting_asks_first_and_can_be_left(page: Any, double: Double, way_out: str) -> None:
    opened(page, double, answered())
    gone: list[str] = []
    page.on("request", lambda request: request.method == "DELETE" and gone.append(request.url))
    page.get_by_role("button", name="Delete Leave").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Delete this conversation?")
    expect(dialog).to_contain_text("“Leave” and its answers will be gone for good.")
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Escape" if way_out == "Escape" else "Enter")
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("button", name="Delete Leave")).to_be_focused()
    assert gone == []


def test_deleting_the_open_conversation_leads_to_a_new_one(page: Any, double: Double) -> None:
    opened(page, double, answered())
    page.get_by_role("button", name="Delete Leave").focus()
    page.keyboard.press("Enter")
    with page.expect_request(lambda request: request.method == "DELETE"):
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="Ask your documents")).to_be_visible()
    expect(page.get_by_role("link", name="Leave")).to_have_count(0)
    expect(box(page)).to_be_focused()
    assert page.evaluate("location.pathname") == "/"


def test_deleting_another_conversation_leaves_the_open_one(page: Any, double: Double) -> None:
    opened(page, double, answered())
    page.get_by_role("button", name="Delete Travel").focus()
    page.keyboard.press("Enter")
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("link", name="Travel")).to_have_count(0)
    expect(page.locator(".message.user")).to_be_visible()
    expect(page.get_by_role("link", name="Leave")).to_be_focused()


# -- on a phone ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", [PHONE], indirect=True)
@pytest.mark.parametrize("way_out", ["Escape", "veil", "link"])
def test_the_sidebar_of_a_phone_opens_and_closes(page: Any, double: Double, way_out: str) -> None:
    stored(double, answered())
    page.goto("/")
    menu = page.locator("#menu")
    expect(page.get_by_role("link", name="Leave")).to_be_hidden()
    menu.click()
    expect(page.get_by_role("link", name="Leave")).to_be_in_viewport()
    expect(menu).to_have_attribute("aria-expanded", "true")
    assert page.locator("main").evaluate("node => node.inert")
    if way_out == "Escape":
        page.keyboard.press("Escape")
    elif way_out == "veil":
        page.mouse.click(380, 400)
    else:
        page.get_by_role("link", name="Leave").click()
        expect(page.locator(".message.user")).to_be_visible()
    expect(page.get_by_role("link", name="Leave")).to_be_hidden()
    expect(menu).to_have_attribute("aria-expanded", "false")
    assert not page.locator("main").evaluate("node => node.inert")


@pytest.mark.parametrize("page", [PHONE], indirect=True)
def test_a_cited_passage_rises_as_a_sheet_on_a_phone(page: Any, double: Double) -> None:
    page.goto("/")
    double.ask()
    double.answer()
    page.locator(".cite").first.tap()
    expect(page.locator("#source-panel mark")).to_be_in_viewport()
    page.get_by_label("Close the source").tap()
    expect(page.locator("#source-panel")).to_be_hidden()
