"""Files attached to a chat: with the whole product, which reads them for real, and against a scripted server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.double import BUSY, CONVERSATION, Double
from tests.browser.states import handbook
from tests.browser.test_accessibility import check
from tests.parsing.pdf_file import Page, pdf
from tests.running import Footnote
from tests.waiting import wait_until

pytestmark = pytest.mark.browser

SENTENCE = "The Quastenflosser in the annex weighs ninety kilograms."
QUESTION = "What does the Quastenflosser weigh?"
DROP = """([type, name, content]) => {
    const data = new DataTransfer();
    data.items.add(new File([content], name, { type: "text/plain" }));
    const options = { bubbles: true, cancelable: true };
    const target = type === "paste" ? document.querySelector("#question") : document.querySelector("#scroller");
    target.dispatchEvent(type === "paste"
        ? new ClipboardEvent(type, { ...options, clipboardData: data })
        : new DragEvent(type, { ...options, dataTransfer: data }));
}"""


# -- the whole product -------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def footnote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Footnote]:
    running = Footnote(tmp_path_factory.mktemp("attached") / "var")
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
    footnote.sign_in(page)
    page.get_by_role("button", name="Leave set-up").click()
    expect(page.get_by_role("heading", name="Ask your documents")).to_be_visible()
    yield page
    context.close()


def annex(folder: Path) -> Path:
    path = folder / "Annex 7.pdf"
    path.write_bytes(pdf(Page().text(70, 700, "Animals of the annex", size=20).text(70, 660, SENTENCE, size=13)))
    return path


def ask(page: Any, question: str) -> Any:
    """-> the finished answer"""
    page.get_by_label("Your question").fill(question)
    page.keyboard.press("Enter")
    answer = page.locator(".message.assistant").last
    expect(answer.locator(".tools")).to_be_visible(timeout=60_000)
    return answer


def test_a_file_is_attached_read_asked_about_and_found_in_no_other_chat(window: Any, tmp_path: Path) -> None:
    window.goto("/")
    with window.expect_file_chooser() as chooser:
        window.get_by_role("button", name="Attach files to this chat").click()
    chooser.value.set_files(annex(tmp_path))
    chip = window.locator(".attachment")
    expect(chip.locator(".attachment-name")).to_have_text("Annex 7.pdf")
    answer = ask(window, QUESTION)  # perhaps before it is read: then the question waits
    expect(answer).to_contain_text("ninety kilograms")
    expect(answer.locator(".source").first).to_contain_text("Attached to this chat")
    expect(chip).to_have_attribute("data-status", "ready")
    answer.locator(".cite").first.click()
    panel = window.locator("#source-panel")
    expect(panel).to_contain_text("Attached to this chat")
    expect(panel.locator("mark").first).to_contain_text("ninety kilograms")
    expect(panel.locator("canvas").first).to_be_visible()  # the page of the original itself
    window.reload()
    expect(window.locator(".attachment-name")).to_have_text("Annex 7.pdf")
    window.get_by_role("button", name="New chat").first.click()
    expect(window.locator(".attachment")).to_have_count(0)
    other = ask(window, QUESTION)
    expect(other).not_to_contain_text("ninety kilograms")
    expect(other).not_to_contain_text("Annex 7.pdf")
    assert window.problems == []


def test_it_is_on_no_page_of_documents_and_goes_with_its_chat(window: Any, tmp_path: Path, footnote: Footnote) -> None:
    window.goto("/documents/")
    expect(window.locator("body")).to_contain_text("laboratory-safety.pdf")  # the samples are listed
    expect(window.locator("body")).not_to_contain_text("Annex 7.pdf")
    window.goto("/")
    window.get_by_role("navigation", name="Earlier conversations").get_by_role("link", name=QUESTION).last.click()
    expect(window.locator(".attachment-name")).to_have_text("Annex 7.pdf")
    window.locator(".message.assistant .cite").first.click()
    address = window.locator("#source-panel a[download]").get_attribute("href")
    assert window.request.get(address).status == 200
    home = window.url.rstrip("/").rsplit("/", 1)[-1]
    stored = [path for path in (footnote.var / "files").rglob("*") if path.is_file()]
    originals = [path for path in stored if b"Animals" in path.read_bytes()]
    token = window.locator('meta[name="csrf-token"]').get_attribute("content")
    headers = {"X-CSRFToken": token, "Referer": footnote.url, "Accept": "application/json"}
    assert window.request.delete(f"/api/conversations/{home}/", headers=headers).status == 204
    assert window.request.get(address).status == 404
    assert originals
    wait_until(lambda: not any(path.exists() for path in originals), 30)  # the worker deletes them


# -- a scripted server -------------------------------------------------------------------------------------------------
class Files:
    """The doors of attached files, over those of the double."""

    def __init__(self, page: Any) -> None:
        self.there: list[dict[str, Any]] = []
        self.sent: list[str] = []
        self.refusal: dict[str, Any] | None = None
        self.held: list[Any] | None = None  # uploads that wait
        self.looks: list[Any] | None = None  # looks that wait
        self.page = page
        page.route("**/api/attachments/**", self._upload)
        page.route(f"**/api/conversations/{CONVERSATION}/attachments/**", self._door)

    def _door(self, route: Any) -> Any:
        if route.request.method == "POST":
            return self._upload(route)
        if route.request.method == "DELETE":
            gone = route.request.url.rstrip("/").rsplit("/", 1)[-1]
            self.there = [one for one in self.there if one["id"] != gone]
            return route.fulfill(status=204)
        if self.looks is not None:
            return self.looks.append(route)
        return route.fulfill(json={"attachments": self.there})

    def wait_for_look(self) -> None:
        for _ in range(500):
            if self.looks:
                return
            self.page.wait_for_timeout(20)
        raise AssertionError("nobody looked")

    def go_on(self) -> None:
        """Looks are answered again."""
        for route in self.looks or []:
            route.fulfill(json={"attachments": self.there})
        self.looks = None

    def _upload(self, route: Any) -> Any:
        self.sent.append(route.request.url)
        if self.held is not None:
            return self.held.append(route)
        return self.answer(route)

    def answer(self, route: Any) -> Any:
        if self.refusal:
            return route.fulfill(status=409, json={"error": self.refusal})
        self.put(f"file {len(self.there) + 1}.txt", "received")
        told = {"conversation": CONVERSATION, "attachment": self.there[-1], "outcome": "received"}
        return route.fulfill(status=201, json=told)

    def put(self, name: str, status: str, **fields: Any) -> None:
        number = len(self.there) + 1
        self.there.append(
            {"id": f"0000000{number}-0000-4000-8000-000000000000", "name": name, "size": 1, "status": status,
             "error": "", "pages": None, "created_at": "2026-11-21T00:00:00Z", **fields}
        )  # fmt: skip


@pytest.fixture
def attached_files(page: Any, double: Double) -> Files:
    return Files(page)


@pytest.mark.parametrize("how", ["drop", "paste"])
def test_files_can_be_dropped_and_pasted(page: Any, double: Double, attached_files: Files, how: str) -> None:
    page.goto("/")
    if how == "drop":
        page.evaluate(DROP, ["dragover", "notes.txt", "words"])
        expect(page.locator(".drop-here")).to_be_visible()
    page.evaluate(DROP, [how, "notes.txt", "words"])
    expect(page.locator(".drop-here")).to_be_hidden()
    expect(page.locator(".attachment-state")).to_have_text("Being read")
    attached_files.there[0]["status"] = "ready"
    expect(page.locator(".attachment-state")).to_have_text("Ready")
    expect(page.locator("#announcer")).to_contain_text("is read: you can ask about it")
    double.ask()
    double.wait_for("ask", conversation=CONVERSATION)
    assert page.problems == []


def test_words_that_are_pasted_with_a_picture_of_them_stay_words(page: Any, double: Double) -> None:
    page.goto("/")
    page.evaluate(
        """() => {
            const data = new DataTransfer();
            data.setData("text/plain", "a cell");
            data.items.add(new File(["x"], "image.png", { type: "image/png" }));
            document.querySelector("#question").dispatchEvent(new ClipboardEvent("paste", { bubbles: true, cancelable: true, clipboardData: data }));
        }"""  # noqa: E501
    )
    expect(page.locator(".attachment")).to_have_count(0)


def test_a_question_that_is_sent_while_a_file_is_on_its_way_goes_with_it(
    page: Any, double: Double, attached_files: Files
) -> None:
    attached_files.held = []
    page.goto("/")
    page.evaluate(DROP, ["drop", "notes.txt", "words"])
    page.get_by_label("Your question").fill("How much leave?")
    page.keyboard.press("Enter")
    expect(page.locator("#notice")).to_contain_text("Your question goes with them.")
    assert not [frame for frame in double.received if frame["type"] == "ask"]
    for route in attached_files.held:
        attached_files.answer(route)
    double.wait_for("ask", conversation=CONVERSATION)
    expect(page.locator("#notice")).to_be_hidden()


def test_what_is_refused_says_why_and_keeps_the_question(page: Any, double: Double, attached_files: Files) -> None:
    attached_files.refusal = {
        "code": "too_many_attachments", "message": "A chat holds 20 files at most.",
        "advice": "Remove one that is no longer needed, or begin a new chat.", "retryable": False,
    }  # fmt: skip
    attached_files.held = []
    page.goto("/")
    page.evaluate(DROP, ["drop", "notes.txt", "words"])
    page.get_by_label("Your question").fill("How much leave?")
    page.keyboard.press("Enter")
    for route in attached_files.held:
        attached_files.answer(route)
    expect(page.locator(".attachment.problem")).to_contain_text("A chat holds 20 files at most. Remove one")
    expect(page.locator("#notice")).to_contain_text("your question was not sent")
    expect(page.get_by_label("Your question")).to_have_value("How much leave?")
    page.get_by_role("button", name="Remove notes.txt").click()
    expect(page.locator(".attachment")).to_have_count(0)


def test_what_is_on_its_way_can_be_called_off(page: Any, double: Double, attached_files: Files) -> None:
    attached_files.held = []
    page.goto("/")
    page.evaluate(DROP, ["drop", "notes.txt", "words"])
    expect(page.locator("[data-status=sending]")).to_be_visible()
    page.get_by_role("button", name="Remove notes.txt").click()
    expect(page.locator(".attachment")).to_have_count(0)
    double.ask()
    double.wait_for("ask", conversation=None)


def test_what_broke_off_is_sent_again_once(page: Any, double: Double, attached_files: Files) -> None:
    attached_files.refusal = {"code": "failed", "message": "It broke off.", "advice": "", "retryable": True}
    page.goto("/")
    page.evaluate(DROP, ["drop", "notes.txt", "words"])
    again = page.get_by_role("button", name="Send notes.txt again")
    expect(again).to_be_visible()
    attached_files.refusal, attached_files.held = None, []
    again.click()
    expect(page.locator("[data-status=sending]")).to_be_visible()
    expect(again).to_have_count(0)  # it is on its way
    for route in attached_files.held:
        attached_files.answer(route)
    expect(page.locator("[data-status=received]")).to_have_count(1)
    expect(again).to_have_count(0)
    assert len(attached_files.sent) == 2


def test_a_file_that_arrives_while_it_is_looked_stays(page: Any, double: Double, attached_files: Files) -> None:
    page.goto("/")
    page.evaluate(DROP, ["drop", "first.txt", "words"])
    expect(page.locator("[data-status=received]")).to_have_count(1)
    attached_files.looks = []
    attached_files.wait_for_look()
    page.evaluate(DROP, ["drop", "second.txt", "more"])
    expect(page.locator("[data-status=received]")).to_have_count(2)
    told, rows = {"attachments": attached_files.there[:1]}, page.locator(".attachment")
    attached_files.there[0]["status"] = "ready"  # by this one sees that the answer came
    attached_files.looks.pop().fulfill(json=told)
    expect(page.locator("[data-status=ready]")).to_have_count(1)
    expect(rows).to_have_count(2)
    attached_files.go_on()


def test_files_of_another_tab_come_and_go(page: Any, double: Double, attached_files: Files) -> None:
    page.goto("/")
    page.evaluate(DROP, ["drop", "first.txt", "words"])
    expect(page.locator("[data-status=received]")).to_have_count(1)
    attached_files.put("of another tab.txt", "received")
    names = page.locator(".attachment-name")
    expect(names).to_have_text(["file 1.txt", "of another tab.txt"])
    attached_files.there.pop(0)
    expect(names).to_have_text(["of another tab.txt"])


def test_what_is_called_off_too_late_is_taken_away_again(page: Any, double: Double, attached_files: Files) -> None:
    page.goto("/")
    page.evaluate(DROP, ["drop", "first.txt", "words"])
    expect(page.locator("[data-status=received]")).to_have_count(1)
    attached_files.there[0]["status"] = "ready"
    expect(page.locator("[data-status=ready]")).to_have_count(1)
    attached_files.held = []
    page.evaluate(DROP, ["drop", "late.txt", "words"])
    expect(page.locator("[data-status=sending]")).to_be_visible()
    attached_files.put("late.txt", "received", size=5)  # the server had all of it
    gone = attached_files.there[-1]["id"]
    with page.expect_request(lambda sent: sent.method == "DELETE" and gone in sent.url):
        page.get_by_role("button", name="Remove late.txt").click()
    expect(page.locator(".attachment")).to_have_count(1)


def test_a_file_behind_the_first_question_goes_to_its_conversation(
    page: Any, double: Double, attached_files: Files
) -> None:
    page.goto("/")
    accept, held = double._message, list[dict[str, Any]]()
    double._message = held.append  # type: ignore[assignment, method-assign]
    page.get_by_label("Your question").fill("How much leave?")
    page.keyboard.press("Enter")
    expect(page.locator("#pending")).to_be_visible()
    page.evaluate(DROP, ["drop", "notes.txt", "words"])
    expect(page.locator("[data-status=waiting]")).to_be_visible()
    assert attached_files.sent == []
    for frame in held:
        accept(frame)
    expect(page.locator("[data-status=received]")).to_be_visible()
    assert [CONVERSATION in address for address in attached_files.sent] == [True]


def test_a_file_behind_a_first_question_that_is_refused_begins_a_conversation(
    page: Any, double: Double, attached_files: Files
) -> None:
    page.goto("/")
    accept, held = double._message, list[dict[str, Any]]()
    double._message = held.append  # type: ignore[assignment, method-assign]
    page.get_by_label("Your question").fill("How much leave?")
    page.keyboard.press("Enter")
    expect(page.locator("#pending")).to_be_visible()
    page.evaluate(DROP, ["drop", "notes.txt", "words"])
    expect(page.locator("[data-status=waiting]")).to_be_visible()
    double.refusal = BUSY
    for frame in held:
        accept(frame)
    expect(page.locator("[data-status=received]")).to_be_visible()
    assert [address.endswith("/api/attachments/") for address in attached_files.sent] == [True]


def test_a_large_file_is_refused_before_it_is_sent(page: Any, double: Double, attached_files: Files) -> None:
    page.add_init_script(
        "new MutationObserver(() => document.querySelector('#attach')?.setAttribute('data-most', '3'))"
        ".observe(document, { childList: true, subtree: true })"
    )
    page.goto("/")
    page.evaluate(DROP, ["drop", "long.txt", "words"])
    expect(page.locator(".attachment.problem")).to_contain_text("It is too large")
    assert attached_files.sent == []


def test_everything_can_be_done_from_the_keyboard(page: Any, double: Double, attached_files: Files) -> None:
    page.on("filechooser", lambda chooser: None)  # from now on: asking for it just before the key may come too late
    page.goto("/")
    page.get_by_label("Your question").focus()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Attach files to this chat")).to_be_focused()
    with page.expect_file_chooser():
        page.keyboard.press("Enter")
    page.evaluate(DROP, ["drop", "third.txt", "words"])
    expect(page.locator(".attachment")).to_have_count(1)
    expect(page.locator("#empty")).to_be_visible()
    remove = page.locator("[data-remove]")
    remove.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".attachment")).to_have_count(0)
    expect(page.get_by_role("button", name="Attach files to this chat")).to_be_focused()
    expect(page.locator("#announcer")).to_contain_text("is removed from this chat")


@pytest.mark.parametrize("page", [{}, {"locale": "ar"}, {"locale": "de"}], indirect=True)
def test_chips_of_each_state_are_for_everybody(page: Any, double: Double, attached_files: Files) -> None:
    handbook()
    page.goto("/")
    for name in (
        "notes.txt",
        "Minutes of the meeting about the Donaudampfschifffahrtsgesellschaft.txt",
        "عقد العمل.txt",
    ):
        page.evaluate(DROP, ["drop", name, "words"])
    expect(page.locator("[data-status=received]")).to_have_count(3)
    attached_files.there[1] |= {"status": "ready", "name": "Minutes of the Donaudampfschifffahrtsgesellschaft.docx"}
    attached_files.there[2] |= {"status": "failed", "name": "عقد العمل.pdf", "error": "This file holds no text."}
    expect(page.locator("[data-status=failed]")).to_be_visible()
    attached_files.held = []
    page.evaluate(DROP, ["drop", "large table.csv", "words"])
    expect(page.locator("[data-status=sending] progress")).to_be_visible()
    check(page)
    page.locator("#question").fill("?")
    page.keyboard.press("Enter")
    check(page, [(1280, "light"), (390, "dark")])
