"""Sharing, reading what is shared, printing and taking out, in a real browser with what the server has."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from playwright.sync_api import expect

from chatapp.accounts.models import User
from chatapp.sharing.models import Share
from chatapp.sharing.services import share
from tests.browser.test_keeping import choose
from tests.sharing.conversations import Written, say, written


@pytest.fixture
def talk(page: Any, person: User) -> Written:
    """Of alice, whom the person of the page asks to read."""
    page.context.route_web_socket("**/ws/chat/", lambda socket: None)
    alice, board = User.objects.create_user("alice"), Group.objects.create(name="board")
    alice.groups.add(board)
    found = written(alice, board)
    text = "| Days | Who |\n|---|---|\n| 28 | all [1] |\n\nأهلاً بالعالم, 世界, हिन्दी: $x^2$\n\n```python\nprint(1)\n```"
    say(found.conversation, found.messages[1], "user", "As a table?")
    last = found.conversation.messages.order_by("created_at").last()
    say(found.conversation, last, "assistant", text, found.open, engine="local: tiny")
    return found


def test_what_is_shared_is_read_with_its_sources(page: Any, person: User, talk: Written) -> None:
    User.objects.filter(pk=person.pk).update(is_superuser=False)  # who administers reads every collection
    share(talk.conversation.owner, talk.conversation, talk.messages[5].pk, person=person, group=None)
    page.goto("/")
    page.get_by_role("link", name="Shared with you").click()
    page.get_by_role("link", name="Leave").click()
    expect(page.get_by_role("heading", name="Leave")).to_be_visible()
    expect(page.get_by_text("This answer rests on documents that you may not read.")).to_have_count(1)
    expect(page.get_by_text("This answer follows one that rests on documents")).to_have_count(1)
    page.locator(".cite").first.click()
    expect(page.locator("#s-2-1")).to_be_focused()
    expect(page.locator("#page")).not_to_contain_text("A million")
    assert page.problems == []


@pytest.mark.parametrize("page", [{"permissions": ["clipboard-read", "clipboard-write"]}], indirect=True)
def test_a_conversation_is_shared_renewed_and_shared_no_more(page: Any, person: User, talk: Written) -> None:
    own = talk.conversation
    type(own).objects.filter(pk=own.pk).update(owner=person)
    page.goto("/")
    choose(page, "Leave", "Share…")
    dialog = page.get_by_role("dialog", name="Share this conversation")
    dialog.get_by_label("Name or e-mail address").fill("nobody")
    dialog.get_by_role("button", name="Share", exact=True).click()
    expect(dialog.get_by_role("alert")).to_contain_text("There is nobody of this name whom you can share with.")
    dialog.get_by_label("Name or e-mail address").fill("alice")
    dialog.get_by_role("button", name="Share", exact=True).click()
    expect(dialog.get_by_role("listitem")).to_contain_text("alice")
    expect(dialog.get_by_role("listitem")).to_contain_text(re.compile(r"as it stood on .* \d\d:\d\d"))
    dialog.get_by_role("button", name="Copy link for alice").click()
    expect(dialog.get_by_role("button", name="Copy link for alice")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()").endswith(f"/shared/{Share.objects.get().pk}/")
    before = Share.objects.get().renewed_at
    dialog.get_by_role("button", name="Renew for alice").click()
    expect(page.locator("#announcer")).to_have_text("Renewed")
    assert Share.objects.get().renewed_at > before
    dialog.get_by_role("button", name="Close").click()
    page.get_by_role("link", name="What you have shared").click()
    page.get_by_role("button", name="Stop sharing Leave with alice").click()
    expect(page.get_by_text("You share nothing.")).to_be_visible()
    assert not Share.objects.exists()


def test_it_is_taken_out_and_printed_from_the_menu(page: Any, person: User, talk: Written, tmp_path: Path) -> None:
    type(talk.conversation).objects.filter(pk=talk.conversation.pk).update(owner=person)
    page.goto("/")
    page.get_by_role("button", name="More about Leave").click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name="Export as JSON").click()
    assert download.value.suggested_filename.endswith(".json")
    page.get_by_role("link", name="Leave", exact=True).click()
    expect(page.locator(".message.user").first).to_be_visible()
    page.keyboard.press("Control+k")
    page.keyboard.type("export as markdown")
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    assert download.value.suggested_filename.endswith(".md")
    page.get_by_role("button", name="More about Leave").click()
    with page.expect_popup() as opened:
        page.get_by_role("menuitem", name="Print or save as PDF").click()
    paper = opened.value
    expect(paper.locator("table")).to_be_visible()
    paper.emulate_media(media="print")
    expect(paper.get_by_role("button", name="Print or save as PDF")).to_be_hidden()
    paper.pdf(path=tmp_path / "paper.pdf")
    assert (tmp_path / "paper.pdf").read_bytes().startswith(b"%PDF")


def test_a_file_of_another_assistant_comes_in(page: Any, person: User) -> None:
    page.context.route_web_socket("**/ws/chat/", lambda socket: None)
    said = {"author": {"role": "user"}, "content": {"parts": ["Where to?"]}}
    told = {"author": {"role": "assistant"}, "content": {"parts": ["To Lisbon. [1]"]}}
    mapping = {"q": {"parent": None, "message": said}, "a": {"parent": "q", "message": told}}
    rows = [{"title": f"Trip {number}", "mapping": mapping} for number in range(25)]
    rows.append({"title": "Long", "mapping": {"q": {"message": {**said, "content": {"parts": ["x" * 2_000_000]}}}}})
    page.goto("/")
    page.get_by_role("button", name="Import conversations").click()
    dialog = page.get_by_role("dialog", name="Import conversations")
    dialog.get_by_label("File").set_input_files(
        {"name": "conversations.json", "mimeType": "application/json", "buffer": json.dumps(rows).encode()}
    )
    dialog.get_by_role("button", name="Import", exact=True).click()
    expect(dialog.get_by_role("status")).to_contain_text("25 conversations were imported.")
    expect(dialog.get_by_role("listitem")).to_have_text("Long: It is too large.")
    dialog.get_by_role("button", name="Close").click()
    page.get_by_role("link", name="Trip 7").click()
    expect(page.locator(".writer")).to_have_text("Imported: written elsewhere, without sources that could be checked.")
    expect(page.locator(".assistant .prose")).to_have_text("To Lisbon. [1]")
    expect(page.locator(".cite, .writer a")).to_have_count(0)
    assert page.problems == []


def test_a_file_that_is_none_says_so(page: Any, person: User) -> None:
    page.context.route_web_socket("**/ws/chat/", lambda socket: None)
    page.goto("/")
    page.get_by_role("button", name="Import conversations").click()
    dialog = page.get_by_role("dialog", name="Import conversations")
    for content, said in ((b"nothing", "This file is not JSON."), (b'{"a": 1}', "is in no form that is known here")):
        file = {"name": "x.json", "mimeType": "application/json", "buffer": content}
        dialog.get_by_label("File").set_input_files(file)
        dialog.get_by_role("button", name="Import", exact=True).click()
        expect(dialog.get_by_role("alert")).to_contain_text(said)


def test_sentences_that_are_not_borne_out_are_underlined_for_readers_and_on_paper(
    page: Any, person: User, talk: Written
) -> None:
    row = talk.messages[1]
    row.text = "28 days. [1]\n\n- Up to **12** may be carried. [1]"
    row.unsupported = [[row.text.index("- Up"), len(row.text)]]
    row.save()
    number = share(talk.conversation.owner, talk.conversation, row.pk, person=person, group=None).pk
    for where in (f"/shared/{number}/", f"/c/{talk.conversation.pk}/print/"):
        page.goto(where)
        answer = page.locator("#m-2")
        expect(answer.locator(".unsupported").first).to_be_visible()
        assert "".join(answer.locator(".unsupported").all_text_contents()).startswith("Up to 12 may be carried.")
        expect(answer.locator(".grounding")).to_have_text(
            "One sentence is underlined with dots: the passages that it names do not say so."
        )
        expect(page.locator("#m-2 .cite")).to_have_count(2)
        type(talk.conversation).objects.filter(pk=talk.conversation.pk).update(owner=person)
    assert page.problems == []
