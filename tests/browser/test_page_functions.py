"""What one can do with an answer and a conversation, by mouse, keyboard and on a phone, against a scripted server."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.double import ANSWER, BUSY, ENGINES, QUESTION, TEXT, Double, answered, opened, stored

PHONE = {"viewport": {"width": 390, "height": 800}, "has_touch": True}

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
    page.get_by_role("button", name="Answer again", exact=True).click()
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
    expect(page.locator(".message.assistant.streaming")).to_be_visible()
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
    writers = [{"engine": name, "from": 4 * number} for number, name in enumerate(written_by)]
    opened(page, double, answered() | {"engine": engine, "written_by": writers})
    expect(page.locator(".writer")).to_contain_text(words)


def test_a_quoted_answer_says_how_to_add_a_model(page: Any, double: Double) -> None:
    double.engines = ENGINES
    opened(page, double, answered() | {"engine": "extractive"})
    how = page.get_by_role("button", name="How to add a model")
    how.click()
    dialog = page.get_by_role("dialog", name="Who can answer")
    expect(dialog.locator(".engine").first).to_contain_text("No model is installed.")
    expect(dialog.locator(".engine").first.locator("code").first).to_have_text("manage.py models pull")
    expect(dialog.locator(".engine").last).to_contain_text("Answers now")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(how).to_be_focused()


@pytest.mark.parametrize(
    ("name", "title"),
    [("First steps › Model", "Which model answers?"), ("Model versions › Add", "Add model version")],
)
def test_it_leads_to_the_pages_where_a_model_is_added(page: Any, double: Double, name: str, title: str) -> None:
    double.engines = ENGINES
    opened(page, double, answered() | {"engine": "extractive"})
    page.get_by_role("button", name="How to add a model").click()
    page.get_by_role("dialog", name="Who can answer").get_by_role("link", name=name).click()
    expect(page.get_by_role("heading", level=1, name=title)).to_be_visible()


def test_whoever_does_not_administer_is_not_led_there(page: Any, double: Double, person: Any) -> None:
    person.is_superuser = False
    person.save()
    double.engines = ENGINES
    opened(page, double, answered() | {"engine": "extractive"})
    page.evaluate(
        """async () => {
            const address = document.querySelector('script[src*="/js/chat.js"]').src.replace("chat.js", "engines.js");
            (await import(address)).explainModels();
        }"""
    )
    dialog = page.get_by_role("dialog", name="Who can answer")
    expect(dialog.locator(".engine").last).to_contain_text("Answers now")
    expect(dialog.get_by_role("link", name="First steps")).to_have_count(0)


def test_each_mark_shows_the_words_that_it_stands_behind(page: Any, double: Double) -> None:
    page.goto("/")
    double.ask()
    double.answer(text="“Up to five days of unused leave may be carried over” [1]\n\n“Ask your manager” [1]\n")
    page.locator(".cite").last.click()
    expect(page.locator("#source-panel mark")).to_have_text("Ask your manager")
    page.locator(".cite").first.click()
    expect(page.locator("#source-panel mark")).to_have_text("Up to five days of unused leave may be\ncarried over")


# -- the list ------------------------------------------------------------------------------------------------------


def test_a_conversation_is_renamed(page: Any, double: Double) -> None:
    opened(page, double, answered())
    page.get_by_role("button", name="More about Leave").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Rename the conversation")
    expect(dialog.get_by_label("Name")).to_be_focused()
    dialog.get_by_label("Name").fill("Days off")
    with page.expect_request(lambda request: request.method == "PATCH") as sent:
        page.keyboard.press("Enter")
    assert sent.value.post_data_json == {"title": "Days off"}
    expect(page.locator("h1")).to_have_text("Days off")
    expect(page.get_by_role("button", name="More about Days off")).to_be_focused()


@pytest.mark.parametrize("way_out", ["Escape", "Cancel"])
def test_deleting_asks_first_and_can_be_left(page: Any, double: Double, way_out: str) -> None:
    opened(page, double, answered())
    gone: list[str] = []
    page.on("request", lambda request: request.method == "DELETE" and gone.append(request.url))
    page.get_by_role("button", name="More about Leave").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Delete this conversation?")
    expect(dialog).to_contain_text("“Leave” and its answers will be gone for good.")
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Escape" if way_out == "Escape" else "Enter")
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("button", name="More about Leave")).to_be_focused()
    assert gone == []


def test_deleting_the_open_conversation_leads_to_a_new_one(page: Any, double: Double) -> None:
    opened(page, double, answered())
    page.get_by_role("button", name="More about Leave").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    with page.expect_request(lambda request: request.method == "DELETE"):
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="Ask your documents")).to_be_visible()
    expect(page.get_by_role("link", name="Leave")).to_have_count(0)
    expect(page.get_by_label("Your question")).to_be_focused()
    assert page.evaluate("location.pathname") == "/"


def test_deleting_another_conversation_leaves_the_open_one(page: Any, double: Double) -> None:
    opened(page, double, answered())
    page.get_by_role("button", name="More about Travel").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("End")
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


@pytest.mark.parametrize("page", [PHONE], indirect=True)
def test_a_mark_never_stands_alone_on_a_line(page: Any, double: Double) -> None:
    page.goto("/")
    double.ask()
    double.answer("\n\n".join(f"{'word ' * n}end [1]" for n in range(1, 24)))
    marks = page.locator(".cite")
    expect(marks).to_have_count(23)
    alone = marks.evaluate_all(
        """marks => marks.filter((mark) => {
          const before = document.createRange();
          before.setStart(mark.previousSibling, mark.previousSibling.length - 2);
          before.setEnd(mark.previousSibling, mark.previousSibling.length - 1);
          return before.getBoundingClientRect().bottom < mark.getBoundingClientRect().top;
        }).length"""
    )
    assert alone == 0
