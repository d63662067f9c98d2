"""A newcomer's first minutes: start, sign in by the link, ask the sample handbook, open the cited passage."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

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
    window.goto(footnote.link)
    window.get_by_role("button", name="Sign in as admin").click()
    for field in window.locator("input[type=password]").all():
        field.fill("a long enough password")
    window.get_by_role("button", name="Save").click()
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


def test_the_answer_is_still_there_after_a_reload_and_in_the_list(window: Any) -> None:
    window.reload()
    expect(window.locator(".message.assistant .cite").first).to_be_visible()
    expect(window.locator("#conversations")).to_contain_text("How many days of annual leave")


def test_a_document_that_is_dropped_on_the_page_can_be_asked(window: Any) -> None:
    window.goto("/documents/")
    window.get_by_role("link", name="Sample handbook").or_(
        window.get_by_role("button", name="Sample handbook")
    ).first.click()
    window.locator("input[type=file]").first.set_input_files(
        {
            "name": "parking.md",
            "mimeType": "text/markdown",
            "buffer": b"# Parking\n\nVisitors park on level 3 of the Zeppelin garage, with the blue permit.\n",
        }
    )
    row = window.locator(".row", has_text="parking.md")
    expect(row).to_contain_text("Ready")
    window.wait_for_timeout(3000)  # findable within 5 s of ready
    window.goto("/")
    answer = ask(window, "Where do visitors park?")
    expect(answer).to_contain_text("level 3 of the Zeppelin garage")


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
