"""axe-core finds nothing on the pages to read and to print, in the list with all that it holds, and in its dialogs."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group
from playwright.sync_api import expect

from chatapp.accounts.models import User
from chatapp.conversations.models import Conversation, Folder
from chatapp.sharing.services import share
from tests.browser.test_accessibility import LONG, check
from tests.browser.test_keeping import choose
from tests.sharing.conversations import Written, written


@pytest.fixture
def talk(page: Any, person: User) -> Written:
    """Of the person, shared with alice; and one of alice's, shared with them."""
    page.context.route_web_socket("**/ws/chat/", lambda socket: None)
    User.objects.filter(pk=person.pk).update(is_superuser=False)
    alice, board = User.objects.create_user("alice", first_name=LONG[:100]), Group.objects.create(name="board")
    talk = written(alice, board)
    share(alice, talk.conversation, None, person=person, group=None)
    own = Conversation.objects.create(
        owner=person, title=LONG, folder=Folder.objects.create(owner=person, name=LONG[:80])
    )
    Conversation.objects.create(owner=person, title="Pinned talk", pinned=True)
    Conversation.objects.create(owner=person, title="Old", archived=True)
    for row in talk.messages[:2]:
        row.pk, row.parent = None, None
        row.conversation, row._state.adding = own, True
        row.save(force_insert=True)
    share(person, own, None, person=alice, group=None)
    return talk


def test_the_shared_pages(page: Any, person: User, talk: Written) -> None:
    page.goto("/shared/")
    check(page)
    page.get_by_role("link", name="Leave").click()
    expect(page.locator(".cite").first).to_be_visible()
    check(page)


def test_the_page_to_print(page: Any, person: User, talk: Written) -> None:
    Conversation.objects.filter(pk=talk.conversation.pk).update(owner=person)
    page.goto(f"/c/{talk.conversation.pk}/print/")
    expect(page.locator(".cite").first).to_be_visible()
    check(page)


def test_the_list_with_all_that_it_holds(page: Any, person: User, talk: Written) -> None:
    page.goto("/")
    expect(page.get_by_role("link", name="Shared with you")).to_be_visible()
    check(page)
    page.set_viewport_size({"width": 1280, "height": 800})
    choose(page, LONG, "Share…")
    expect(page.get_by_role("dialog").get_by_role("listitem")).to_be_visible()
    check(page)
    page.keyboard.press("Escape")
    page.set_viewport_size({"width": 1280, "height": 800})
    page.keyboard.press("Control+k")
    page.keyboard.type("import")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Import conversations")).to_be_visible()
    check(page)
