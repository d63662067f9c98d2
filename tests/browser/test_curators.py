"""What curators work with: the search test bench, who can read this, and the page of a document."""

# ruff: noqa: F811 - fixtures that are imported
from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone
from playwright.sync_api import expect

from chatapp.accounts.models import User
from retrieval.models import Collection, Document, Passage
from retrieval.versions.models import IndexServiceState, IndexVersion
from tests.browser.test_accessibility import LONG, check
from tests.ingestion.conftest import configured, index  # noqa: F401
from tests.ingestion.fake_index import FakeIndex

TEXTS = ("Leave is asked for in time. It is granted soon.", f"It lapses in March. {LONG} " * 6)


@pytest.fixture
def document(person: Any) -> Document:
    collection = Collection.objects.create(name="Handbook", everyone=True)
    made = Document.objects.create(
        collection=collection, name=f"{LONG}.pdf", path=f"house/{LONG}.pdf", size=4321, sha256="0" * 64, pages=3,
        status="ready", ready_at=timezone.now(), passage_count=2, media_type="application/pdf", seconds=1.25,
    )  # fmt: skip
    for ordinal, text in enumerate(TEXTS):
        Passage.objects.create(document=made, ordinal=ordinal, text=text, heading="Leave > Days", page=ordinal + 1)
    return made


def hits(document: Document) -> list[dict[str, Any]]:
    scored = {"dense": 0.71, "lexical": 4.2, "confidence": 0.93}
    return [{"passage_id": one.pk, "score": 1 - one.ordinal / 3, **scored} for one in document.passages.all()]


def hold(*, versions: int) -> None:
    made = [
        IndexVersion.objects.create(status="ready", promote=False, embedding_model="minilm") for _ in range(versions)
    ]
    seen_at = timezone.now() + timedelta(hours=1)  # a test may last longer than a service may be silent
    IndexServiceState.objects.create(name="a", seen_at=seen_at, holds={str(one.pk): 1 for one in made})


def test_the_bench_shows_a_ranking_with_its_scores(
    page: Any,
    configured: Any,
    index: FakeIndex,
    document: Document,
) -> None:
    index.hits = hits(document)
    page.goto("/documents/search/")
    check(page)
    page.get_by_label("Question").fill("How much leave?")
    page.get_by_label("Question").press("Enter")
    expect(page.locator(".found > li")).to_have_count(2)
    first = page.locator(".found > li").first
    expect(first).to_contain_text("Final1.000")
    expect(first).to_contain_text("Similarity0.710 (1st)")
    expect(first).to_contain_text("Words (BM25)4.20 (not in that list)")
    expect(page.locator(".tried")).to_contain_text("93 % sure that the documents answer at all")
    expect(page.locator(".tried")).to_contain_text("embedding 4, finding 2, ranking 1")
    check(page)
    page.get_by_label("As", exact=True).select_option("person")
    page.get_by_label("User name").fill("nobody-of-ours")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("alert")).to_contain_text("There is nobody named")
    check(page)
    page.problems.clear()  # Chromium tells of each answer 404
    page.get_by_label("As", exact=True).select_option("")
    page.get_by_role("button", name="Search").click()
    page.locator(".found a").last.click()
    expect(page.locator("#passage-2")).to_be_in_viewport()
    assert page.problems == []


def test_the_bench_puts_two_versions_side_by_side(
    page: Any,
    configured: Any,
    index: FakeIndex,
    document: Document,
    no_index_service: None,
) -> None:
    hold(versions=2)
    first, second = IndexVersion.objects.order_by("pk")
    index.hits_of = {first.pk: hits(document), second.pk: hits(document)[:0:-1]}
    page.goto("/documents/search/")
    page.get_by_text("Narrow it, or compare").click()
    page.get_by_label("Index version").select_option(str(first.pk))
    page.get_by_label("Beside it").select_option(str(second.pk))
    page.get_by_label("Question").fill("How much leave?")
    page.get_by_role("button", name="Search").click()
    expect(page.locator(".tried")).to_have_count(2)
    expect(page.locator(".tried").last.locator(".moved")).to_have_text("▲ up from 2nd")
    expect(page.locator(".gone li")).to_have_count(1)
    check(page)
    index.stop()
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("alert")).to_contain_text("The document index is not available at the moment.")


def test_who_can_read_a_collection_and_whether_somebody_can(page: Any, person: Any, document: Document) -> None:
    people = [User.objects.create_user(f"reader{number:02}", first_name="Anna", last_name=LONG) for number in range(60)]
    board = Group.objects.create(name=f"Board of {LONG}")
    board.user_set.add(*people[:55])
    Collection.objects.update(everyone=False)
    document.collection.readers.add(board)
    page.goto("/documents/")
    page.get_by_role("link", name="Who can read it").click()
    expect(page.get_by_role("heading", name="56 people read it")).to_be_visible()
    expect(page.locator("section").last.locator("li.reader")).to_have_count(50)
    check(page)
    page.get_by_role("link", name="After").click()
    expect(page.locator("section").last.locator("li.reader")).to_have_count(6)
    page.get_by_label("Can somebody read it?").fill("reader58")
    page.get_by_role("button", name="Ask").click()
    expect(page.locator(".reader .state")).to_have_text("Cannot read it")
    expect(page.locator(".reader", has_text="reader58")).to_contain_text("is in none of its groups: Board of")
    check(page)
    assert page.problems == []


def test_the_page_of_a_document_and_its_buttons(page: Any, configured: Any, document: Document) -> None:
    board = Group.objects.create(name="Board")
    page.goto("/documents/")
    page.get_by_role("link", name=f"About {document.name}").click()
    expect(page.get_by_role("heading", name="How far it is")).to_be_visible()
    check(page)
    page.get_by_role("button", name="Readers…").click()
    page.get_by_role("dialog").get_by_label("Board").check()
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".facts")).to_contain_text("Of those who read the collection, only Board")
    assert set(Document.objects.get().readers.all()) == {board}
    page.get_by_role("button", name="Read it again…").click()
    check(page)
    page.get_by_role("button", name="Read it again", exact=True).click()
    expect(page.locator(".stage-waits")).to_contain_text("Reading")
    check(page)
    error = {"status": "failed", "error": "This file is encrypted. Save it without a password.", "error_code": "limit"}
    Document.objects.update(**error)  # the page renews itself
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    check(page)
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".stage-waits")).to_be_visible()
    page.get_by_role("button", name="Delete…").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator("#none")).to_be_visible()
    assert not Document.objects.exists() and page.problems == []
