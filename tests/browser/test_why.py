# ruff: noqa: E501 - rows of data, one to a line
"""Why this answer: a dialog that is fetched when it is asked for, over a double and over a real turn."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from chatapp.accounts.models import User
from retrieval.models import Collection, Document, Passage
from tests.browser.double import CITATIONS, SOURCES, Double, answered, opened, stored
from tests.browser.test_accessibility import check
from tests.conftest import signed_in_session
from tests.conversations.model_double import ModelDouble
from tests.conversations.web import Web
from tests.ingestion.fake_index import FakeIndex

PASSAGES = [
    {**{name: value for name, value in one.items() if name != "text"}, "confidence": 0.87, "dense": 0.8123,
     "lexical": 7.25 - place, "cited": place == 0, "withheld": place == 1, "readable": True}
    for place, one in enumerate(SOURCES)
]  # fmt: skip
WHY: dict[str, Any] = {
    "kept": True, "continued": False, "asked": "May [email 1] carry leave over?", "index_version": 7,
    "collections": None, "filters": None, "passages": PASSAGES, "route": "main", "cached": False, "quoted": False,
    "line": [
        {"engine": "house: directors-only", "fate": "not meant", "why": "It is for people of certain groups only.", "cost": ""},
        {"engine": "api: gpt-6-mini", "fate": "failed", "why": "gpt-6-mini cannot be reached.", "cost": ""},
        {"engine": "local: qwen3-4b", "fate": "wrote", "first_token_ms": 640, "writing_ms": 2100, "read": 1843, "read_before": 512, "written": 96, "cost": "0.00213"},
        {"engine": "extractive", "cost": ""},
    ],
    "found": {"question": [{"kind": "email", "action": "seal", "times": 1}], "passages": [{"kind": "injection", "action": "block", "times": 1}], "answer": []},
    "unsupported": 0, "timings": {"search": 84, "reading": 1284, "first_text": 1924, "total": 4024},
    "usage": {"prompt_tokens": 1843, "completion_tokens": 96}, "cost": "0.00213",
}  # fmt: skip
OLDER = WHY | {
    "kept": False, "index_version": None, "line": [], "route": "", "found": None, "cost": None, "usage": {},
    "timings": {}, "unsupported": None,
    "passages": [one | {"dense": None, "lexical": None, "withheld": False} for one in PASSAGES],
}  # fmt: skip
WIDE = {"width": 1280, "height": 900}


def with_sources() -> dict[str, Any]:
    return answered() | {"sources": SOURCES, "citations": CITATIONS}


def explained(page: Any) -> Any:
    """-> the dialog of the answer on the page"""
    page.get_by_role("button", name="Why this answer").click()
    dialog = page.get_by_role("dialog", name="Why this answer")
    expect(dialog.get_by_role("heading", name="Passages", exact=True)).to_be_visible()
    return dialog


def test_one_click_tells_all_of_it(page: Any, double: Double) -> None:
    double.why = WHY
    opened(page, double, with_sources())
    fetched: list[str] = []
    page.on("request", lambda request: fetched.append(request.url))
    dialog = explained(page)
    assert any("/js/why.js" in url for url in fetched) and any("/css/why.css" in url for url in fetched)
    for words in (
        "May [email 1] carry leave over?", "Index version 7.", "87 % sure", "Route: main",
        "Not meant for this question", "It is for people of certain groups only.", "gpt-6-mini cannot be reached.",
        "first word after 640 ms · 1,843 tokens read · 512 of them held from before · 96 tokens written", "Not needed",
        "e-mail addresses: masked for the model and for others (once)", "instructions to the model within documents: blocked",
        "Figures, names and most words", "Cost", "0.00213", "4.0 s",
    ):  # fmt: skip
        expect(dialog).to_contain_text(words)
    first, second = dialog.locator(".why-passages > li").all()
    expect(first).to_contain_text("Cited")
    expect(first).to_contain_text("By words7.3")
    expect(second).to_contain_text("Kept from the model by a content rule")
    stages = dialog.locator(".why-times > div:not(.why-sum)")
    assert [one.replace("\n", " ") for one in stages.all_inner_texts()] == [
        "Search 84 ms", "Waiting for the model 1.2 s", "Reading, to the first word 640 ms", "Writing 2.1 s"
    ]  # fmt: skip
    assert page.problems == []


def test_the_keyboard_opens_it_and_the_focus_comes_back(page: Any, double: Double) -> None:
    double.why = WHY
    opened(page, double, with_sources())
    button = page.get_by_role("button", name="Why this answer")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog").get_by_role("button", name="Close")).to_be_focused()
    expect(page.get_by_role("heading", name="Time and cost")).to_be_visible()
    check(page)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(button).to_be_focused()


def test_a_passage_opens_in_the_panel(page: Any, double: Double) -> None:
    double.why = WHY
    opened(page, double, with_sources())
    explained(page).get_by_role("button", name="Staff handbook 2026.pdf").click()
    expect(page.get_by_role("dialog", name="Why this answer")).to_have_count(0)
    expect(page.locator("#source-panel")).to_contain_text("Staff handbook")


def test_of_an_older_answer_it_is_said_what_was_not_kept(page: Any, double: Double) -> None:
    double.why = OLDER
    opened(page, double, with_sources())
    dialog = explained(page)
    expect(dialog).to_contain_text("Of this answer not everything was kept")
    for name in ("Who was asked", "Content rules", "Time and cost"):
        expect(dialog.get_by_role("heading", name=name)).to_have_count(0)
    expect(dialog.locator(".why-scores").first).to_have_text("Match0.93")
    assert page.problems == []


def test_a_door_that_fails_says_so(page: Any, double: Double) -> None:
    opened(page, double, with_sources())
    refusal = {"error": {"code": "not_found", "message": "There is no such answer.", "advice": "Reload the page.", "retryable": False}}  # fmt: skip
    page.route("**/why/", lambda route: route.fulfill(status=404, json=refusal))
    page.get_by_role("button", name="Why this answer").click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_have_text("There is no such answer. Reload the page.")


@pytest.mark.parametrize("page", [{"locale": language} for language in ("de-DE", "ar")], indirect=True)
def test_it_is_translated_and_fits(page: Any, double: Double) -> None:
    double.why = WHY
    stored(double, with_sources())
    page.goto("/")
    page.get_by_role("link", name="Leave").click()
    page.locator("button:has(.icon-why)").click()
    expect(page.locator(".why-times")).to_be_visible()
    for words in ("Passages", "Cited", "Not needed", "once", "Writing", "certain groups"):
        expect(page.locator(".why")).not_to_contain_text(words)
    check(page)


# -- a real turn -------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def model() -> Iterator[ModelDouble]:
    double = ModelDouble()
    yield double
    double.stop()


@pytest.fixture
def real(transactional_db: None, model: ModelDouble) -> Iterator[Web]:
    index = FakeIndex()
    collection = Collection.objects.create(name="Handbook")
    document = Document.objects.create(
        collection=collection, name="leave.md", size=1, sha256="0" * 64, status="ready", ready_at=timezone.now()
    )
    rows = [
        Passage.objects.create(document=document, ordinal=place, text=text)
        for place, text in enumerate(["Leave is asked for in writing.", "Everybody has 28 days of leave a year."])
    ]
    index.hits = [{"passage_id": row.pk, "score": 0.9, "dense": 0.8, "lexical": 5.0, "version": 3} for row in rows]
    with tempfile.TemporaryDirectory(prefix="fn-why-") as folder:
        web = Web(Path(folder), index.url, model.url)
        web.start()
        yield web
        web.end()
    index.stop()


def test_a_real_turn_of_an_endpoint(chromium: Any, real: Web, model: ModelDouble) -> None:
    person = User.objects.create_superuser("ada", "ada@example.com")
    context = chromium.new_context(base_url=real.url, viewport=WIDE)
    context.add_cookies([{"name": "sessionid", "value": signed_in_session(person), "url": real.url}])
    page = context.new_page()
    model.words, model.pause_s = ["Everybody has ", "28 days ", "of leave [2]."], 0.1
    page.goto("/")
    page.get_by_label("Your question").fill("How many days of leave?")
    page.keyboard.press("Enter")
    answer = page.locator(".message.assistant")
    expect(answer.locator(".tools")).to_be_visible()
    expect(answer.locator(".cite")).to_have_text("1")  # the second passage, and the first that is named
    expect(answer.locator(".source .number")).to_have_text("1")
    dialog = explained(page)
    for words in (
        "How many days of leave?",
        "Index version 3.",
        "double (over an API)",
        "7 tokens read",
        "3 tokens written",
    ):
        expect(dialog).to_contain_text(words)
    cited, other = dialog.locator(".why-passages > li").all()
    expect(cited).to_contain_text("Cited")
    expect(other).to_contain_text("Not cited")
    page.reload()
    expect(explained(page)).to_contain_text("Figures, names and most words")
    context.close()
