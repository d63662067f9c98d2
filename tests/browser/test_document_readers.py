"""Who may read a document, on the documents page."""

from __future__ import annotations

import json
from typing import Any

from django.contrib.auth.models import Group
from playwright.sync_api import expect

from tests.browser.double import Double
from tests.browser.test_documents_page import doc, stage


def test_a_document_gets_readers_of_its_own_and_loses_them_again(page: Any, double: Double) -> None:
    Group.objects.create(name="Board")
    Group.objects.create(name="Finance")
    stage(double, [doc(1, "Salaries.xlsx", "ready"), doc(2, "Menu.pdf", "ready")])
    page.goto("/documents/")
    button = page.get_by_role("button", name="Who may read Salaries.xlsx")
    button.click()
    dialog = page.get_by_role("dialog", name="Who may read “Salaries.xlsx”?")
    expect(dialog.get_by_label("Whoever may read the collection: everyone who can sign in", exact=True)).to_be_checked()
    dialog.get_by_label("Board").check()
    expect(dialog.get_by_label("Of those, only these groups")).to_be_checked()
    double.documents = [doc(1, "Salaries.xlsx", "ready", restricted=True, readers=["Board"]), double.documents[1]]
    assert _saved(page, dialog) == {"restricted": True, "readers": ["Board"]}
    expect(page.locator(".row", has_text="Salaries.xlsx")).to_contain_text("Only for Board")
    expect(page.locator(".row", has_text="Menu.pdf")).not_to_contain_text("Only for")
    button.click()
    expect(dialog.get_by_label("Board")).to_be_checked()
    dialog.get_by_label("Whoever may read the collection").check()
    assert _saved(page, dialog) == {"restricted": False, "readers": []}
    assert page.problems == []


def test_a_document_for_no_group_is_for_administrators(page: Any, double: Double) -> None:
    stage(double, [doc(1, "Salaries.xlsx", "ready", restricted=True, readers=[])])
    page.goto("/documents/")
    expect(page.locator(".row")).to_contain_text("Only for administrators")


def test_a_refusal_is_shown_in_the_dialog_which_stays(page: Any, double: Double) -> None:
    stage(double, [doc(1, "Salaries.xlsx", "ready", restricted=True, readers=["Gone"])])
    page.goto("/documents/")
    error = {"code": "invalid", "message": "There is no group named Gone.", "advice": "Make it.", "retryable": False}
    page.route("**/api/documents/*/", lambda route: route.fulfill(status=400, json={"error": error}))
    page.get_by_role("button", name="Who may read Salaries.xlsx").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_have_text("There is no group named Gone. Make it.")


def _saved(page: Any, dialog: Any) -> Any:
    with page.expect_request(lambda request: request.method == "PATCH") as sent:
        dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)
    return json.loads(sent.value.post_data)
