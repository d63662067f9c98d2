"""A line that breaks, a page that is opened late, a second tab: nothing is lost and nothing is doubled."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import expect

from tests.browser.double import ANSWER, CONVERSATION, QUESTION, SOURCES, TURN, Double, answered, opened

RUNNING = {"turn": TURN, "conversation": CONVERSATION, "answer": ANSWER, "from": 0}


def break_the_line(double: Double) -> None:
    double.sockets[-1].close(code=1011)


def test_after_a_broken_line_the_turn_resumes_where_it_was(page: Any, double: Double) -> None:
    page.goto("/")
    double.ask()
    double.answer(text="First. ", done="")
    seen = double.seq
    break_the_line(double)
    double.wait_for("resume", turn=TURN, after=seen)
    double.send({"type": "text", "turn": TURN, "seq": seen, "text": "First. "})
    double.frame("text", text="Second.")
    double.finish()
    assert page.locator(".assistant .prose").inner_text().strip() == "First. Second."


def test_a_line_that_breaks_again_and_again_loses_and_doubles_nothing(page: Any, double: Double) -> None:
    page.goto("/")
    double.ask()
    words = [f"word{number} " for number in range(24)]
    for number, word in enumerate(words):
        double.frame("text", text=word, lost=number % 6 in (4, 5))
        if number % 6 == 5:
            seen = double.seq - 2
            break_the_line(double)
            double.wait_for("resume", turn=TURN, after=seen)
    double.finish()
    assert page.locator(".assistant .prose").inner_text().strip() == "".join(words).strip()


def test_a_frame_that_is_missing_is_asked_for_once(page: Any, double: Double) -> None:
    page.goto("/")
    double.ask()
    double.frame("text", text="One. ")
    double.frame("text", text="Two. ", lost=True)
    double.frame("text", text="Three. ")
    double.frame("text", text="Four.")
    expect(page.locator(".assistant .prose")).to_have_text("One. Two. Three. Four.")
    assert [frame["after"] for frame in double.received if frame["type"] == "resume"] == [1]
    double.finish()
    expect(page.locator(".assistant .prose")).to_have_text("One. Two. Three. Four.")


def running(double: Double) -> None:
    """The server has begun to answer the question of the open conversation, and the page does not know of it."""
    double.detail["messages"][1:] = [answered("One", status="streaming")]
    double.detail["running"] = double.running = [RUNNING]
    double.log = [{"type": "text", "turn": TURN, "seq": 1, "text": "One. "}]
    double.seq = 1


def test_an_answer_begun_in_another_tab_is_shown_here_too(page: Any, double: Double) -> None:
    opened(page, double)
    running(double)
    double.send({"type": "accepted", "id": "of another tab", "turn": TURN, "conversation": CONVERSATION,
                 "title": "Leave", "question": QUESTION, "answer": ANSWER})  # fmt: skip
    double.wait_for("resume", turn=TURN, after=0)
    double.frame("text", text="Two.")
    expect(page.locator(".assistant .prose")).to_have_text("One. Two.")
    double.finish()
    expect(page.get_by_label("Send")).to_be_visible()


def test_a_conversation_that_is_loaded_twice_at_once_keeps_the_sources(page: Any, double: Double) -> None:
    opened(page, double)
    running(double)
    double.detail["messages"][1] |= {"sources": [], "citations": []}
    held: list[Any] = []
    page.route(f"**/api/conversations/{CONVERSATION}/", lambda route: held.append(route))
    for asked in ("of another tab", "and of its device"):
        double.send({"type": "accepted", "id": asked, "turn": TURN, "conversation": CONVERSATION,
                     "title": "Leave", "question": QUESTION, "answer": ANSWER})  # fmt: skip
    while len(held) < 2:
        page.wait_for_timeout(20)
    double._http(held[0])
    double.wait_for("resume", turn=TURN, after=0)
    double.frame("sources", sources=SOURCES)
    expect(page.locator(".assistant .prose")).to_have_text("One.")
    double._http(held[1])
    double.frame("text", text="Two [1].")
    double.finish()
    expect(page.locator(".assistant .prose")).to_contain_text("One. Two")
    expect(page.get_by_role("button", name=SOURCES[0]["document"]["name"])).to_be_visible()


def test_an_answer_begun_while_the_line_was_away_is_joined(page: Any, double: Double) -> None:
    opened(page, double)
    running(double)
    break_the_line(double)
    double.wait_for("resume", turn=TURN, after=0)
    double.frame("text", text="Two.")
    double.finish()
    expect(page.locator(".assistant .prose")).to_have_text("One. Two.")


def test_an_answer_whose_server_died_can_be_continued(page: Any, double: Double) -> None:
    page.goto("/")
    double.ask()
    double.answer(text="Half an ans", done="")
    message = {"id": ANSWER, "role": "assistant", "text": "Half an ans", "status": "interrupted", "engine": "m"}
    double.send({"type": "snapshot", "turn": TURN, "message": message})
    expect(page.locator(".fate")).to_contain_text("This answer broke off.")
    page.get_by_role("button", name="Continue").click()
    double.wait_for("continue", message=ANSWER)
    double.frame("text", text="wer.")
    double.finish()
    expect(page.locator(".assistant .prose")).to_have_text("Half an answer.")


def test_opening_a_conversation_joins_the_answer_that_is_being_written(page: Any, double: Double) -> None:
    double.detail = {
        "id": TURN,
        "title": "Leave",
        "running": [{"turn": TURN, "answer": "a1", "from": 6}],
        "messages": [
            {"id": "q", "parent": None, "role": "user", "text": "May I?", "status": "complete"},
            {"id": "a1", "parent": "q", "role": "assistant", "text": "Kept. Twi", "status": "streaming"},
        ],
    }
    double.conversations = [{"id": TURN, "title": "Leave", "updated_at": "2026-11-21T00:00:00Z"}]
    page.goto("/")
    page.get_by_role("link", name="Leave").click()
    expect(page.locator(".message.assistant")).to_be_visible()
    double.wait_for("resume", turn=TURN, after=0)
    double.frame("text", text="Twice.")
    expect(page.locator(".assistant .prose")).to_have_text("Kept. Twice.")


def test_a_stream_that_is_no_longer_held_is_shown_as_stored(page: Any, double: Double) -> None:
    page.goto("/")
    double.ask()
    double.answer(text="Only a part", done="")
    message = {"id": ANSWER, "role": "assistant", "text": "The whole answer.", "status": "complete", "engine": "m"}
    double.send({"type": "snapshot", "turn": TURN, "message": message})
    expect(page.locator(".assistant .prose")).to_have_text("The whole answer.")
    expect(page.get_by_label("Send")).to_be_visible()
