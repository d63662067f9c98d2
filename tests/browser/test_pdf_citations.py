"""A citation of a PDF opens its page, with the passage marked where its words stand."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.finding import wait_until_found
from tests.parsing.pdf_file import Page, pdf
from tests.running import Footnote

pytestmark = pytest.mark.browser

FACTS = {
    1: ("Who is the harbour master of Lindenau?", "The harbour master of Lindenau is Petra Kowalski."),
    2: ("What does the ferry to Oststrand cost?", "The ferry to Oststrand costs seven crowns."),
    3: ("When does the lighthouse of Kap Sturm open?", "The lighthouse of Kap Sturm opens at noon."),
}
FILLERS = {
    1: "Berths are given by length and not by the day on which a vessel came in.",
    2: "Tickets are sold at the quay until the gangway is taken in by the crew.",
    3: "Visitors climb the stairs in groups of ten and leave their bags below.",
}
# What is drawn on the page: where each dark pixel is, and whether a mark lies over it.
DRAWN = """
() => {
  const canvas = document.querySelector(".pdf-sheet canvas");
  const sheet = canvas.getBoundingClientRect();
  const marks = [...document.querySelectorAll(".pdf-mark")].map((mark) => mark.getBoundingClientRect());
  const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  let dark = 0, marked = 0;
  for (let y = 0; y < canvas.height; y++) for (let x = 0; x < canvas.width; x++) {
    if (data[(y * canvas.width + x) * 4] > 128) continue;
    dark++;
    const left = sheet.left + (x + 0.5) * sheet.width / canvas.width;
    const top = sheet.top + (y + 0.5) * sheet.height / canvas.height;
    if (marks.some((m) => left > m.left - 1 && left < m.right + 1 && top > m.top - 1 && top < m.bottom + 1)) marked++;
  }
  const area = marks.reduce((sum, mark) => sum + mark.width * mark.height, 0) / (sheet.width * sheet.height);
  return { dark, marked, area, shape: sheet.width / sheet.height };
}
"""
# Where the library itself finds the words of the page, in fractions of it.
WORDS = """
async ([url, number, needle]) => {
  const pdf = await import("/static/vendor/pdfjs/pdf.js");
  pdf.GlobalWorkerOptions.workerSrc = "/static/vendor/pdfjs/pdf.worker.js";
  const page = await (await pdf.getDocument({ url, useWasm: false }).promise).getPage(number);
  const view = page.getViewport({ scale: 1 });
  const item = (await page.getTextContent()).items.find((one) => one.str.includes(needle));
  const [x, y] = view.convertToViewportPoint(item.transform[4], item.transform[5]);
  return [x / view.width, y / view.height];
}
"""
MARKED = """
([x, y, name]) => {
  const sheet = document.querySelector(".pdf-sheet canvas").getBoundingClientRect();
  const [left, top] = [sheet.left + x * sheet.width, sheet.top + y * sheet.height];
  return [...document.querySelectorAll(name ?? ".pdf-mark")].map((mark) => mark.getBoundingClientRect()).some(
    (m) => left > m.left - 4 && left < m.right + 4 && top > m.top - 4 && top < m.bottom + 4);
}
"""
SEEN = """
(mark) => {
  const [one, sheet] = [mark.getBoundingClientRect(), document.querySelector(".pdf-scroller").getBoundingClientRect()];
  return one.top >= sheet.top - 1 && one.top < sheet.bottom;
}
"""


def harbour_guide() -> bytes:
    pages = [Page(), Page(rotate=90), Page(crop=(40, 250, 560, 790))]
    for number, page in enumerate(pages, 1):
        for line in range(9):
            page.text(70, 700 - 14 * line, FILLERS[number])
        page.text(90, 700 - 14 * 24, FACTS[number][1])
    return pdf(*pages)


@pytest.fixture(scope="module")
def footnote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Footnote]:
    running = Footnote(tmp_path_factory.mktemp("pdf") / "var")
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def window(chromium: Any, footnote: Footnote) -> Iterator[Any]:
    """Signed in, with the guide among the documents. `problems` and `outside` collect what must not happen."""
    context = chromium.new_context(base_url=footnote.url, viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.problems, page.outside, page.asked = [], [], []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("console", lambda message: message.type == "error" and page.problems.append(message.text))
    page.on(
        "request", lambda request: request.url.startswith((footnote.url, "blob:")) or page.outside.append(request.url)
    )
    page.on("request", lambda request: page.asked.append(request.url))
    footnote.sign_in(page)
    page.goto("/documents/")
    page.get_by_role("button", name="Sample handbook").click()
    guide = {"name": "harbour-guide.pdf", "mimeType": "application/pdf", "buffer": harbour_guide()}
    page.locator("#files").set_input_files(guide)
    expect(page.locator(".row", has_text="harbour-guide.pdf")).to_contain_text("Ready", timeout=60_000)
    wait_until_found(page, "harbour-guide.pdf", "Who is the harbour master of Lindenau?")
    yield page
    context.close()


def open_citation(window: Any, question: str) -> Any:
    """-> the panel, once the page is drawn"""
    window.goto("/")
    window.get_by_label("Your question").fill(question)
    window.keyboard.press("Enter")
    answer = window.locator(".message.assistant").last
    expect(answer.locator(".tools")).to_be_visible()
    answer.locator(".cite").first.click()
    panel = window.locator("#source-panel")
    expect(panel.locator(".pdf-sheet canvas")).to_be_visible()
    return panel


def test_the_library_is_not_fetched_before_a_pdf_is_cited(window: Any) -> None:
    window.goto("/")
    window.wait_for_timeout(500)
    assert not [url for url in window.asked if "pdfjs" in url]


@pytest.mark.parametrize("number", [1, 2, 3], ids=["a plain page", "a rotated page", "a cropped page"])
def test_the_page_is_drawn_and_the_mark_lies_over_the_cited_words(window: Any, number: int) -> None:
    question, fact = FACTS[number]
    panel = open_citation(window, question)
    expect(panel.locator(".pdf-where")).to_have_text(f"Page {number} of 3")
    expect(panel.locator(".passage")).to_contain_text(fact)
    drawn = window.evaluate(DRAWN)
    assert drawn["dark"] > 500, "the page is not blank"
    assert drawn["marked"] > 0.97 * drawn["dark"], "all of its words belong to the passage"
    assert drawn["area"] < 0.35, "the mark lies over the words and not over the page"
    assert drawn["shape"] == pytest.approx({1: 600 / 800, 2: 800 / 600, 3: 520 / 540}[number], rel=0.02)
    address = panel.get_by_role("link", name="Download the document").get_attribute("href")
    place = window.evaluate(WORDS, [address, number, fact[:12]])
    assert window.evaluate(MARKED, place)
    assert not window.evaluate(MARKED, [place[0] + 0.5, place[1] - 0.2] if number != 2 else [0.95, 0.95])
    filler = window.evaluate(WORDS, [address, number, FILLERS[number][:12]])
    quote = ".pdf-mark-quote"
    assert window.evaluate(MARKED, [*place, quote]), "the words that are quoted are marked more strongly"
    assert window.evaluate(MARKED, filler) and not window.evaluate(MARKED, [*filler, quote])
    strong = panel.locator(quote).first.evaluate("(mark) => getComputedStyle(mark).backgroundColor")
    assert strong != panel.locator(".pdf-mark").first.evaluate("(mark) => getComputedStyle(mark).backgroundColor")
    assert panel.locator(quote).first.evaluate(SEEN), "and brought into view"
    if folder := os.environ.get("FOOTNOTE_SCREENSHOTS"):
        window.screenshot(path=f"{folder}/pdf-citation-{number}.png")
    assert window.problems == [] and window.outside == []


def test_pages_are_turned_and_made_larger_with_the_keyboard(window: Any) -> None:
    panel = open_citation(window, FACTS[1][0])
    panel.get_by_role("button", name="Page after").press("Enter")
    expect(panel.locator(".pdf-view")).to_have_attribute("data-page", "2")
    expect(panel.locator(".pdf-where")).to_have_text("Page 2 of 3")
    expect(panel.locator(".pdf-mark")).to_have_count(0)
    panel.get_by_role("button", name="Page before").press("Enter")
    expect(panel.locator(".pdf-view")).to_have_attribute("data-page", "1")
    expect(panel.locator(".pdf-mark").first).to_be_visible()
    expect(panel.get_by_role("button", name="Page before")).to_have_attribute("aria-disabled", "true")
    expect(panel.get_by_role("img")).to_have_accessible_name(
        re.compile("Page 1 of harbour.guide(.pdf)?, with the passage marked")
    )
    width = panel.locator(".pdf-sheet").bounding_box()["width"]
    panel.get_by_role("button", name="Larger").press("Enter")
    window.wait_for_function("(width) => document.querySelector('.pdf-sheet').offsetWidth > width * 1.4", arg=width)
    panel.get_by_role("button", name="Fit width").press("Enter")
    window.wait_for_function(
        "(width) => Math.abs(document.querySelector('.pdf-sheet').offsetWidth - width) < 3", arg=width
    )
    window.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    assert window.problems == []


def test_a_file_that_is_gone_leaves_the_words(window: Any) -> None:
    window.route("**/documents/*/file/", lambda route: route.fulfill(status=404, json={}))
    window.goto("/")
    window.get_by_label("Your question").fill(FACTS[1][0])
    window.keyboard.press("Enter")
    answer = window.locator(".message.assistant").last
    expect(answer.locator(".tools")).to_be_visible()
    answer.locator(".cite").first.click()
    panel = window.locator("#source-panel")
    expect(panel.locator(".pdf-note")).to_contain_text("cannot be shown")
    expect(panel.locator(".passage")).to_contain_text(FACTS[1][1])
    window.unroute("**/documents/*/file/")


# A page of three lines, as the library gives them, of which the passage has the last two.
QUOTED = """
async (quotes) => {
  const { boxesOfQuote } = await import("/static/js/pdf-quote.js");
  const line = (str, y) => ({ str, transform: [10, 0, 0, 10, 100, y], width: 10 * str.length, height: 10 });
  const items = [line("Leave is free.", 900), line("Annual leave is pro-", 500),
    { str: "" }, line("rated. Ask  ﬁrst.", 480)];
  const view = { width: 1000, height: 1000, convertToViewportPoint: (x, y) => [x, 1000 - y] };
  const page = { pageNumber: 4, getTextContent: async () => ({ items }), getViewport: () => view };
  return boxesOfQuote(page, quotes, [[4, 0.1, 0.48, 0.3, 0.53]]);
}
"""


def test_a_quotation_is_found_across_lines_and_only_in_its_passage(window: Any) -> None:
    window.goto("/")
    first, second = window.evaluate(QUOTED, ["…leave is prorated."])
    assert first[:2] == [4, pytest.approx(0.17)] and first[3] == pytest.approx(0.29) and first[2] < 0.5 < first[4]
    assert second[1] == pytest.approx(0.1) and second[3] == pytest.approx(0.16) and second[2] < 0.52 < second[4]
    assert len(window.evaluate(QUOTED, [None, "Nothing of the kind", "ask first"])) == 1
    assert window.evaluate(QUOTED, ["Leave is free."]) == [], "that line is none of the passage's"
    assert window.evaluate(QUOTED, ["", None]) == []
