"""States of the pages that both the check with axe-core and the pictures need."""

from __future__ import annotations

from typing import Any

from django.template.loader import render_to_string
from django.utils import timezone
from playwright.sync_api import expect

from retrieval.models import Collection, Document, Passage
from tests.browser.double import TEXT, Double

CODE = f"```python\nvalue = 1  # a comment\n{'x' * 300}\n```"
HARD_TEXT = (
    f"{TEXT}\n\n### Prices\n\n{CODE}\n\n| Plan | Price |\n|---|---|\n| {'wide ' * 40} | 10 |\n\n> A quotation\n\n---\n"
)
TOO_LARGE = {"error": {"message": "This file is too large.", "advice": "Split it.", "retryable": False}}


def handbook() -> None:
    """A collection that everyone may read, with headings from which the empty page makes its examples."""
    collection = Collection.objects.create(name="Handbook", everyone=True)
    topics = {"Leave": "Carrying days over", "Expenses": "Travel abroad", "Security": "Lost laptops and telephones"}
    for number, (title, topic) in enumerate(topics.items()):
        document = Document.objects.create(
            collection=collection, name=f"{title}.pdf", title=title, size=1, sha256=f"{number:064}",
            status=Document.Status.READY, ready_at=timezone.now(), passage_count=1,
        )  # fmt: skip
        Passage.objects.create(document=document, ordinal=0, text="Words.", heading=topic)


def note(number: int) -> dict[str, Any]:
    return {"name": f"Minutes of meeting {number}.txt", "mimeType": "text/plain", "buffer": b"words" * 300}


def show_uploads(page: Any, double: Double) -> None:
    """On the documents page: one file that was refused, three on their way, two that wait."""
    double.receipt = {"status": 413, "json": TOO_LARGE}
    page.locator("#files").set_input_files([note(0)])
    expect(page.locator(".row-problem").first).to_be_visible()
    double.receipt = {}
    page.locator("#files").set_input_files([note(number) for number in range(1, 6)])
    expect(page.locator(".row", has_text="Waiting")).to_have_count(2)


def show_server_error(page: Any) -> None:
    """The page that Django sends when a view fails."""
    body = render_to_string("500.html")
    page.route("**/broken/", lambda route: route.fulfill(status=500, content_type="text/html", body=body))
    page.goto("/broken/")


def lose_the_line(page: Any, double: Double) -> None:
    """In the middle of an answer; the double accepts no new line."""
    double.closed = True
    double.sockets[-1].close(code=1011)
    expect(page.locator("#notice")).to_contain_text("The connection was lost.")
