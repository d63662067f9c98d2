"""The try-it box in a browser."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import expect

from chatapp.safety.models import FilterRule
from retrieval.models import Collection
from tests.browser.administration import check


def test_a_text_is_tried_and_its_spans_are_marked(page: Any) -> None:
    Collection.objects.create(name="Handbook")
    FilterRule.objects.create(what="email", where="passages", action="mask")
    page.goto("/admin/operations/filtertrial/")
    page.get_by_label("Text").fill("Write to jane.roe@example.org, or call +49 30 901820 before ten.")
    page.get_by_label("As:", exact=True).select_option("passages, before a model reads them")
    page.get_by_label("Of the collection").select_option("Handbook")
    page.get_by_role("button", name="Try it").click()
    expect(page.locator("mark.ruled")).to_contain_text("jane.roe@example.org")
    expect(page.locator("mark.unruled")).to_contain_text("+49 30 901820")
    expect(page.get_by_text("Write to [email removed], or call")).to_be_visible()
    expect(page.get_by_label("Text")).to_have_value("Write to jane.roe@example.org, or call +49 30 901820 before ten.")
    assert page.problems == []
    check(page, "try-it")
