"""Pictures of the list, of selecting and sharing, and of the pages to read and to print. Taken only on demand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from playwright.sync_api import expect

from chatapp.accounts.models import User
from chatapp.conversations.models import Conversation, Folder
from chatapp.sharing.services import share
from retrieval.models import Collection
from tests.browser.test_keeping import TITLES, choose
from tests.browser.test_screenshots import FOLDER, LOOKS, shoot
from tests.sharing.conversations import Written, say, written

pytestmark = pytest.mark.skipif(not FOLDER, reason="pictures are taken on demand: FOOTNOTE_SCREENSHOTS=folder")


def with_sidebar(page: Any, name: str) -> None:
    for width, theme in LOOKS:
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        if width == 390 and not page.evaluate("document.body.classList.contains('sidebar-open')"):
            page.locator("#menu").click()
        page.wait_for_timeout(250)
        page.screenshot(path=Path(FOLDER) / f"{name}-{width}-{theme}.png")
    page.set_viewport_size({"width": 1280, "height": 800})
    page.emulate_media(color_scheme="light", reduced_motion="reduce")


def test_pictures_of_the_list(page: Any, person: User) -> None:
    page.context.route_web_socket("**/ws/chat/", lambda socket: None)
    travel = Folder.objects.create(owner=person, name="Travel to the offices abroad in the south of the continent")
    Folder.objects.create(owner=person, name="Tax")
    for title in reversed(TITLES):
        Conversation.objects.create(owner=person, title=title, folder=travel if "abroad" in title else None)
    Conversation.objects.create(owner=person, title="What do our customers say about the plans?", pinned=True)
    Conversation.objects.create(owner=person, title="Old talk", archived=True)
    alice = User.objects.create_user("alice")
    board = Group.objects.create(name="board")
    talk = written(alice, board)
    share(alice, talk.conversation, None, person=person, group=None)
    page.goto("/")
    expect(page.get_by_role("link", name=TITLES[0])).to_be_visible()
    with_sidebar(page, "list")
    page.get_by_role("button", name=f"More about {TITLES[1]}").click()
    page.wait_for_timeout(200)
    page.screenshot(path=Path(FOLDER) / "list-menu-1280-light.png")
    page.keyboard.press("Escape")
    choose(page, TITLES[0], "Select several")
    page.get_by_label(f"Select {TITLES[2]}").check()
    with_sidebar(page, "selecting")
    page.keyboard.press("Escape")
    page.reload()
    choose(page, TITLES[0], "Move to a folder…")
    shoot(page, "move")
    page.keyboard.press("Escape")
    page.set_viewport_size({"width": 1280, "height": 800})
    page.locator("button.folder").first.click()
    page.wait_for_timeout(300)
    page.screenshot(path=Path(FOLDER) / "folder-1280-light.png")


def test_pictures_of_sharing(page: Any, person: User) -> None:
    page.context.route_web_socket("**/ws/chat/", lambda socket: None)
    alice = User.objects.create_user("alice", first_name="Alice", last_name="Example")
    board = Group.objects.create(name="board")
    person.groups.add(board)
    talk = written(alice, board)
    table, scripts = "| Days | Who |\n|---|---|\n| 28 | all [1] |", "أهلاً بالعالم, 世界, हिन्दी: $x^2$"
    text = f"{table}\n\n{scripts}\n\n```python\nprint('{'a long line ' * 20}')\n```"
    say(talk.conversation, talk.messages[1], "user", "As a table?")
    last = talk.conversation.messages.order_by("created_at").last()
    say(talk.conversation, last, "assistant", text, talk.open, engine="local: tiny")
    User.objects.filter(pk=person.pk).update(is_superuser=False)
    person.groups.clear()
    row = share(alice, talk.conversation, talk.messages[5].pk, person=person, group=None)
    page.goto(f"/shared/{row.pk}/")
    expect(page.locator(".cite").first).to_be_visible()
    shoot(page, "shared")
    person.groups.add(board)
    mine = written_for(person, board)
    share(person, mine.conversation, None, person=alice, group=None)
    share(person, mine.conversation, None, person=None, group=board)
    page.goto("/shared/")
    shoot(page, "shared-list")
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto("/")
    choose(page, "Leave", "Share…")
    expect(page.get_by_role("dialog").get_by_role("listitem").first).to_be_visible()
    shoot(page, "share")
    page.keyboard.press("Escape")
    Conversation.objects.filter(pk=talk.conversation.pk).update(owner=person)
    page.goto(f"/c/{talk.conversation.pk}/print/")
    expect(page.locator("table")).to_be_visible()
    shoot(page, "print")
    page.set_viewport_size({"width": 794, "height": 1123})
    page.emulate_media(media="print", color_scheme="dark")
    page.screenshot(path=Path(FOLDER) / "paper.png", full_page=True)
    page.pdf(path=Path(FOLDER) / "paper.pdf", format="A4")


def written_for(owner: User, board: Group) -> Written:
    Collection.objects.all().delete()  # names are there once
    return written(owner, board)
