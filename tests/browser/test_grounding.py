"""Sentences that no passage holds are underlined with dots, in all that Markdown makes of them, and told aloud."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.double import SOURCES, Double, answered, opened

HELD = "You have 25 days of leave a year. [1]"
WRONG = "Up to **12 days** may be carried into the *next* year 🎉. [1]"
LAST = "Ask [the office](https://example.org/office) in `Bonn` for more [1]."
TEXT = f"{HELD} {WRONG}\n\n- First\n- {LAST}\n"
MARKS = [[TEXT.index(one), TEXT.index(one) + len(one)] for one in (WRONG, LAST)]
SHOWN = """() => [...document.querySelectorAll('.assistant .unsupported')].map((one) => {
  const copy = one.cloneNode(true);
  for (const note of copy.querySelectorAll('.grounding-note')) note.remove();
  return copy.textContent;
})"""


def test_sentences_are_marked_after_a_reload_without_a_change_of_words(page: Any, double: Double) -> None:
    opened(page, double, answered(TEXT) | {"unsupported": MARKS, "sources": SOURCES})
    expect(page.locator(".assistant .unsupported").first).to_be_visible()
    shown = page.evaluate(SHOWN)
    assert "".join(shown).startswith("Up to 12 days may be carried into the next year") and "25" not in "".join(shown)
    assert "the office" in shown and "Ask the office in " in "".join(shown) and "Bonn" not in "".join(shown)
    notes = page.locator(".assistant .grounding-note")
    expect(notes).to_have_count(2)
    expect(notes.first).to_have_text(" (not found in the passages named)")
    expect(page.locator(".assistant .grounding")).to_contain_text("2 sentences are underlined")
    expect(page.locator(".assistant .prose .cite")).to_have_count(3)
    page.evaluate("window.dispatchEvent(new Event('resize'))")
    assert page.evaluate(SHOWN) == shown and page.problems == []


def test_sentences_are_marked_when_the_answer_ends(page: Any, double: Double) -> None:
    page.goto("/")
    double.ask()
    double.frame("sources", sources=SOURCES)
    double.frame("text", text=f"{HELD} {WRONG}")
    double.frame("grounding", unsupported=MARKS[:1])
    expect(page.locator(".unsupported")).to_have_count(0)
    double.finish()
    expect(page.locator(".assistant .unsupported").first).to_be_visible()
    expect(page.locator(".assistant .grounding")).to_contain_text("One sentence is underlined")
    said = "One sentence is underlined with dots: the passages that it names do not say so. Answer: You have 25 days"
    expect(page.locator("#announcer")).to_contain_text(said)


@pytest.mark.parametrize("marks", [None, [], [[0, 0]], [[400, 900]]])
def test_an_answer_without_such_sentences_is_left_as_it_is(page: Any, double: Double, marks: Any) -> None:
    opened(page, double, answered(TEXT) | {"unsupported": marks, "sources": SOURCES})
    expect(page.locator(".assistant .prose")).to_contain_text("25 days")
    expect(page.locator(".unsupported")).to_have_count(0)
    assert page.problems == []


@pytest.mark.parametrize("page", [{"permissions": ["clipboard-read", "clipboard-write"]}], indirect=True)
def test_a_copy_names_the_sentences_in_its_last_line(page: Any, double: Double) -> None:
    opened(page, double, answered(TEXT) | {"unsupported": MARKS, "sources": SOURCES})
    assert copied(page) == (
        f"{TEXT}\n2 sentences are not borne out: the passages that they name do not say so. "
        "“Up to **12 days** may be carried into the *next* year 🎉.” "
        "“Ask [the office](https://example.org/office) in `Bonn` for more.”"
    )


@pytest.mark.parametrize("page", [{"permissions": ["clipboard-read", "clipboard-write"]}], indirect=True)
def test_a_copy_of_quotations_says_that_the_documents_may_not_answer(page: Any, double: Double) -> None:
    sources = [one | {"confidence": 0.32} for one in SOURCES]
    opened(page, double, answered(HELD) | {"engine": "extractive", "written_by": [], "sources": sources})
    doubt = "The documents may not answer this: the search is 32 % sure that they do."
    expect(page.locator(".assistant .grounding")).to_have_text(doubt)
    assert copied(page) == f"{HELD}\n\n{doubt}"


def copied(page: Any) -> str:
    page.locator(".assistant").get_by_role("button", name="Copy").click()
    expect(page.locator("#announcer")).to_have_text("Copied")
    text: str = page.evaluate("navigator.clipboard.readText()")
    return text


@pytest.mark.skipif("PICTURES_DIR" not in os.environ, reason="a folder for pictures is named in PICTURES_DIR")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pictures(page: Any, double: Double, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    opened(page, double, answered(TEXT) | {"unsupported": MARKS, "sources": SOURCES})
    expect(page.locator(".unsupported").first).to_be_visible()
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 800})
        page.screenshot(path=Path(os.environ["PICTURES_DIR"]) / f"grounding-{scheme}-{width}.png")
