"""The page on which curators read what people sent, and see to it."""

# ruff: noqa: F811 - fixtures that are imported
from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from chatapp.accounts.models import User
from chatapp.conversations.models import Conversation, Message
from chatapp.feedback.curating import handle, stamp
from chatapp.feedback.models import Handled, Rating
from retrieval.models import Collection, Document, Passage
from tests.browser.test_accessibility import LONG, check
from tests.ingestion.conftest import configured, index  # noqa: F401
from tests.ingestion.fake_index import FakeIndex

ANSWER = (
    "Everybody has **28 days** of leave a year. [1]\n\n- It is asked for two weeks ahead. [2]\n- What is left lapses "
    "in March.\n\n| Years here | Days |\n|---|---|\n| up to 5 | 28 |\n| more | 30 |\n"
)
TEXTS = ("Everybody has 28 days of leave a year, of which five may be taken over.", f"Ask two weeks ahead. {LONG} " * 4)


@pytest.fixture
def document(person: Any) -> Document:
    collection = Collection.objects.create(name="Handbook", everyone=True)
    made = Document.objects.create(
        collection=collection, name="leave-and-absence.pdf", size=4321, sha256="0" * 64, pages=3,
        status="ready", ready_at=timezone.now(), passage_count=2, media_type="application/pdf",
    )  # fmt: skip
    for ordinal, text in enumerate(TEXTS):
        Passage.objects.create(document=made, ordinal=ordinal, text=text, heading="Leave > Days", page=ordinal + 1)
    return made


def sent(document: Document, asked: str, answered: str = ANSWER, **said: Any) -> Rating:
    asker = User.objects.get_or_create(username="grace")[0]
    home = Conversation.objects.create(owner=asker, title=asked)
    question = Message.objects.create(conversation=home, role="user", text=asked)
    sources = [
        {
            "number": number,
            "passage": one.pk,
            "document": {"id": str(document.pk), "name": document.name},
            "score": 0.871,
        }
        for number, one in enumerate(document.passages.order_by("ordinal"), start=1)
    ]
    answer = Message.objects.create(
        conversation=home, parent=question, role="assistant", text=answered, sources=sources,
        documents=[document.pk], engine="local: qwen-4b",
    )  # fmt: skip
    then = {"sent_length": len(answered), "sent_passages": [one["passage"] for one in sources]}
    return Rating.objects.create(
        message=answer, person=asker, **{"value": -1, "sent_at": timezone.now(), "open": True, **then, **said}
    )


def full(document: Document) -> Rating:
    sent(document, "When is the canteen open?", value=1, text="Just what I looked for.")
    words = "Since this year it is thirty days for everybody. The handbook in the intranet says so, this one is older."
    bad = sent(
        document, "How much leave do I have?", reasons=["wrong", "incomplete"], text=words,
        correction="30 days a year, of which five may be taken over.",
    )  # fmt: skip
    sent(document, f"{LONG}?", f"{LONG}\n\n" * 20, reasons=["unsupported"], sent_at=timezone.now() - timedelta(days=2))
    return bad


def test_nothing_was_sent_yet(page: Any, document: Document) -> None:
    page.goto("/documents/")
    page.get_by_role("link", name="Feedback").click()
    expect(page.get_by_role("heading", name="Nothing is open")).to_be_visible()
    check(page)
    assert page.problems == []


def test_a_curator_reads_it_sees_to_it_and_undoes_that(page: Any, document: Document) -> None:
    bad = full(document)
    page.goto("/documents/")
    page.get_by_role("link", name="Feedback 3 open").click()
    expect(page.locator(".entry")).to_have_count(3)
    entry = page.locator(".entry", has_text="thirty days")
    expect(entry.locator("table")).to_be_visible()  # the answer's Markdown is shown as what it says
    check(page)
    entry.get_by_role("button", name="Show passage 1").or_(entry.locator(".cite")).first.click()
    expect(page.locator(f"#s-{bad.pk}-1")).to_be_focused()
    entry.get_by_label("What was done (optional)").fill("The handbook says thirty now.")
    entry.get_by_role("button", name="Mark as handled").click()
    expect(page.get_by_role("status")).to_contain_text("It is marked as handled.")
    expect(page.locator(".entry")).to_have_count(2)
    check(page)
    page.get_by_role("link", name="Handled").click()
    expect(page.locator(".entry-handled")).to_contain_text("Handled by ada")
    expect(page.locator(".entry-handled")).to_contain_text("The handbook says thirty now.")
    check(page)
    page.get_by_role("button", name="Not handled after all").click()
    assert not Handled.objects.exists()
    page.goto("/feedback/?bad=1&corrected=1")
    expect(page.locator(".entry")).to_have_count(1)
    assert page.problems == []


def test_who_comes_second_sees_what_the_first_one_did(page: Any, document: Document) -> None:
    bad = full(document)
    page.goto(f"/feedback/{bad.pk}/")
    check(page)
    page.get_by_label("What was done (optional)").fill("I have written to the author.")
    handle(pk=bad.pk, by=User.objects.create_superuser("grete"), seen=stamp(bad), note="Mended.")
    page.get_by_role("button", name="Mark as handled").click()
    expect(page.get_by_role("alert")).to_contain_text("Somebody else has handled this meanwhile.")
    expect(page.locator(".entry-foot")).to_contain_text("I have written to the author.")
    expect(page.locator(".entry-handled")).to_contain_text("Handled by grete")
    check(page)
    page.problems.clear()  # Chromium tells of each answer 409


def test_the_question_is_tried_on_the_search_test_bench_and_stands_in_no_address(
    page: Any, configured: Any, index: FakeIndex, document: Document
) -> None:
    bad = full(document)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"/feedback/{bad.pk}/")
    page.get_by_role("link", name="Try this search").click()
    expect(page.get_by_label("Question")).to_have_value("How much leave do I have?")
    assert page.url.endswith("/documents/search/")
    assert not [one for one in asked if "leave" in one.split("#")[0].lower() and "search" in one]
    page.go_back()
    page.get_by_role("link", name="leave-and-absence.pdf").first.click()
    expect(page.locator("#passage-1")).to_be_in_viewport()


@pytest.mark.parametrize("page", [{"locale": "ar"}, {"locale": "de"}], indirect=True)
def test_in_other_languages(page: Any, document: Document) -> None:
    full(document)
    page.goto("/feedback/")
    expect(page.locator(".entry")).to_have_count(3)
    check(page)
