# ruff: noqa: E501 - frames and rows of data, one to a line
"""The documents page against a scripted server."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone
from playwright.sync_api import expect

from retrieval import files
from retrieval.models import Collection, Document
from tests.browser.double import COLLECTION, IDLE, Double


def doc(number: int, name: str, status: str, **fields: Any) -> dict[str, Any]:
    return {"id": f"0000000{number}-0000-4000-8000-000000000000", "name": name, "size": 48_300 * number, "status": status,
            "error": "", "retryable": status == "failed", "warnings": [], "pages": None, "passages": 0, "seconds": 1.0, "created_at": "2026-11-21T00:00:00Z", "restricted": False, "readers": [],
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
        retryable=False,
    ),
    doc(5, "Leave policy.docx", "ready", pages=6, passages=14),
]


def stage(double: Double, documents: list[dict[str, Any]]) -> None:
    double.collections = [
        {"id": COLLECTION, "name": "Handbook", "description": "", "everyone": True, "curated": True, "readers": [],
         "documents": len(documents), "counts": {}},
        {"id": COLLECTION.replace("6", "7"), "name": "Finance", "description": "", "everyone": False, "curated": True,
         "readers": ["Finance"], "documents": 214, "counts": {}},
    ]  # fmt: skip
    double.documents = documents


def test_slides_and_sheets_are_no_pages(page: Any, double: Double) -> None:
    stage(
        double,
        [
            doc(1, "Plan.xlsx", "ready", pages=1),
            doc(2, "Talk.pptx", "ready", pages=20),
            doc(3, "a.pdf", "ready", pages=2),
        ],
    )
    page.goto("/documents/")
    expect(page.locator(".row-facts").nth(0)).to_contain_text("1 sheet")
    for named in ("20 slides", "2 pages"):
        expect(page.locator(".rows, main").first).to_contain_text(named)


def test_a_failed_document_shows_its_reason_and_can_be_tried_again(page: Any, double: Double) -> None:
    stage(double, [doc(1, "Atlas.pdf", "failed", error="Reading the file took too long and was stopped.")])
    page.goto("/documents/")
    expect(page.locator(".row-problem")).to_contain_text("took too long")
    with page.expect_request("**/retry/"):
        page.get_by_role("button", name="Try Atlas.pdf again").click()


def test_a_file_that_is_itself_at_fault_can_be_deleted_alone(page: Any, double: Double) -> None:
    stage(double, DOCUMENTS)
    page.goto("/documents/")
    row = page.locator(".row", has_text="This file is encrypted.")
    expect(row.get_by_role("button", name="Try Contract (signed).pdf again")).to_have_count(0)
    expect(row.get_by_role("button", name="Delete Contract (signed).pdf")).to_be_visible()


def test_the_name_of_a_document_that_is_ready_downloads_the_original(
    page: Any, double: Double, settings: Any, tmp_path: Path
) -> None:
    settings.RETRIEVAL = replace(settings.RETRIEVAL, files_dir=tmp_path)
    stored = files.stored_file("ab" * 32)
    stored.parent.mkdir(parents=True, exist_ok=True)
    stored.write_bytes(b"%PDF-1.7 the original")
    held = Document.objects.create(
        collection=Collection.objects.create(name="Handbook"), name="Leave policy.pdf", size=21, sha256="ab" * 32,
        status=Document.Status.READY, ready_at=timezone.now(),
    )  # fmt: skip
    stage(double, [doc(1, "Leave policy.pdf", "ready", id=str(held.pk)), doc(2, "Broken.pdf", "failed", error="No.")])
    page.goto("/documents/")
    with page.expect_download() as coming:
        page.get_by_role("link", name="Leave policy.pdf", exact=True).click()
    assert coming.value.suggested_filename == "Leave policy.pdf"
    assert Path(coming.value.path()).read_bytes() == b"%PDF-1.7 the original"
    expect(page.get_by_role("link", name="Broken.pdf", exact=True)).to_have_count(0)


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


UNDER_WAY = IDLE | {
    "state": "working", "waiting": {"parsing": 8412, "embedding": 118}, "in_work": {"parsing": 1, "embedding": 64},
    "failed": 12, "passages_per_s": 71.5, "documents_per_min": 96.0, "ends_at": "2099-01-01T00:00:00Z",
    "failures": [
        {"code": "timeout", "documents": 9, "sentence": "Reading the file took too long and was stopped.", "retryable": True, "newest": None},
        {"code": "encrypted", "documents": 3, "sentence": "This file is encrypted. Save a copy without a password.", "retryable": False, "newest": None},
    ],
}  # fmt: skip
STUCK = UNDER_WAY | {"state": "stuck", "reason": "No worker is running. Start Footnote with `manage.py up`, or a worker.",
                     "passages_per_s": 0, "documents_per_min": 0, "ends_at": None, "oldest_waiting_s": 5400}  # fmt: skip


def test_progress_pace_and_failures_are_shown_and_can_be_acted_on(page: Any, double: Double) -> None:
    stage(double, DOCUMENTS)
    double.ingestion = UNDER_WAY
    page.goto("/documents/")
    panel = page.get_by_role("region", name="Progress")
    expect(panel).to_contain_text("8,595 documents on the way · 8,412 to be read · 1 being read · 118 to be indexed")
    expect(panel).to_contain_text("71.5 passages a second, 96 documents a minute; done in about")
    panel.get_by_text("12 documents failed").click()
    expect(panel).to_contain_text("9 · Reading the file took too long and was stopped.")
    with page.expect_request("**/ingestion/retry/") as sent:
        panel.get_by_role("button", name="Try again what failed so: Reading the file").click()
    assert sent.value.post_data_json == {"collection": COLLECTION, "code": "timeout"}
    expect(panel.get_by_role("button", name="Try again what failed so: This file is encrypted")).to_have_count(0)
    with page.expect_request("**/ingestion/retry/") as sent:
        panel.get_by_role("button", name="Try all again that may succeed (9)").click()
    assert sent.value.post_data_json == {"collection": COLLECTION}
    panel.get_by_role("button", name="Call off what waits").click()
    dialog = page.get_by_role("dialog", name="Call off what waits?")
    expect(dialog).to_contain_text("8530 documents wait")
    with page.expect_request("**/ingestion/cancel/") as sent:
        dialog.get_by_role("button", name="Call off").click()
    assert sent.value.post_data_json == {"collection": COLLECTION}
    assert page.problems == []


def test_the_end_of_the_work_is_announced_once_with_what_failed(page: Any, double: Double) -> None:
    stage(double, DOCUMENTS)
    page.goto("/documents/")
    expect(page.get_by_role("button", name="In progress")).to_contain_text("2")
    expect(page.locator("#announcer")).to_be_empty()
    double.documents = [one | {"status": "ready"} if one["status"] != "failed" else one for one in DOCUMENTS]
    expect(page.locator("#announcer")).to_have_text("Nothing is on its way any more: 2 ready")
    page.reload()
    expect(page.get_by_role("button", name="Failed")).to_contain_text("1")
    expect(page.locator("#announcer")).to_be_empty()


def test_the_end_of_the_work_tells_what_came_of_it_alone(page: Any, double: Double) -> None:
    stage(double, DOCUMENTS)
    busy = [one for one in DOCUMENTS if one["status"] not in ("ready", "failed")]
    page.goto("/documents/")
    expect(page.get_by_role("button", name="In progress")).to_contain_text("2")
    double.documents = [one | {"status": "failed"} if one in busy[:1] else one for one in DOCUMENTS]
    expect(page.get_by_role("button", name="In progress")).to_contain_text("1")
    double.documents = [one for one in double.documents if one not in busy]  # the other one is deleted
    expect(page.locator("#announcer")).to_have_text("Nothing is on its way any more: 0 ready, 1 failed")
    page.locator("#announcer").evaluate("one => { one.textContent = ''; }")
    double.documents = DOCUMENTS
    page.reload()
    expect(page.get_by_role("button", name="In progress")).to_contain_text("2")
    double.documents = [one for one in DOCUMENTS if one not in busy]
    expect(page.get_by_role("button", name="In progress")).to_contain_text("0")
    expect(page.locator("#announcer")).to_be_empty()


def test_that_nobody_works_is_an_alert_and_waiting_for_a_turn_is_none(page: Any, double: Double) -> None:
    stage(double, DOCUMENTS)
    double.ingestion = STUCK
    page.goto("/documents/")
    panel = page.get_by_role("region", name="Progress")
    expect(panel.get_by_role("alert")).to_contain_text("No worker is running")
    expect(panel).to_contain_text("the oldest has waited for 2 hours")
    double.ingestion = UNDER_WAY | {"state": "waiting", "reason": "Other collections have their turn."}
    page.reload()
    expect(panel).to_contain_text("Other collections have their turn.")
    expect(panel.get_by_role("alert")).to_have_count(0)


def test_thousands_of_documents_come_in_pages(page: Any, double: Double) -> None:
    stage(double, [doc(1, f"note {number:03}.txt", "ready", id=f"n{number}") for number in range(250)])
    page.goto("/documents/")
    expect(page.locator(".row")).to_have_count(100)
    expect(page.locator("#page-number")).to_have_text("Page 1 of 3, 250 documents")
    expect(page.get_by_role("button", name="Before")).to_be_disabled()
    page.get_by_role("button", name="After").click()
    expect(page.locator(".row-name").first).to_have_text("note 100.txt")
    page.get_by_label("Filter by name").fill("note 24")
    expect(page.locator(".row")).to_have_count(10)
    expect(page.locator("#pager")).to_be_hidden()


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
    expect(page.get_by_role("button", name="Delete Contract (signed).pdf")).to_be_focused()


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


def test_a_collection_is_edited_beside_its_heading(page: Any, double: Double) -> None:
    Group.objects.create(name="Board")
    Group.objects.create(name="Finance")
    stage(double, [])
    double.collections[1]["description"] = "Budgets and prices"
    page.goto("/documents/")
    page.get_by_role("button", name="Finance").click()
    expect(page.locator("#description")).to_have_text("Budgets and prices")
    page.get_by_role("button", name="Edit", exact=True).click()
    dialog = page.get_by_role("dialog", name="Edit the collection")
    expect(dialog.get_by_label("Name")).to_have_value("Finance")
    expect(dialog.get_by_label("What it holds")).to_have_value("Budgets and prices")
    expect(dialog.get_by_label("Only these groups")).to_be_checked()
    expect(dialog.get_by_label("Finance")).to_be_checked()
    expect(dialog.get_by_label("Board")).not_to_be_checked()
    dialog.get_by_label("Name").fill("Money")
    dialog.get_by_label("What it holds").fill("")
    dialog.get_by_label("Board").check()
    changed = {"name": "Money", "description": "", "everyone": False, "readers": ["Board", "Finance"]}
    double.collections[1] |= changed
    double.receipt = {"status": 200, "json": {"collection": double.collections[1]}}
    with page.expect_request(lambda request: request.method == "PATCH") as sent:
        dialog.get_by_role("button", name="Save").click()
    assert double.collections[1]["id"] in sent.value.url and sent.value.post_data_json == changed
    expect(page.locator("h1")).to_have_text("Money")
    expect(page.locator("#readers")).to_have_text("Readers: Board, Finance")
    expect(page.locator("#collections").get_by_role("button", name="Money")).to_be_visible()


@pytest.mark.parametrize(
    ("choice", "everyone", "readers"),
    [("Everyone who can sign in", True, []), ("Those who look after it alone", False, [])],
)
def test_who_reads_a_collection_is_changed(
    page: Any, double: Double, choice: str, everyone: bool, readers: list[str]
) -> None:
    stage(double, [])
    page.goto("/documents/")
    page.get_by_role("button", name="Finance").click()
    page.get_by_role("button", name="Edit", exact=True).click()
    dialog = page.get_by_role("dialog", name="Edit the collection")
    expect(dialog.get_by_label("Finance")).to_be_checked()  # a group that the page did not know when it was loaded
    dialog.get_by_label("Finance").uncheck()
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Choose a group")
    dialog.get_by_label(choice).check()
    double.receipt = {"status": 200, "json": {"collection": double.collections[1]}}
    with page.expect_request(lambda request: request.method == "PATCH") as sent:
        dialog.get_by_role("button", name="Save").click()
    assert (sent.value.post_data_json["everyone"], sent.value.post_data_json["readers"]) == (everyone, readers)


def test_a_change_of_a_collection_that_is_refused_says_why(page: Any, double: Double) -> None:
    stage(double, [])
    page.goto("/documents/")
    page.get_by_role("button", name="Edit", exact=True).click()
    dialog = page.get_by_role("dialog", name="Edit the collection")
    double.receipt = {"status": 409, "json": {"error": {"message": "The name is taken.", "advice": "Use another."}}}
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_have_text("The name is taken. Use another.")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="New collection").click()
    new = page.get_by_role("dialog", name="New collection")
    expect(new.get_by_label("Name")).to_have_value("")
    expect(new.get_by_role("alert")).to_be_hidden()
    expect(new.get_by_role("button", name="Create")).to_be_visible()


def test_deleting_a_collection_names_its_documents_and_asks_first(page: Any, double: Double) -> None:
    stage(double, DOCUMENTS)
    page.goto("/documents/")
    deleted: list[str] = []
    page.on("request", lambda request: request.method == "DELETE" and deleted.append(request.url))
    page.get_by_role("button", name="Delete collection…").click()
    dialog = page.get_by_role("dialog", name="Delete this collection?")
    expect(dialog).to_contain_text("“Handbook” and its 5 documents will be deleted")
    dialog.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("button", name="Delete collection…")).to_be_focused()
    assert deleted == []
    page.get_by_role("button", name="Delete collection…").click()
    expect(dialog).to_be_visible()
    del double.collections[0]
    dialog.get_by_role("button", name="Delete").click()
    expect(page.locator("h1")).to_have_text("Finance")
    expect(page.locator("#collections").get_by_role("button")).to_have_count(1)
    assert [COLLECTION in url for url in deleted] == [True]
    page.get_by_role("button", name="Delete collection…").click()
    expect(dialog).to_contain_text("“Finance” and its 214 documents")
    double.collections.clear()
    dialog.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("button", name="Create a collection")).to_be_visible()
    expect(page.get_by_role("button", name="Delete collection…")).to_be_hidden()
    assert page.problems == []


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


def test_samples_beside_other_collections_are_said_to_be_samples(page: Any, double: Double) -> None:
    from chatapp.operations.models import Milestone

    Milestone.objects.create(name="sample loaded")
    sample = Collection.objects.create(name="Sample handbook", everyone=True)
    stage(double, DOCUMENTS)
    double.collections[0] |= {"id": str(sample.pk), "name": sample.name}
    page.goto("/documents/")
    expect(page.get_by_text("These are samples")).to_be_visible()
    page.get_by_role("button", name="Finance").click()
    expect(page.get_by_text("These are samples")).to_be_hidden()
    del double.collections[1]
    page.goto("/documents/")
    expect(page.locator("h1")).to_have_text("Sample handbook")
    expect(page.get_by_text("These are samples")).to_be_hidden()


def test_new_sizes_of_passages_are_bounded_and_lead_to_the_reindex(page: Any, double: Double) -> None:
    stage(double, DOCUMENTS)
    page.goto("/documents/")
    page.get_by_role("button", name="Edit", exact=True).click()
    dialog = page.get_by_role("dialog", name="Edit the collection")
    dialog.get_by_text("Size of its passages").click()
    field = dialog.get_by_label("Tokens, at most")
    least, most = field.get_attribute("min"), field.get_attribute("max")
    expect(dialog).to_contain_text(f"From {least} to {most} tokens")
    field.fill("100")
    double.receipt = {"status": 200, "json": {"collection": double.collections[0]}}
    dialog.get_by_role("button", name="Save").click()
    expect(page.locator("#notice")).to_contain_text("follow with the next re-index")
    link = page.locator("#notice").get_by_role("link", name="Index versions")
    expect(link).to_have_attribute("href", "/admin/versions/indexversion/")
