# ruff: noqa: E501 - frames and rows of data, one to a line
"""The documents page against a scripted server."""

from __future__ import annotations

from typing import Any

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
