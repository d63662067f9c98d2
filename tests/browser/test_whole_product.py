"""A newcomer's first minutes: start, sign in by the link, ask the sample handbook, open the cited passage."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.finding import wait_until_found
from tests.running import Footnote

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def footnote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Footnote]:
    running = Footnote(tmp_path_factory.mktemp("whole") / "var")
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def window(chromium: Any, footnote: Footnote) -> Iterator[Any]:
    """One browser, which stays signed in from test to test."""
    context = chromium.new_context(base_url=footnote.url, viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    yield page
    context.close()


def ask(page: Any, question: str) -> Any:
    """-> the finished answer"""
    page.get_by_label("Your question").fill(question)
    page.keyboard.press("Enter")
    answer = page.locator(".message.assistant").last
    expect(answer.locator(".tools")).to_be_visible()
    return answer


def test_the_link_signs_in_and_a_password_is_chosen(window: Any, footnote: Footnote) -> None:
    footnote.sign_in(window)
    expect(window.get_by_role("heading", name="Who administers this Footnote?")).to_be_visible()
    window.get_by_role("button", name="Leave set-up").click()
    expect(window.get_by_role("heading", name="Ask your documents")).to_be_visible()


def test_a_question_is_answered_and_its_mark_opens_the_passage(window: Any) -> None:
    window.goto("/")
    answer = ask(window, "How many days of annual leave do I get?")
    expect(answer).to_contain_text("days")
    answer.locator(".cite").first.click()
    panel = window.locator("#source-panel")
    expect(panel.locator("mark").first).to_be_visible()
    expect(panel).to_contain_text("leave.md")
    expect(answer).to_contain_text("Quoted from the documents")
    assert window.problems == []


def test_why_it_was_quoted_is_one_click_away(window: Any) -> None:
    window.get_by_role("button", name="Why this answer").click()
    dialog = window.get_by_role("dialog", name="Why this answer")
    for words in ("How many days of annual leave", "sure that the documents answer", "Cited", "Quoted word for word"):
        expect(dialog).to_contain_text(words)
    expect(dialog.locator(".why-engines")).to_contain_text("Quotations, without a model")
    expect(dialog.locator(".why-bar").first).to_be_attached()
    window.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    assert window.problems == []


def test_the_answer_is_still_there_after_a_reload_and_in_the_list(window: Any) -> None:
    window.reload()
    expect(window.locator(".message.assistant .cite").first).to_be_visible()
    expect(window.locator("#conversations")).to_contain_text("How many days of annual leave")


def test_another_answer_is_a_version_beside_the_first(window: Any) -> None:
    window.get_by_role("button", name="Answer again", exact=True).click()
    expect(window.locator(".assistant .switcher")).to_contain_text("2 / 2")
    window.reload()
    expect(window.locator(".assistant .switcher")).to_contain_text("2 / 2")
    window.get_by_role("button", name="Earlier version").click()
    expect(window.locator(".assistant .switcher")).to_contain_text("1 / 2")


def test_an_edited_question_is_answered_on_a_branch_of_its_own(window: Any) -> None:
    window.get_by_role("button", name="Edit this question").focus()
    window.keyboard.press("Enter")
    window.get_by_label("Edit your question").fill("How many days of leave may I carry over?")
    window.keyboard.press("Enter")
    expect(window.locator(".user .switcher")).to_contain_text("2 / 2")
    expect(window.locator(".assistant .tools")).to_be_visible()
    expect(window.locator(".message")).to_have_count(2)
    window.locator(".user").get_by_role("button", name="Earlier version").click()
    expect(window.locator(".user .prose")).to_have_text("How many days of annual leave do I get?")


def choose(window: Any, name: str) -> None:
    """From the menu of the conversation that is open."""
    window.locator("li.current").hover()
    window.locator("li.current").get_by_role("button").last.click()
    window.get_by_role("menuitem", name=name).click()


def test_a_conversation_is_renamed_and_deleted_for_good(window: Any) -> None:
    choose(window, "Rename…")
    window.get_by_role("dialog").get_by_label("Name").fill("Days off")
    window.keyboard.press("Enter")
    expect(window.locator("h1")).to_have_text("Days off")
    window.reload()
    expect(window.locator("h1")).to_have_text("Days off")
    address = window.url
    choose(window, "Delete…")
    window.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(window.get_by_role("heading", name="Ask your documents")).to_be_visible()
    assert window.goto(address).status == 404
    window.goto("/")
    expect(window.locator("#conversations")).to_contain_text("will be listed here")


def test_the_page_offers_questions_that_the_documents_answer(window: Any) -> None:
    window.locator("[data-example]").first.click()
    answer = window.locator(".message.assistant")
    expect(answer.locator(".tools")).to_be_visible()
    expect(answer.locator(".cite").first).to_be_visible()


def test_the_page_says_who_can_answer_and_how_a_model_is_added(window: Any) -> None:
    window.get_by_role("button", name="How to add a model").click()
    dialog = window.get_by_role("dialog", name="Who can answer")
    expect(dialog).to_contain_text("Answers now")
    expect(dialog).to_contain_text("manage.py models pull")
    dialog.get_by_role("button", name="Close").click()
    assert window.problems == []


def upload(page: Any, name: str, content: str) -> None:
    page.goto("/documents/")
    page.get_by_role("button", name="Sample handbook").click()
    page.locator("#files").set_input_files({"name": name, "mimeType": "text/markdown", "buffer": content.encode()})
    expect(page.locator(".row", has_text=name)).to_contain_text("Ready")
    wait_until_found(page, name, content)
    page.goto("/")


def test_a_document_that_is_dropped_on_the_page_can_be_asked(window: Any) -> None:
    upload(
        window, "parking.md", "# Parking\n\nVisitors park on level 3 of the Zeppelin garage, with the blue permit.\n"
    )
    expect(ask(window, "Where do visitors park?")).to_contain_text("level 3 of the Zeppelin garage")


def test_a_hostile_document_is_quoted_as_text_and_calls_nobody(window: Any, footnote: Footnote) -> None:
    outside: list[str] = []
    window.on("request", lambda request: request.url.startswith(footnote.url) or outside.append(request.url))
    upload(
        window,
        "<img src=x onerror=window.fired=1>.md",
        "# Canteen <script>window.fired=1</script>\n\n"
        "The canteen of Kostroma serves borscht ![b](https://evil.example/b.png) "
        "<img src=https://evil.example/i.png onerror=window.fired=1> [more](javascript:window.fired=1).\n",
    )
    answer = ask(window, "What does the canteen of Kostroma serve?")
    expect(answer).to_contain_text("borscht")
    answer.locator(".cite").first.click()
    expect(window.locator("#source-panel .passage")).to_contain_text("borscht")
    assert window.locator("main img, .source-panel img, a[href^=javascript]").count() == 0
    assert window.evaluate("window.fired") is None
    assert outside == []
    assert window.problems == []


def test_what_the_documents_do_not_say_is_said_plainly(window: Any) -> None:
    window.goto("/")
    answer = ask(window, "Qzxw vbnm plorf?")
    expect(answer).to_contain_text("do not say")


def test_one_id_follows_a_turn_through_the_logs_of_all_processes(footnote: Footnote, window: Any) -> None:
    logs = {name: (footnote.var / "log" / f"{name}.log").read_text() for name in ("web", "index")}
    (turn, *_) = [json.loads(line)["turn"] for line in logs["web"].splitlines() if '"turn.done"' in line]
    searched = [json.loads(line) for line in logs["index"].splitlines() if '"index.searched"' in line]
    assert [line["passages"] for line in searched if line["request_id"] == turn] != []


def test_commands_answer_beside_it(footnote: Footnote, window: Any) -> None:
    asked = footnote.run("ask", "How many days of annual leave do I get?")
    assert asked.returncode == 0 and "leave.md" in asked.stdout, asked.stderr
    found = footnote.run("search", "annual leave", "--json")
    assert found.returncode == 0 and "leave.md" in found.stdout, found.stderr
