"""Pins, folders, the archive and several conversations at once, from the list and from the keyboard."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from chatapp.conversations.models import Conversation
from tests.browser.double import CONVERSATION, STAMP, Double, answered, opened, stored

TITLES = ("Expenses abroad", "Prices of the Pro plan", "Who approves a purchase?", "Leave in May")


@pytest.fixture
def listed(page: Any, person: Any) -> Any:
    """The page with conversations that the server has."""
    for title in reversed(TITLES):
        Conversation.objects.create(owner=person, title=title)
    page.context.route_web_socket("**/ws/chat/", lambda socket: None)
    page.goto("/")
    expect(page.get_by_role("link", name=TITLES[0])).to_be_visible()
    return page


def choose(page: Any, title: str, entry: str) -> None:
    page.get_by_role("button", name=f"More about {title}").click()
    page.get_by_role("menuitem", name=entry).click()


def section(page: Any, name: str) -> Any:
    return page.locator("#conversations section").filter(has=page.get_by_role("heading", name=name))


def test_a_conversation_is_pinned_archived_and_brought_back(listed: Any) -> None:
    choose(listed, TITLES[2], "Pin")
    expect(section(listed, "Pinned").get_by_role("link")).to_have_text(TITLES[2])
    choose(listed, TITLES[2], "Archive")
    expect(listed.get_by_role("link", name=TITLES[2])).to_have_count(0)
    expect(listed.locator("#announcer")).to_have_text("Archived")
    listed.get_by_role("button", name="Archived conversations").click()
    choose(listed, TITLES[2], "Bring back from the archive")
    expect(listed.get_by_text("Nothing is archived.")).to_be_visible()
    listed.get_by_role("button", name="All conversations").click()
    expect(listed.get_by_role("link", name=TITLES[2])).to_be_visible()
    assert listed.problems == []


def test_the_open_one_is_brought_into_view_once_in_a_long_list(listed: Any, person: Any) -> None:
    for number in range(40):
        Conversation.objects.create(owner=person, title=f"Newer {number}")
    old = next(one for one in Conversation.objects.all() if one.title == TITLES[3])
    listed.goto(f"/c/{old.pk}/")
    row = listed.get_by_role("link", name=TITLES[3])
    expect(row).to_be_in_viewport(ratio=1)
    listed.locator("#conversations").evaluate("list => { list.scrollTop = 0; }")
    choose(listed, "Newer 39", "Pin")
    expect(listed.locator("#announcer")).to_have_text("Pinned")
    expect(row).not_to_be_in_viewport()
    listed.keyboard.press("Control+Shift+KeyO")
    expect(listed).to_have_url(re.compile(r"/$"))
    listed.go_back()
    expect(row).to_be_in_viewport(ratio=0.9)


def test_a_folder_is_made_shown_renamed_and_deleted(listed: Any) -> None:
    choose(listed, TITLES[0], "Move to a folder…")
    listed.get_by_label("Name of the new folder").fill("Travel")
    listed.get_by_role("button", name="Move", exact=True).click()
    folder = section(listed, "Folders").get_by_role("button", name="Travel", exact=False).first
    expect(folder).to_contain_text("1")
    folder.click()
    expect(listed.locator(".view-head")).to_contain_text("Travel")
    expect(listed.locator("#conversations").get_by_role("link")).to_have_text([TITLES[0]])
    listed.get_by_role("button", name="All conversations").click()
    choose(listed, "Travel", "Rename…")
    listed.get_by_role("textbox", name="Name").fill("Trips")
    listed.get_by_role("button", name="Save").click()
    choose(listed, "Trips", "Delete…")
    listed.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(section(listed, "Folders")).to_have_count(0)
    expect(listed.get_by_role("link", name=TITLES[0])).to_be_visible()


def test_several_are_selected_with_the_mouse_and_deleted_at_once(listed: Any) -> None:
    choose(listed, TITLES[0], "Select several")
    expect(listed.get_by_label(f"Select {TITLES[0]}")).to_be_checked()
    listed.get_by_role("link", name=TITLES[2]).click(modifiers=["Shift"])
    bar = listed.get_by_role("toolbar", name="What is selected")
    expect(bar.get_by_role("status")).to_have_text("3 selected")
    listed.get_by_label(f"Select {TITLES[1]}").uncheck()
    expect(bar.get_by_role("status")).to_have_text("2 selected")
    bar.get_by_role("button", name="Delete…").click()
    dialog = listed.get_by_role("dialog", name="Delete 2 conversations?")
    dialog.get_by_role("button", name="Delete").click()
    expect(bar).to_have_count(0)
    expect(listed.locator("#conversations").get_by_role("link")).to_have_text([TITLES[1], TITLES[3]])
    assert Conversation.objects.count() == 2
    assert listed.problems == []


def test_several_are_selected_from_the_keyboard(listed: Any) -> None:
    listed.keyboard.press("Control+k")
    listed.keyboard.type("select several")
    listed.keyboard.press("Enter")
    expect(listed.get_by_label(f"Select {TITLES[0]}")).to_be_focused()
    listed.keyboard.press("Space")
    listed.keyboard.press("Shift+ArrowDown")
    listed.keyboard.press("ArrowDown")
    status = listed.get_by_role("toolbar").get_by_role("status")
    expect(status).to_have_text("2 selected")
    listed.keyboard.press("Control+a")
    expect(status).to_have_text("4 selected")
    listed.keyboard.press("Escape")
    expect(listed.get_by_role("toolbar")).to_have_count(0)
    listed.get_by_role("button", name=f"More about {TITLES[1]}").press("Enter")
    listed.keyboard.press("End")
    expect(listed.get_by_role("menuitem", name="Delete…")).to_be_focused()
    listed.keyboard.press("a")
    expect(listed.get_by_role("menuitem", name="Archive")).to_be_focused()
    listed.keyboard.press("Escape")
    expect(listed.get_by_role("menu")).to_have_count(0)
    expect(listed.get_by_role("button", name=f"More about {TITLES[1]}")).to_be_focused()


def test_another_tab_is_in_step(listed: Any) -> None:
    other = listed.context.new_page()
    other.goto("/")
    expect(other.get_by_role("link", name=TITLES[1])).to_be_visible()
    choose(listed, TITLES[1], "Pin")
    expect(section(other, "Pinned").get_by_role("link")).to_have_text(TITLES[1])
    choose(listed, TITLES[1], "Delete…")
    listed.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(other.get_by_role("link", name=TITLES[1])).to_have_count(0)


def test_the_head_of_the_chat_has_the_same_menu(page: Any, double: Double) -> None:
    page.goto("/")
    expect(page.locator("#chat-menu")).to_be_hidden()
    opened(page, double, answered())
    page.locator("#chat-menu").click()
    page.get_by_role("menuitem", name="Pin").click()
    expect(page.locator("#announcer")).to_have_text("Pinned")
    assert double.kept == [("PATCH", f"conversations/{CONVERSATION}/", {"pinned": True})]


def test_on_a_telephone_what_became_of_it_is_said_beside_the_question(page: Any, double: Double) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    stored(double, answered())
    page.goto("/")
    page.locator("#menu").click()
    page.get_by_role("link", name="Leave").click()
    page.wait_for_selector(".message.user")
    page.locator("#chat-menu").click()
    page.get_by_role("menuitem", name="Archive").click()
    expect(page.locator("#notice")).to_have_text("Archived")
    error = {"error": {"message": "The database rests.", "advice": "Wait a moment."}}
    page.route(f"**/api/conversations/{CONVERSATION}/", lambda route: route.fulfill(status=503, json=error))
    page.locator("#chat-menu").click()
    page.get_by_role("menuitem", name="Pin").click()
    expect(page.locator("#notice")).to_have_text("The database rests. Wait a moment.")


def test_a_question_on_another_device_is_listed(page: Any, double: Double) -> None:
    page.goto("/")
    expect(page.locator("#conversations")).to_contain_text("Your conversations will be listed here.")
    stored(double, answered())
    double.send({"type": "accepted", "id": "theirs", "turn": "t", "conversation": CONVERSATION, "title": "Leave",
                 "question": "q", "answer": "a"})  # fmt: skip
    expect(page.get_by_role("link", name="Leave")).to_be_visible()


def test_what_is_refused_is_said_and_the_list_stays(page: Any, double: Double) -> None:
    double.conversations = [{"id": "one", "title": "Leave", "updated_at": STAMP}]
    page.goto("/")
    error = {"error": {"message": "At most 50 can be pinned.", "advice": "Unpin others first."}}
    page.route("**/api/conversations/one/", lambda route: route.fulfill(status=400, json=error))
    choose(page, "Leave", "Pin")
    expect(page.locator("#conversations .notice")).to_have_text("At most 50 can be pinned. Unpin others first.")
    expect(page.get_by_role("link", name="Leave")).to_be_visible()


def test_opening_an_old_conversation_leaves_it_where_it_stands(page: Any, double: Double) -> None:
    old = "2026-01-02T00:00:00Z"
    stored(double, answered())
    newest = {"id": "new", "title": "Newest", "updated_at": STAMP}
    double.conversations = [newest, {"id": CONVERSATION, "title": "Leave", "updated_at": old}]
    page.goto("/")
    page.get_by_role("link", name="Leave").click()
    page.wait_for_selector(".message.user")
    expect(page.locator("#conversations").get_by_role("link")).to_have_text(["Newest", "Leave"])


def test_a_question_in_an_open_conversation_does_not_stand_in_the_archive(page: Any, double: Double) -> None:
    double.folders = {"folders": [], "archived": True}
    page.goto("/")
    opened(page, double, answered())
    double.conversations = []
    page.get_by_role("button", name="Archived conversations").click()
    expect(page.get_by_text("Nothing is archived.")).to_be_visible()
    double.question, double.writes = "new question", "new answer"
    page.get_by_label("Your question").fill("And in May?")
    page.keyboard.press("Enter")
    double.wait_for("ask")
    expect(page.locator(".message.user")).to_have_count(2)
    expect(page.locator("#conversations").get_by_role("link")).to_have_count(0)


def test_older_ones_stay_when_the_list_is_loaded_again_and_none_comes_twice(page: Any, person: Any) -> None:
    for number in range(60):
        Conversation.objects.create(owner=person, title=f"Question {number}")
    page.context.route_web_socket("**/ws/chat/", lambda socket: None)
    page.goto("/")
    links = page.locator("#conversations li[data-conversation] a")
    expect(links).to_have_count(50)
    page.get_by_role("button", name="Show older").evaluate("button => (button.click(), button.click())")
    expect(links).to_have_count(60)
    expect(page.get_by_role("button", name="Show older")).to_have_count(0)
    links.last.scroll_into_view_if_needed()
    choose(page, "Question 0", "Pin")
    expect(section(page, "Pinned").get_by_role("link")).to_have_text("Question 0")
    expect(links).to_have_count(60)
    with page.expect_response("**/api/conversations/?*") as answer:
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    assert "limit=59" in answer.value.url
    expect(links).to_have_count(60)
    assert page.problems == []
