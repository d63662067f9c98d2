"""axe-core finds nothing against WCAG 2.2 A or AA, on each page, in each state, light and dark, wide and narrow."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from chatapp.accounts.links import make_link
from tests.browser.double import ENGINES, PASSAGE, SOURCES, TURN, Double
from tests.browser.states import HARD_TEXT, handbook, lose_the_line, show_server_error, show_uploads
from tests.browser.test_documents_page import DOCUMENTS, stage
from tests.browser.test_seams import taken_over

AXE = (Path(__file__).parent / "vendor" / "axe" / "axe.min.js").read_text(encoding="utf-8")
FOLDER = os.environ.get("FOOTNOTE_SCREENSHOTS", "")  # to look at what was checked
PICTURES = count()
LOOKS = [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")]
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN = """async (tags) => {
  const found = await axe.run(document, { runOnly: tags, resultTypes: ["violations"] });
  const words = (rule, node) => `${rule.id}: ${node.target} ${node.failureSummary}`;
  return found.violations.flatMap((rule) => rule.nodes.map((node) => words(rule, node)));
}"""
LONG = "A title that is much longer than a telephone is wide, with a Donaudampfschifffahrtsgesellschaftskapitän in it"
OVERFLOWING = """() => {
  const all = [...document.querySelectorAll("main, main *, aside:not([hidden]) *, dialog[open] *")];
  return all.filter((node) => {
    const box = node.getBoundingClientRect();
    const scrolls = node.parentElement.closest("pre, .table-scroll") || node.closest(".visually-hidden, .skip");
    return box.width && !scrolls && (box.right > innerWidth + 1) && getComputedStyle(node).visibility !== "hidden";
  }).map((node) => `${node.tagName}.${node.className} is wider than the window`);
}"""


def check(page: Any, looks: list[tuple[int, str]] = LOOKS) -> None:
    """Raises with every violation of every look."""
    found = []
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    for width, theme in looks:
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        found += [f"{width} {theme} {line}" for line in page.evaluate(RUN, TAGS)]
        found += [f"{width} {theme} {line}" for line in page.evaluate(OVERFLOWING)]
        if FOLDER:
            name = re.sub(r"\W+", "-", os.environ["PYTEST_CURRENT_TEST"].split("::")[-1])
            page.screenshot(path=Path(FOLDER) / f"{name}-{next(PICTURES)}-{width}-{theme}.png")
    assert found == []


def conversations(double: Double) -> None:
    stamp = "2026-11-21T00:00:00Z"
    double.conversations = [{"id": f"{n}", "title": f"Conversation {n}", "updated_at": stamp} for n in range(40)]


def test_the_empty_chat_and_its_list(page: Any, double: Double) -> None:
    conversations(double)
    double.conversations[1]["title"] = LONG
    page.goto("/")
    expect(page.get_by_role("link", name="Conversation 39")).to_be_attached()
    check(page)


@pytest.mark.parametrize("administrator", [True, False])
@pytest.mark.parametrize("documents", [True, False])
def test_the_empty_chat_of_anybody(
    page: Any, double: Double, person: Any, administrator: bool, documents: bool
) -> None:
    person.is_superuser = administrator
    person.save()
    if documents:
        handbook()
    page.goto("/")
    expect(page.locator(".example")).to_have_count(3 if documents else 0)
    expect(page.get_by_role("button", name="Models")).to_have_count(int(administrator))
    check(page)


def test_an_answer_whose_line_is_lost(page: Any, double: Double) -> None:
    page.goto("/")
    double.ask()
    double.answer(done="")
    lose_the_line(page, double)
    check(page)


def test_an_answer_that_waits_streams_and_is_there(page: Any, double: Double) -> None:
    double.title = LONG
    page.goto("/")
    double.ask(LONG)
    double.frame("stage", stage="reading", queue_position=2, read=0, of=0)
    expect(page.locator(".assistant .stage")).to_contain_text("2 in line")
    check(page)
    double.answer(text=HARD_TEXT, done="")
    expect(page.locator(".assistant .prose")).to_contain_text("wide wide")
    check(page)
    double.finish(engine="extractive")
    expect(page.locator(".hljs-comment")).to_be_visible()
    check(page)
    page.locator(".cite").first.click()
    expect(page.locator("#source-panel mark")).to_be_visible()
    expect(page.locator(".pdf-mark")).to_be_visible()
    check(page)


@pytest.mark.parametrize("status", ["failed", "stopped"])
def test_an_answer_that_did_not_end_well(page: Any, double: Double, status: str) -> None:
    page.goto("/")
    double.ask()
    if status == "failed":
        double.frame("error", code="dead", message="The model stopped working.", advice="Try again.", retryable=True)
        double.finish(status)
    else:
        double.answer(done=status)
    page.evaluate("document.getElementById('notice').hidden = false")
    check(page)
    page.get_by_role("button", name="Edit this question").focus()
    page.keyboard.press("Enter")
    check(page)


def rename(page: Any) -> None:
    page.locator("li[data-conversation]").first.hover()
    page.get_by_role("button", name="More about").first.click()
    page.get_by_role("menuitem", name="Rename…").click()


def delete(page: Any) -> None:
    page.locator("li[data-conversation]").first.hover()
    page.get_by_role("button", name="More about").first.click()
    page.get_by_role("menuitem", name="Delete…").click()


def menu(page: Any) -> None:
    page.locator("li[data-conversation]").first.hover()
    page.get_by_role("button", name="More about").first.click()


def move(page: Any) -> None:
    menu(page)
    page.get_by_role("menuitem", name="Move to a folder…").click()


def select_several(page: Any) -> None:
    menu(page)
    page.get_by_role("menuitem", name="Select several").click()


@pytest.mark.parametrize("opened", [rename, delete, menu, move, select_several])
def test_what_opens_over_the_chat(page: Any, double: Double, opened: Callable[[Any], None]) -> None:
    conversations(double)
    page.goto("/")
    opened(page)
    check(page)


@pytest.mark.parametrize("path", ["/", "/documents/"])
def test_the_sidebar_of_a_narrow_window(page: Any, double: Double, path: str) -> None:
    conversations(double)
    stage(double, DOCUMENTS)
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(path)
    page.locator("#menu").click()
    expect(page.get_by_role("link", name="Administration")).to_be_in_viewport()
    check(page, looks=LOOKS[2:])
    expect(page.locator("#menu")).to_have_attribute("aria-expanded", "true")


def test_an_answer_that_another_engine_went_on_with(page: Any, double: Double) -> None:
    page.goto("/")
    taken_over(double)
    expect(page.locator(".seam")).to_be_visible()
    check(page)
    double.finish(engine="local: quoter")
    expect(page.locator(".seam button")).to_be_visible()
    check(page)


def test_the_engines_dialog(page: Any, double: Double) -> None:
    double.engines = ENGINES
    page.goto("/")
    double.ask()
    double.answer(engine="extractive")
    page.get_by_role("button", name="How to add a model").click()
    expect(page.get_by_role("dialog")).to_contain_text("No model is installed.")
    check(page)


def test_the_documents_page(page: Any, double: Double) -> None:
    stage(double, [])
    page.goto("/documents/")
    expect(page.locator("#none")).to_be_visible()
    check(page)
    stage(double, DOCUMENTS)
    page.reload()
    expect(page.locator(".row")).to_have_count(5)
    check(page)
    page.get_by_role("button", name="Delete Leave policy.docx").click()
    check(page)
    page.keyboard.press("Escape")
    for name in ("New collection", "Edit", "Delete collection…"):
        page.set_viewport_size({"width": 1280, "height": 800})
        page.get_by_role("button", name=name, exact=True).click()
        expect(page.get_by_role("dialog")).to_be_visible()
        check(page)
        page.keyboard.press("Escape")


def test_files_on_their_way(page: Any, double: Double) -> None:
    stage(double, DOCUMENTS)
    page.goto("/documents/")
    show_uploads(page, double)
    check(page)


def test_the_documents_page_before_the_first_collection(page: Any, double: Double) -> None:
    page.goto("/documents/")
    expect(page.get_by_role("button", name="Create a collection")).to_be_visible()
    check(page)


@pytest.mark.parametrize("path", ["/nothing-here/", f"/c/{TURN}/", "/accounts/logout/", "/accounts/inactive/"])
def test_pages_of_few_words(page: Any, path: str) -> None:
    page.goto(path)
    check(page)


def test_long_names_of_everything(page: Any, double: Double, person: Any) -> None:
    person.username = "a.person.with.a.very.long.user.name.and.no.spaces.at.all"
    person.save()
    name = f"{'Quarterly-report-' * 12}final.pdf"
    stage(double, [{**DOCUMENTS[3], "name": name, "error": name}, {**DOCUMENTS[2], "name": f"{LONG} {LONG}"}])
    double.collections[0] |= {"name": name, "description": name, "everyone": False, "readers": [name, LONG]}
    page.goto("/documents/")
    expect(page.locator(".row")).to_have_count(2)
    check(page)
    page.set_viewport_size({"width": 1280, "height": 800})
    page.get_by_role("button", name="Edit", exact=True).click()
    check(page)
    page.goto("/")
    file = {"id": "d", "name": name, "collection": name}
    double.passage = {**PASSAGE, "heading": LONG, "document": {**PASSAGE["document"], "name": name, "title": name * 2}}
    double.engines = {
        "answering": "",
        "engines": [{"name": f"api: {name}", "outside": True, "problem": name, "advice": name}],
    }
    double.ask(name * 4)
    double.frame("sources", sources=[{**SOURCES[0], "document": file, "heading": name}])
    double.frame("writer", engine=f"local: {name}", note=LONG)
    double.frame("text", text=f"{name * 3} [1]")
    double.finish(engine=f"local: {name}")
    check(page)
    page.locator(".source").click()
    expect(page.locator("#source-panel .around").first).to_be_visible()
    check(page)
    page.keyboard.press("Escape")
    page.set_viewport_size({"width": 1280, "height": 800})
    page.get_by_role("button", name="Models").click()
    expect(page.get_by_role("dialog")).to_contain_text(name)
    check(page)


def test_signing_in(page: Any) -> None:
    page.context.clear_cookies()
    page.goto("/accounts/login/")
    check(page)
    page.get_by_label("User name or e-mail").fill("nobody")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("alert")).to_be_visible()
    check(page)


def test_the_link_and_the_first_password(page: Any, person: Any) -> None:
    page.context.clear_cookies()
    page.goto(make_link(person))
    check(page)
    page.get_by_role("button", name="Sign in as ada").click()
    expect(page.get_by_role("heading", name="Choose a password")).to_be_visible()
    check(page)
    for field in page.locator("input[type=password]").all():
        field.fill("ada")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert").first).to_be_visible()
    check(page)


def test_a_link_that_was_used(page: Any, person: Any) -> None:
    page.context.clear_cookies()
    address = make_link(person)
    page.goto(address)
    page.get_by_role("button", name="Sign in as ada").click()
    expect(page.get_by_role("heading", name="Choose a password")).to_be_visible()
    page.context.clear_cookies()
    page.goto(address)
    expect(page.locator("h1")).to_contain_text("link")
    check(page)


def test_the_page_of_a_server_error(page: Any) -> None:
    show_server_error(page)
    expect(page.locator("h1")).to_have_text("Something went wrong on our side.")
    check(page)


def test_how_a_document_is_cut(page: Any, person: Any) -> None:
    document = cut_document_of(person)
    page.goto(f"/documents/{document.pk}/passages/")
    expect(page.get_by_role("heading", name="2 passages")).to_be_visible()
    check(page)
    page.get_by_label("Tokens, at most").fill("9999")
    page.evaluate("document.querySelector('form').noValidate = true")
    page.get_by_role("button", name="Try this cut").click()
    expect(page.locator(".field-error")).to_be_visible()
    check(page)


def cut_document_of(person: Any) -> Any:
    from retrieval.models import Collection, Document, Passage

    collection = Collection.objects.create(name="Handbook")
    document = Document.objects.create(collection=collection, name=f"{LONG}.pdf", size=1, sha256="0" * 64)
    texts = ("Leave is asked for in time. It is granted soon.", "It is granted soon. It lapses in March.")
    for ordinal, text in enumerate(texts):
        Passage.objects.create(document=document, ordinal=ordinal, text=text, heading="Leave > Days", page=1)
    return document
