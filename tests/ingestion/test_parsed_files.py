"""What the parsers find out reaches the rows: places on the page, the words for them, and a document's own date."""

from __future__ import annotations

from pathlib import Path

from retrieval.models import Document, Passage
from tests.ingestion.conftest import Receive
from tests.ingestion.fake_index import FakeIndex
from tests.ingestion.test_kill import settle
from tests.ingestion.worker import Worker
from tests.parsing.pdf_file import Page, pdf
from tests.parsing.test_attachments import attach, message, workbook


def test_places_and_dates_are_stored(receive: Receive, index: FakeIndex, tmp_path: Path) -> None:
    page = Page().text(60, 700, "Visitors park on level 3 of the garage.")
    letter = message()
    attach(letter, workbook(), "budget.xlsx")
    worker = Worker(index.url, "", tmp_path / "worker.log")
    worker.start()
    try:
        parking = receive(pdf(page, info={"ModDate": "D:20240102030405Z"}), "parking.pdf")
        budget = receive(letter.as_bytes(), "budget.eml")
        settle(parking, budget, timeout_s=60)
    finally:
        worker.kill()
    parking, budget = Document.objects.get(pk=parking.pk), Document.objects.get(pk=budget.pk)
    assert (parking.status, budget.status) == (Document.Status.READY, Document.Status.READY)
    assert parking.dated_at is not None and parking.dated_at.isoformat() == "2024-01-02T03:04:05+00:00"
    assert budget.dated_at is not None and budget.dated_at.year == 2024
    (passage,) = Passage.objects.filter(document=parking)
    ((number, left, top, right, bottom),) = passage.boxes
    assert number == 1 and 0.09 < left < 0.11 < right < 0.5 and 0.11 < top < bottom < 0.13
    locators = set(Passage.objects.filter(document=budget).values_list("locator", flat=True))
    assert any("attachment budget.xlsx" in locator for locator in locators), locators
