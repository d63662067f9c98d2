"""Taking a conversation out: nothing that was masked, nothing that acts, and nobody else's."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.test import Client

from chatapp.accounts.models import User
from chatapp.conversations.masked import keep_values
from chatapp.conversations.models import Conversation
from chatapp.governance.models import AuditEntry
from chatapp.sharing.exporting import file_name
from chatapp.sharing.plain_markdown import harmless, line_of
from tests.conftest import Cast, signed_in_client
from tests.sharing.conversations import Written, say, written


@pytest.fixture
def talk(cast: Cast) -> Written:
    return written(cast.alice, cast.alice.groups.get())


def export(user: User, row: Conversation, form: str = "markdown", **more: str) -> Any:
    return signed_in_client(user).get(f"/api/conversations/{row.pk}/export/", {"form": form, **more})


def test_a_branch_as_markdown_has_its_sources_as_footnotes(cast: Cast, talk: Written) -> None:
    answer = export(cast.alice, talk.conversation)
    assert answer.headers["Content-Disposition"] == 'attachment; filename="Leave.md"'
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Type"] == "text/markdown; charset=utf-8"
    text = answer.content.decode()
    assert text.startswith(
        "# Leave\n\n## Question\n\n> How many days?\n\n## Answer\n\n28 days. [^2-1]\n\n*tiny (on this server)*"
    )
    assert "[^2-1]: leave.md, page 3: “Words of leave.md”" in text
    assert "A million. [^4-1]" in text and "[^4-1]: salaries.md, page 3: “Words of salaries.md”" in text


def test_the_branch_is_the_newest_one_or_that_of_a_message(cast: Cast, talk: Written) -> None:
    say(talk.conversation, talk.messages[0], "assistant", "30 days, says another try.")
    newest = export(cast.alice, talk.conversation).content.decode()
    assert "another try" in newest and "A million" not in newest
    older = export(cast.alice, talk.conversation, message=str(talk.messages[3].pk)).content.decode()
    assert "A million" in older and "another try" not in older and "Really?" not in older
    for message, status in (("x", 400), (str(uuid.uuid4()), 404)):
        assert export(cast.alice, talk.conversation, message=message).status_code == status


def test_json_holds_the_whole_tree(cast: Cast, talk: Written) -> None:
    say(talk.conversation, talk.messages[0], "assistant", "30 days, says another try.")
    answer = export(cast.alice, talk.conversation, "json")
    told = answer.json()
    assert (told["format"], told["version"], told["title"]) == ("footnote.conversation", 1, "Leave")
    assert len(told["messages"]) == 7 and told["messages"][1]["parent"] == told["messages"][0]["id"]
    (cited,) = told["messages"][1]["citations"]
    assert cited == {"number": 1, "document": "leave.md", "page": 3, "quote": "Words of leave.md", "later_quotes": []}
    assert answer.headers["Content-Disposition"] == 'attachment; filename="Leave.json"'


@pytest.mark.parametrize("form", ["markdown", "json"])
def test_what_is_masked_stays_masked(cast: Cast, talk: Written, form: str) -> None:
    keep_values(talk.conversation.pk, cast.alice.pk, {"[email 1]": "ada@example.com"})
    say(talk.conversation, talk.messages[5], "user", "Write to [email 1].")
    body = export(cast.alice, talk.conversation, form).content.decode()
    assert "[email 1]" in body and "ada@example.com" not in body
    page = signed_in_client(cast.alice).get(f"/c/{talk.conversation.pk}/print/").content.decode()
    assert "[email 1]" in page and "ada@example.com" not in page


def test_words_of_a_passage_that_is_taken_away_are_not_exported(cast: Cast, talk: Written) -> None:
    talk.closed.collection.readers.clear()
    for form in ("markdown", "json"):
        body = export(cast.alice, talk.conversation, form).content.decode()
        assert "Words of salaries.md" not in body and "Words of leave.md" in body
    assert (
        "Words of salaries.md"
        not in signed_in_client(cast.alice).get(f"/c/{talk.conversation.pk}/print/").content.decode()
    )


@pytest.mark.parametrize("who", ["bob", "charlie", "administrator"])
def test_nobody_else_takes_it_out(cast: Cast, talk: Written, who: str) -> None:
    other = getattr(cast, who)
    absent = Conversation(pk=uuid.uuid4())
    for form in ("markdown", "json", "pdf"):
        theirs, nothing = export(other, talk.conversation, form), export(other, absent, form)
        assert (theirs.status_code, theirs.json()) == (nothing.status_code, nothing.json()) == (404, nothing.json())
    assert signed_in_client(other).get(f"/c/{talk.conversation.pk}/print/").status_code == 404
    nobody = Client(headers={"Accept": "application/json"})
    assert nobody.get(f"/api/conversations/{talk.conversation.pk}/export/?form=json").status_code == 401
    assert not AuditEntry.objects.filter(action="conversation.exported").exists()


def test_the_trail_says_what_went_out_in_which_form(cast: Cast, talk: Written) -> None:
    export(cast.alice, talk.conversation)
    export(cast.alice, talk.conversation, "json")
    signed_in_client(cast.alice).get(f"/c/{talk.conversation.pk}/print/")
    lines = AuditEntry.objects.filter(action="conversation.exported").order_by("pk")
    assert [line.detail["form"] for line in lines] == ["markdown", "json", "print"]
    assert {line.subject for line in lines} == {f"conversation {talk.conversation.pk}"}


def test_a_temporary_chat_is_not_exported(cast: Cast) -> None:
    chat = Conversation.objects.create(owner=cast.alice, temporary=True)
    assert export(cast.alice, chat, "json").status_code == 400
    assert signed_in_client(cast.alice).get(f"/c/{chat.pk}/print/").status_code == 400


def test_the_page_to_print_shows_questions_answers_and_sources(cast: Cast, talk: Written) -> None:
    say(talk.conversation, talk.messages[5], "user", "<script>alert(1)</script>")
    page = signed_in_client(cast.alice).get(f"/c/{talk.conversation.pk}/print/")
    text = page.content.decode()
    assert "How many days?" in text and "28 days. [1]" in text and "Words of leave.md" in text
    assert "&lt;script&gt;alert(1)" in text and "<script>alert" not in text
    assert page.headers["Cache-Control"].startswith("max-age=0")


@pytest.mark.parametrize(
    ("trap", "instead"),
    [
        ("see [this](https://evil.example/x)", r"see [this]\(https\://evil.example/x)"),
        ("![](https://evil.example/x.png)", r"!\[]\(https\://evil.example/x.png)"),
        ("[a][b]", r"[a]\[b]"),
        ("[b]: https://evil.example", r"[b]\: https\://evil.example"),
        ("<img src=x onerror=alert(1)>", "&lt;img src=x onerror=alert(1)>"),
        (r"\<b>bold</b>", r"\&lt;b>bold&lt;/b>"),
        ("<https://evil.example>", r"&lt;https\://evil.example>"),
        ("www.evil.example", r"www\.evil.example"),
        ("`![x](https://evil.example)`", r"`!\[x]\(https\://evil.example)`"),
        ("a < b and 1 <2", "a < b and 1 <2"),
        ("- ```", "- \\```"),
    ],
)
def test_traps_become_text(trap: str, instead: str) -> None:
    assert line_of(trap) == instead


def test_code_is_kept_and_no_block_of_it_swallows_what_follows() -> None:
    assert harmless("```python\n[a](b)\n```\nafter") == "```python\n[a](b)\n```\nafter".replace("```", "````")
    assert harmless("~~~\n<b>\n```\nopen to the end") == "````\n<b>\n```\nopen to the end\n````"
    assert harmless("- item\n\n  ```\n![x](y)") == "- item\n\n````\n![x](y)\n````"
    assert harmless(" ```\ncode\n```\n![x](y)") == "````\ncode\n````\n!\\[x]\\(y)"
    assert harmless("```a`b\n[x](y)") == "\\```a`b\n[x]\\(y)"


def test_marks_of_no_source_and_of_links_are_no_footnotes(cast: Cast, talk: Written) -> None:
    text = "So [1][1] and [7], ![1] and [1](https://evil.example)\n\n```\nlist[1]\n```\n"
    say(talk.conversation, talk.messages[5], "assistant", text, talk.open)
    body = export(cast.alice, talk.conversation).content.decode()
    assert "So [^7-1][^7-1] and \\[7], !\\[1] and [1]\\(https\\://evil.example)" in body
    assert "list[1]" in body


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Leave", "Leave"),
        ("../../etc/passwd", "etc passwd"),
        ("=1+1", "1 1"),
        ("-rf .hidden", "rf hidden"),
        ('a"b\r\nc\x00\u202egpj.exe', "a b c gpj exe"),
        ("休暇 für Öl हिन्दी", "休暇 für Öl हिन्दी"),
        ("[email 1]", "email 1"),
        ("...", "conversation"),
        ("x" * 300, "x" * 60),
    ],
)
def test_names_of_files_are_safe(title: str, name: str) -> None:
    assert file_name(title) == name
