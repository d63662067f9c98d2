"""The pages in German and in Arabic, which is written from right to left, in a real Chromium.

Pictures on demand, as in test_screenshots.py: FOOTNOTE_SCREENSHOTS=folder.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from retrieval.models import Document
from tests.browser.double import Double
from tests.browser.states import handbook
from tests.browser.test_accessibility import check
from tests.browser.test_documents_page import DOCUMENTS, stage

FOLDER = os.environ.get("FOOTNOTE_SCREENSHOTS", "")
WIDTHS = (1280, 390)
GERMAN, ARABIC = {"locale": "de-DE"}, {"locale": "ar"}
ENDS_EARLY = "document.documentElement.scrollWidth <= innerWidth && document.body.scrollWidth <= innerWidth"


def fits(page: Any, name: str, widths: tuple[int, ...] = WIDTHS) -> None:
    """Nothing reaches over the edge of the window, wide or narrow."""
    for width in widths:
        page.set_viewport_size({"width": width, "height": 800})
        page.wait_for_timeout(150)
        assert page.evaluate(ENDS_EARLY), f"{name} is wider than {width} px"
        for theme in ("light", "dark") if FOLDER else ():
            page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            page.screenshot(path=Path(FOLDER) / f"{name}-{width}-{theme}.png")


def ask(page: Any, double: Double) -> None:
    page.locator("#question").fill("May I carry leave over?")
    page.keyboard.press("Enter")
    page.wait_for_selector(".message.assistant")
    double.answer()


def with_sources(double: Double, page: Any) -> None:
    page.goto("/")
    ask(page, double)
    page.locator(".cite").first.click()
    expect(page.locator("#source-panel")).to_be_visible()


@pytest.mark.parametrize("page", [ARABIC], indirect=True)
def test_the_chat_page_in_arabic_runs_from_right_to_left(page: Any, double: Double) -> None:
    handbook()
    page.goto("/")
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    expect(page.locator("html")).to_have_attribute("lang", "ar")
    expect(page.get_by_role("heading", name="اسأل مستنداتك")).to_be_visible()
    expect(page.locator("#conversations")).to_contain_text("ستظهر محادثاتك هنا.")
    sidebar, chat = page.locator("#sidebar").bounding_box(), page.locator("main.chat").bounding_box()
    assert sidebar["x"] >= chat["x"] + chat["width"] - 1
    fits(page, "ar-chat-empty")
    check(page, [(1280, "light"), (390, "dark")])
    assert not page.problems


@pytest.mark.parametrize("page", [ARABIC], indirect=True)
def test_an_answer_with_its_source_in_arabic(page: Any, double: Double) -> None:
    with_sources(double, page)
    expect(page.locator(".assistant .sources h3")).to_have_text("المصادر")
    panel, chat = page.locator("#source-panel").bounding_box(), page.locator("main.chat").bounding_box()
    assert panel["x"] + panel["width"] <= chat["x"] + 1
    assert page.locator(".assistant .prose").evaluate("node => getComputedStyle(node).direction") == "ltr"  # English
    fits(page, "ar-chat-source")


@pytest.mark.parametrize("page", [GERMAN], indirect=True)
def test_the_chat_page_in_german(page: Any, double: Double) -> None:
    handbook()
    page.goto("/")
    expect(page.locator("html")).to_have_attribute("lang", "de")
    expect(page.locator("html")).to_have_attribute("dir", "ltr")
    expect(page.get_by_placeholder("Stellen Sie eine Frage")).to_be_visible()
    fits(page, "de-chat-empty")
    page.set_viewport_size({"width": 1280, "height": 800})
    ask(page, double)
    expect(page.locator(".assistant .sources h3")).to_have_text("Quellen")
    page.get_by_role("button", name="Neu antworten", exact=True).click()
    double.frame("error", code="dead", message="The model could not answer.", advice="Ask it in other words.")
    double.finish("failed")
    expect(page.locator(".notice.problem strong")).to_have_text("Das Modell konnte nicht antworten.")
    expect(page.locator(".notice.problem p")).to_have_text("Fragen Sie mit anderen Worten.")
    assert not page.problems


@pytest.mark.parametrize("page", [GERMAN], indirect=True)
def test_an_answer_with_its_source_in_german(page: Any, double: Double) -> None:
    with_sources(double, page)
    fits(page, "de-chat-source")


@pytest.mark.parametrize("page", [GERMAN, ARABIC], indirect=True, ids=["de", "ar"])
def test_the_documents_page(page: Any, double: Double) -> None:
    stage(double, DOCUMENTS)
    page.goto("/documents/")
    expect(page.locator(".row")).to_have_count(5)
    language = page.locator("html").get_attribute("lang")
    fits(page, f"{language}-documents")
    page.set_viewport_size({"width": 390, "height": 800})
    page.locator("#edit-collection").click()
    expect(page.locator("#collection-dialog")).to_be_visible()
    fits(page, f"{language}-collection")
    assert not page.problems


@pytest.mark.parametrize("page", [GERMAN, ARABIC], indirect=True, ids=["de", "ar"])
def test_the_other_pages_fit(page: Any, double: Double, person: Any) -> None:
    handbook()
    document = Document.objects.order_by("name")[0]
    page.goto("/")
    language = page.locator("html").get_attribute("lang")
    page.locator("[popovertarget=languages]").click()
    expect(page.locator("#languages")).to_be_visible()
    fits(page, f"{language}-menu", widths=WIDTHS[:1])
    check(page, [(1280, "light"), (1280, "dark")])
    for name, path in {
        "document": f"/documents/{document.pk}/",
        "passages": f"/documents/{document.pk}/passages/",
        "readers": f"/documents/{document.pk}/readers/",
        "bench": "/documents/search/",
        "keys": "/accounts/keys/",
        "second-factor": "/accounts/second-factor/",
        "models": "/models/",
        "card": "/models/card/?engine=extractive",
        "absent": "/nowhere/",
    }.items():
        page.goto(path)
        expect(page.locator("html")).to_have_attribute("lang", language)
        fits(page, f"{language}-{name}")


@pytest.mark.parametrize("page", [GERMAN, ARABIC], indirect=True, ids=["de", "ar"])
def test_the_sign_in_page(page: Any) -> None:
    page.context.clear_cookies()
    page.goto("/accounts/login/")
    language = page.locator("html").get_attribute("lang")
    words = {"de": "Anmelden", "ar": "تسجيل الدخول"}[language]
    expect(page.get_by_role("heading", name=words)).to_be_visible()
    fits(page, f"{language}-sign-in")
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("dir", "ltr")


def test_a_person_chooses_the_language_beside_the_theme(page: Any, double: Double) -> None:
    page.goto("/documents/")
    page.get_by_role("button", name="Language").click()
    page.get_by_role("button", name="Deutsch").click()
    expect(page.locator("html")).to_have_attribute("lang", "de")
    expect(page.locator("#title")).to_have_text("Dokumente")  # where they were
    page.goto("/")
    expect(page.locator("#title")).to_have_text("Neue Unterhaltung")
