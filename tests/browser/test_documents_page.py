# ruff: noqa: E501 - frames and rows of data, one to a line
"""The documents page against a scripted server."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group
from playwright.sync_api import expect

from tests.browser.double import COLLECTION, Double


def doc(number: int, name: str, status: str, **fields: Any) -> dict[str, Any]:
    return {"id": f"0000000{number}-0000-4000-8000-000000000000", "name": name, "size": 48_300 * number, "status": status,
            "error": "", "warnings": [], "pages": None, "passages": 0, "seconds": 1.0, "created_at": "2026-11-21T00:00:00Z",
            **fields}  # fmt: skip


DOCUMENTS = [
    doc(1, "Expenses 2026.xlsx", "embedding"),
    doc(2, "Onboarding.pptx", "parsing", pages=20),
    doc(3, "Staff handbook 2026.pdf", "ready", pages=48, passages=131),
    doc(
        4,
        "Contract (signed).pdf",
        "failed",
        error="This file is encrypted. Save a copy without a password and upload that.",
    ),
    doc(5, "Leave policy.docx", "ready", pages=6, passages=14),
]


def stage(double: Double, documents: list[dict[str, Any]]) -> None:
    double.collections = [
        {"id": COLLECTION, "name": "Handbook", "description": "", "everyone": True, "readers": [],
         "documents": len(documents), "counts": {}},
        {"id": COLLECTION.replace("6", "7"), "name": "Finance", "description": "", "everyone": False,
         "readers": ["Finance"], "documents": 214, "counts": {}},
    ]  # fmt: skip
    double.documents = documents


def test_a_failed_document_shows_its_reason_and_can_be_tried_again(page: Any, double: Double) -> None:
    stage(double, DOCUMENTS)
    page.goto("/documents/")
    expect(page.locator(".row-problem")).to_contain_text("This file is encrypted.")
    with page.expect_request("**/retry/"):
        page.get_by_role("button", name="Try Contract (signed).pdf again").click()


def test_many_files_are_sent_and_each_one_is_seen(page: Any, double: Double) -> None:
    stage(double, [])
    page.goto("/documents/")
    expect(page.locator("#none")).to_contain_text("no documents yet")
    posts: list[str] = []
    page.on("request", lambda request: request.method == "POST" and posts.append(request.url))
    files = [{"name": f"note {n}.txt", "mimeType": "text/plain", "buffer": b"words"} for n in range(5)]
    page.locator("#files").set_input_files(files)
    page.wait_for_timeout(500)
    assert len(posts) == 5
    assert page.problems == []


def test_the_list_is_filtered_by_name_and_state(page: Any, double: Double) -> None:
    stage(double, DOCUMENTS)
    page.goto("/documents/")
    page.get_by_label("Filter by name").fill("leave")
    expect(page.locator(".row")).to_have_count(1)
    page.get_by_label("Filter by name").fill("")
    page.get_by_role("button", name="Failed 1").click()
    expect(page.locator(".row")).to_have_count(1)


def test_deleting_asks_first(page: Any, double: Double) -> None:
    stage(double, DOCUMENTS)
    page.goto("/documents/")
    page.get_by_role("button", name="Delete Leave policy.docx").click()
    with page.expect_request(lambda request: request.method == "DELETE"):
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()


def test_after_a_deletion_the_focus_is_on_the_next_document(page: Any, double: Double) -> None:
    stage(double, DOCUMENTS)
    page.goto("/documents/")
    page.get_by_role("button", name="Delete Staff handbook 2026.pdf").click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Delete Staff handbook 2026.pdf")).to_be_focused()
    page.keyboard.press("Enter")
    double.documents = [one for one in DOCUMENTS if one["name"] != "Staff handbook 2026.pdf"]
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator(".row")).to_have_count(4)
    expect(page.get_by_role("link", name="Contract (signed).pdf")).to_be_focused()


def test_an_empty_collection_does_not_show_the_documents_of_the_one_before(page: Any, double: Double) -> None:
    stage(double, DOCUMENTS)
    page.goto("/documents/")
    expect(page.locator(".row")).to_have_count(5)
    page.get_by_role("button", name="Finance").click()
    expect(page.locator("#none")).to_contain_text("no documents yet")
    expect(page.get_by_role("button", name="Finance")).to_be_focused()
    expect(page.locator(".row")).to_have_count(0)
    expect(page.locator("h1")).to_have_text("Finance")


def test_a_collection_is_made_for_the_groups_that_are_named(page: Any, double: Double, person: Any) -> None:
    Group.objects.create(name="Finance")
    stage(double, [])
    page.goto("/documents/")
    page.get_by_role("button", name="New collection").click()
    dialog = page.get_by_role("dialog", name="New collection")
    dialog.get_by_label("Name").fill("Budgets")
    dialog.get_by_label("Only these groups").check()
    dialog.get_by_label("Finance").check()
    double.receipt = {"status": 409, "json": {"error": {"message": "There is one of that name.", "advice": "Use it."}}}
    dialog.get_by_role("button", name="Create").click()
    expect(dialog.get_by_role("alert")).to_have_text("There is one of that name. Use it.")
    double.receipt = {"status": 201, "json": {"collection": double.collections[1]}}
    with page.expect_request(lambda request: request.method == "POST") as sent:
        dialog.get_by_role("button", name="Create").click()
    assert sent.value.post_data_json == {
        "name": "Budgets", "description": "", "everyone": False, "readers": ["Finance"],
    }  # fmt: skip
    expect(dialog).to_be_hidden()
    expect(page.locator("h1")).to_have_text("Finance")


NOTE = {"name": "note.txt", "mimeType": "text/plain", "buffer": b"words"}


def test_a_file_that_was_not_taken_says_why_and_can_be_sent_again(page: Any, double: Double) -> None:
    stage(double, [])
    page.goto("/documents/")
    double.receipt = {"status": 413, "json": {"error": {"message": "This file is too large.", "advice": "Split it."}}}
    page.locator("#files").set_input_files(NOTE)
    expect(page.locator(".row-problem")).to_have_text("This file is too large. Split it.")
    double.receipt = {"status": 200, "json": {"document": {}, "outcome": "duplicate"}}
    page.get_by_role("button", name="Send note.txt again").click()
    expect(page.locator("#notice")).to_contain_text("note.txt is here already")
    expect(page.locator(".row")).to_have_count(0)


def test_a_file_on_its_way_is_one_row_though_the_server_has_it_already(page: Any, double: Double) -> None:
    stage(double, [])
    page.goto("/documents/")
    expect(page.locator("#none")).to_be_visible()
    double.receipt = {}
    double.documents = [doc(1, "note.txt", "received")]
    page.locator("#files").set_input_files(NOTE)
    expect(page.get_by_role("button", name="All 1")).to_be_visible()
    expect(page.locator(".row")).to_have_count(1)
    expect(page.get_by_role("progressbar", name="Sending note.txt")).to_be_visible()


def test_files_that_are_dropped_anywhere_on_the_page_are_sent(page: Any, double: Double) -> None:
    stage(double, [])
    page.goto("/documents/")
    expect(page.locator("#none")).to_be_visible()
    with page.expect_request(lambda request: request.method == "POST") as sent:
        page.evaluate(
            """() => {
              const transfer = new DataTransfer();
              transfer.items.add(new File(["words"], "dropped.txt"));
              document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true }));
            }"""
        )
    assert COLLECTION in sent.value.url


@pytest.mark.parametrize("page", [{"viewport": {"width": 390, "height": 800}}], indirect=True)
def test_on_a_phone_a_collection_is_chosen_in_the_sidebar(page: Any, double: Double) -> None:
    stage(double, DOCUMENTS)
    page.goto("/documents/")
    page.locator("#menu").click()
    page.get_by_role("button", name="Finance").click()
    expect(page.get_by_role("button", name="New collection")).to_be_hidden()
    expect(page.locator("h1")).to_have_text("Finance")
    expect(page.locator("#menu")).to_have_attribute("aria-expanded", "false")


def test_a_hostile_file_name_and_reason_fire_nothing(page: Any, double: Double) -> None:
    hostile = "<img src=x onerror=window.fired=1>.pdf"
    stage(double, [doc(1, hostile, "failed", error=hostile, warnings=[hostile])])
    double.collections[0]["name"] = hostile
    page.goto("/documents/")
    expect(page.locator(".row-name")).to_have_text(hostile)
    assert page.evaluate("window.fired") is None
    assert page.problems == []


def test_somebody_who_is_no_administrator_finds_no_documents_page(page: Any, person: Any) -> None:
    person.is_superuser = False
    person.save()
    assert page.goto("/documents/").status == 404
    expect(page.locator("h1")).to_have_text("There is nothing here that you can see.")
