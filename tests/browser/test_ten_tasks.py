"""Ten things that a newcomer does, on the shortest way that the pages offer: how many clicks each takes, at most.

Each begins on the chat page of a whole Footnote. A click is a press of the mouse or of Enter; texts that are typed are
counted apart. `-s` prints the table, with the seconds that the pages made one wait (not those that one reads).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.conversations.model_double import ModelDouble
from tests.running import Footnote

pytestmark = pytest.mark.browser
NOTE = "The canteen serves soup from eleven to two. Guests pay six euros for a bowl of soup.\n"


@dataclass
class Hand:
    """What one does at a page, counted."""

    page: Any
    clicks: int = 0
    texts: int = 0
    begun: float = 0.0

    def start(self) -> None:
        self.page.goto("/")
        expect(self.page.get_by_label("Your question")).to_be_editable()
        self.clicks, self.texts, self.begun = 0, 0, time.monotonic()

    def click(self, place: Any) -> None:
        self.clicks += 1
        place.click()

    def press(self, name: str, role: str = "button", **how: Any) -> None:
        self.click(self.page.get_by_role(role, name=name, **{"exact": True, **how}))

    def type(self, place: Any, text: str) -> None:
        self.texts += 1
        place.fill(text)

    def enter(self) -> None:
        self.clicks += 1
        self.page.keyboard.press("Enter")

    def choose_first(self, place: Any) -> None:
        """From a list that unfolds: one click to open it, one to choose."""
        self.clicks += 2
        place.select_option(index=1)

    def took(self, task: str, most: int) -> None:
        print(f"{task:<22}{self.clicks} clicks  {self.texts} texts  {time.monotonic() - self.begun:.1f} s")
        assert self.clicks <= most, f"{task}: {self.clicks} clicks, and {most} were enough"


@pytest.fixture(scope="module")
def footnote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Footnote]:
    running = Footnote(tmp_path_factory.mktemp("ten") / "var")
    running.start()
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module")
def people_and_models(footnote: Footnote) -> Iterator[None]:
    models = ModelDouble()
    endpoint = ("models", "add", "--endpoint", models.url, "--model", "double", "--name")
    for command in (("signinlink", "grace", "--create"), (*endpoint, "first"), (*endpoint, "second")):
        done = footnote.run(*command)
        assert done.returncode == 0, done.stderr
    yield
    models.stop()


@pytest.fixture(scope="module")
def hand(chromium: Any, footnote: Footnote, people_and_models: None) -> Iterator[Hand]:
    """Signed in as the administrator, who left the first steps."""
    context = chromium.new_context(base_url=footnote.url, viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.set_default_timeout(20_000)
    footnote.sign_in(page)
    page.get_by_role("button", name="Leave set-up").click()
    yield Hand(page)
    context.close()


def asked(hand: Hand) -> Any:
    """-> the finished answer to a question of the handbook"""
    hand.type(hand.page.get_by_label("Your question"), "How many days of annual leave do I get?")
    hand.enter()
    answer = hand.page.locator(".message.assistant").last
    expect(answer.locator(".tools")).to_be_visible()
    return answer


def test_ask(hand: Hand) -> None:
    hand.start()
    expect(asked(hand)).to_contain_text("days")
    hand.took("ask", 1)


def test_check_a_source(hand: Hand) -> None:
    hand.start()
    hand.click(hand.page.locator("[data-example]").first)
    hand.click(hand.page.locator(".cite").first)
    expect(hand.page.locator("#source-panel mark").first).to_be_visible()
    hand.took("check a source", 2)


def test_correct_an_answer(hand: Hand) -> None:
    hand.start()
    hand.click(hand.page.locator("#conversations a").first)
    answer = hand.page.locator(".message.assistant").last
    hand.click(answer.get_by_role("button", name="Bad answer"))
    hand.type(answer.get_by_label("What would have been right", exact=False), "Thirty days, since January.")
    hand.click(answer.get_by_role("button", name="Send"))
    expect(hand.page.get_by_text("Thank you", exact=False).first).to_be_attached()
    hand.took("correct", 3)


def test_find_an_old_chat(hand: Hand) -> None:
    hand.start()
    hand.type(hand.page.get_by_label("Find in your conversations"), "annual leave")
    hand.click(hand.page.locator("#found a").first)
    expect(hand.page.locator(".message.assistant").first).to_be_visible()
    hand.took("find an old chat", 1)


def test_share(hand: Hand) -> None:
    hand.start()
    hand.click(hand.page.locator("#conversations a").first)
    hand.press("More about this conversation")
    hand.press("Share…", "menuitem")
    hand.type(hand.page.get_by_label("Name or e-mail address"), "grace")
    hand.enter()
    expect(hand.page.get_by_role("dialog")).to_contain_text("as it stood on")
    hand.took("share", 4)


def test_upload(hand: Hand, tmp_path: Path) -> None:
    (tmp_path / "canteen.txt").write_text(NOTE)
    hand.start()
    hand.press("Documents", "link")
    expect(hand.page.locator(".row").first).to_be_visible()
    hand.clicks += 2  # the button that opens the system's window, and the file in it
    hand.page.locator("#files").set_input_files(tmp_path / "canteen.txt")
    expect(hand.page.locator(".row", has_text="canteen.txt")).to_contain_text("1 passage")
    hand.took("upload", 3)


def test_see_who_can_read(hand: Hand) -> None:
    hand.start()
    hand.press("Documents", "link")
    hand.press("Who can read it", "link")
    expect(hand.page.get_by_role("heading", level=1)).to_contain_text("Who can read")
    hand.took("see who can read", 2)


def test_swap_the_model(hand: Hand) -> None:
    hand.start()
    hand.press("Administration", "link")
    hand.press("Model versions", "link")
    hand.press("first", "link")
    hand.press("Let it answer on the chat page")
    expect(hand.page.locator(".messagelist")).to_contain_text("Now first answers on the chat page.")
    hand.took("let a model answer", 4)
    hand.start()
    hand.press("Administration", "link")
    hand.press("Model versions", "link")
    hand.press("second", "link")
    hand.press("Put it in another's place", "link")
    hand.press("Replace for everybody at once")
    expect(hand.page.locator(".messagelist")).to_contain_text("took the place of first")
    hand.took("swap the model", 5)


def test_read_the_audit(hand: Hand) -> None:
    hand.start()
    hand.press("Administration", "link")
    hand.press("Audit trail", "link")
    expect(hand.page.get_by_text("grace").first).to_be_visible()
    hand.took("read the audit", 2)


def test_set_a_budget(hand: Hand) -> None:
    hand.start()
    hand.press("Administration", "link")
    hand.press("Add: Budgets", "link")
    hand.choose_first(hand.page.get_by_label("Organisation"))
    hand.type(hand.page.get_by_label("Tokens a month"), "1000000")
    hand.press("Save")
    expect(hand.page.locator(".messagelist")).to_contain_text("added successfully")
    hand.took("set a budget", 5)
