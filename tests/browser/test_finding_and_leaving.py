"""The box that finds conversations by their words, and chats that leave nothing."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import expect

from chatapp.conversations.models import Conversation, Message
from tests.browser.double import ANSWER, CONVERSATION, STAMP, Double, answered, opened, stored
from tests.waiting import wait_until

HIT = {
    "conversation": {"id": CONVERSATION, "title": "Leave", "updated_at": STAMP},
    "message": ANSWER,
    "role": "assistant",
    "snippet": "\U0001f334 Carried leave lapses on 31 March.",
    "marks": [[10, 15]],
}
BOX = "Find in your conversations"


def test_what_is_found_takes_the_place_of_the_list_and_opens(page: Any, double: Double) -> None:
    stored(double, answered())
    double.found = [HIT]
    page.goto("/")
    expect(page.get_by_role("link", name="Travel")).to_be_visible()
    page.get_by_label(BOX).fill("leave")
    found = page.locator("#found")
    expect(found.locator("mark")).to_have_text("leave")
    expect(page.get_by_role("link", name="Travel")).to_be_hidden()
    expect(page.locator("#announcer")).to_have_text("One conversation")
    found.get_by_role("link").click()
    expect(page.locator(f"#m-{ANSWER}")).to_be_in_viewport()
    expect(page).to_have_url(f"{page.url.split('/c/')[0]}/c/{CONVERSATION}/")
    page.get_by_label(BOX).press("Escape")
    expect(found).to_be_hidden()
    expect(page.get_by_role("link", name="Travel")).to_be_visible()
    assert page.problems == []


def test_what_is_found_on_another_branch_is_shown(page: Any, double: Double) -> None:
    edited = {"id": "edited", "parent": None, "role": "user", "text": "May we?", "status": "complete"}
    more = [answered("Word. " * 900, number="long"), {"id": "then", "parent": "long", "role": "user", "text": "Why?"}]
    stored(double, answered(), *more, edited, answered("They may.", number="newer") | {"parent": "edited"})
    double.found = [HIT]
    page.goto("/")
    page.get_by_label(BOX).fill("leave")
    page.locator("#found").get_by_role("link").click()
    expect(page.locator(f"#m-{ANSWER}")).to_be_in_viewport()
    expect(page.locator("#m-newer")).to_have_count(0)
    expect(page.locator("#m-long")).to_have_count(0)
    double.found = [HIT | {"message": "long", "marks": [[2, 9]]}]
    page.get_by_label(BOX).fill("leave it")
    expect(page.locator("#found mark")).to_have_text("Carried")
    page.locator("#found").get_by_role("link").click()
    expect(page.locator("#m-long")).to_be_in_viewport()
    expect(page.get_by_text("Why?")).to_have_count(1)
    assert page.problems == []


def test_nothing_found_and_a_server_that_fails_are_said(page: Any, double: Double) -> None:
    page.goto("/")
    page.get_by_label(BOX).fill("wombat")
    expect(page.locator("#found")).to_have_text("No conversation has these words.")
    error = {"error": {"message": "The database rests.", "advice": "Wait a moment."}}
    page.route("**/api/conversations/search/?*", lambda route: route.fulfill(status=503, json=error))
    page.get_by_label(BOX).fill("wombats")
    expect(page.locator("#found")).to_have_text("The database rests. Wait a moment.")
    page.get_by_label(BOX).fill("?!")
    expect(page.locator("#found")).to_be_hidden()


def test_a_temporary_chat_says_what_it_is_and_is_deleted_when_it_is_left(page: Any, double: Double) -> None:
    stored(double, answered())
    page.goto("/")
    page.get_by_role("button", name="Temporary chat").click()
    expect(page.locator("#temporary-note")).to_contain_text("deleted when you leave it")
    expect(page.locator("#title")).to_have_text("Temporary chat")
    double.title = ""
    double.ask()
    assert double.wait_for("ask")["temporary"] is True
    double.answer()
    expect(page.locator("#temporary-note")).to_be_visible()
    expect(page.get_by_role("button", name="Temporary chat")).to_be_hidden()
    assert page.url.endswith("/") and "/c/" not in page.url
    expect(page.locator("li[data-conversation]")).to_have_count(2)  # those that were there
    page.get_by_role("button", name="Close and delete it").click()
    expect(page.locator("#title")).to_have_text("New conversation")
    expect(page.locator("#temporary-note")).to_be_hidden()
    assert double.deleted == [f"conversations/{CONVERSATION}/"]
    double.ask("And now?")
    assert "temporary" not in double.wait_for("ask", text="And now?")
    assert page.problems == []


def test_another_conversation_leaves_it_too(page: Any, double: Double) -> None:
    stored(double, answered())
    page.goto("/")
    page.get_by_role("button", name="Temporary chat").click()
    double.ask()
    double.answer()
    page.get_by_role("link", name="Travel").click()
    expect(page.locator("#temporary-note")).to_be_hidden()
    wait_until(lambda: double.deleted == [f"conversations/{CONVERSATION}/"], 15)


def test_a_page_that_goes_takes_its_temporary_chat_along(page: Any, person: Any) -> None:
    """With the server itself: what a page sends while it goes is not seen by the double."""
    chat = Conversation.objects.create(owner=person, temporary=True)
    Message.objects.create(conversation=chat, role="user", text="May I?")
    page.goto(f"/c/{chat.pk}/")
    expect(page.locator("#temporary-note")).to_be_visible()
    page.goto("/accounts/keys/")
    wait_until(lambda: not Conversation.objects.exists(), 15)


def test_a_temporary_chat_leaves_no_words_in_the_browser(page: Any, double: Double) -> None:
    page.goto("/")
    page.get_by_label("Your question").fill("Half a thought")
    page.get_by_role("button", name="Temporary chat").click()
    page.get_by_label("Your question").fill("Half a secret thought")
    kept = page.evaluate("JSON.stringify({...localStorage, ...sessionStorage})")
    assert "thought" not in kept
    page.get_by_role("button", name="Temporary chat").click()
    expect(page.locator("#temporary-note")).to_be_hidden()
    assert "Half a secret thought" in page.evaluate("JSON.stringify({...localStorage, ...sessionStorage})")


def test_a_message_that_cannot_be_opened_says_so(page: Any, double: Double) -> None:
    error = {"code": "cannot_be_opened", "message": "This text cannot be opened.", "advice": "Ask.", "retryable": False}
    opened(page, double, answered("", "complete") | {"error": error})
    expect(page.locator(".assistant")).to_contain_text("This text cannot be opened.")
    double.conversations = [{"id": CONVERSATION, "title": "", "unreadable": True, "updated_at": STAMP}]
    page.goto("/")
    expect(page.get_by_role("link", name="Cannot be opened")).to_be_visible()
