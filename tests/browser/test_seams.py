"""An answer that another engine went on with: the place is marked, and nothing else of the text changes."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.double import ENGINES, SOURCES, Double, answered, opened

FIRST, SECOND = "Yes. You may carry up to fi", "ve days into the next year. [1]"
MARK = "From here on: quoter (on this server)"
RICH = """Intro with **bold words**, `code` and [a link](https://example.com/path "title"). [1] And 🎉 more.

- First point [1]
- Second *point* of three
  - Inner

1. One
2. Two

| Plan | Price |
|---|---|
| Pro | 10 [2] |

```python
value = 1
```

### A heading

> A quotation\r
of two lines

[ref] ends it.

[ref]: https://example.com/
"""
AT_EVERY_PLACE = """async (text) => {
  const { MarkdownView } = await import("/static/js/markdown.js");
  const { offsetIn } = await import("/static/js/seams.js");
  const shown = (seams) => {
    const root = document.createElement("div");
    new MarkdownView(root, () => {}).render(text, new Map([[1, 1], [2, 2]]), seams);
    const marks = [...root.querySelectorAll(".seam")];
    const before = marks.map((one) => {
      const range = document.createRange();
      range.setStart(root, 0);
      range.setEndBefore(one);
      return range.toString().length;
    });
    for (const one of marks) one.remove();
    for (const one of root.querySelectorAll(".together")) one.replaceWith(...one.childNodes); // a word may be in two
    root.normalize();
    return { html: root.innerHTML, marks: marks.map((one) => one.textContent).join(" "), before: before[0] };
  };
  const named = (textContent) => () => (
    Object.assign(document.createElement("span"), { className: "seam", textContent }));
  const different = (one, other) => one.slice([...one].findIndex((sign, at) => sign !== other[at]) - 20).slice(0, 80);
  const plain = shown([]).html, wrong = [];
  let last = 0;
  const characters = [...text.trimEnd()].length - "[ref]: https://example.com/".length;
  for (let from = 1; from < characters - 2; from += 1) {
    const { html, marks, before } = shown([{ at: offsetIn(text, from), mark: named("[1]") }]);
    if (html !== plain) wrong.push([from, different(html, plain)]);
    if (marks !== "[1]" || before < last - 60) wrong.push([from, marks, before]);
    last = Math.max(last, before);
    if (from + 3 >= characters - 2) continue;
    const behind = { at: offsetIn(text, from + 3), mark: named("[2]") };
    const two = shown([{ at: offsetIn(text, from), mark: named("[1]") }, behind]);
    if (two.html !== plain || two.marks !== "[1] [2]") wrong.push([from, two.marks, different(two.html, plain)]);
  }
  return { wrong, last, whole: plain.length };
}"""


def taken_over(double: Double) -> None:
    double.ask()
    double.frame("sources", sources=SOURCES)
    double.frame("writer", engine="house: delta", note="")
    double.frame("text", text=FIRST)
    double.frame("writer", engine="local: quoter", note="delta broke off.")
    double.frame("text", text=SECOND)


def written(*writers: tuple[str, int]) -> dict[str, Any]:
    rows = [{"engine": engine, "from": start, "note": ""} for engine, start in writers]
    return answered(FIRST + SECOND) | {"engine": writers[-1][0], "written_by": rows, "sources": SOURCES}


def test_where_another_engine_goes_on_the_text_says_so_while_it_comes_and_offers_another_answer(
    page: Any, double: Double
) -> None:
    page.goto("/")
    taken_over(double)
    seam = page.locator(".assistant .prose .seam")
    expect(seam).to_have_text(MARK)
    double.finish(engine="local: quoter")
    expect(page.locator(".assistant .prose p")).to_have_text(
        f"Yes. You may carry up to fi{MARK}Answer againve days into the next year. 1"
    )
    expect(page.get_by_role("note")).to_contain_text(MARK)
    seam.get_by_role("button", name="Answer again").click()
    double.wait_for("regenerate")
    assert page.problems == []


def test_the_place_is_marked_after_a_reload_too(page: Any, double: Double) -> None:
    opened(page, double, written(("house: delta", 0), ("local: quoter", len(FIRST))))
    expect(page.locator(".assistant .prose .seam")).to_contain_text(MARK)
    expect(page.locator(".writer")).to_contain_text("Written by delta (in this house), then quoter (on this server)")


def test_a_copy_of_the_same_engine_and_one_that_wrote_nothing_leave_no_mark(page: Any, double: Double) -> None:
    opened(page, double, written(("api: away", 0), ("local: quoter", 0), ("local: quoter", len(FIRST))))
    expect(page.locator(".assistant .prose")).to_contain_text("up to five days")
    expect(page.locator(".seam")).to_have_count(0)


def test_a_mark_changes_nothing_else_wherever_it_stands(page: Any, double: Double) -> None:
    page.goto("/")
    found = page.evaluate(AT_EVERY_PLACE, RICH)
    assert found["wrong"] == [] and found["last"] > 150


def test_each_of_three_engines_in_one_paragraph_is_named_where_it_goes_on(page: Any, double: Double) -> None:
    third = len(FIRST) + len("ve days into ")
    opened(page, double, written(("house: delta", 0), ("local: quoter", len(FIRST)), ("extractive", third)))
    quoted = "From here on: quoted from the documents"
    expect(page.locator(".assistant .prose p")).to_have_text(
        f"Yes. You may carry up to fi{MARK}ve days into {quoted}Answer againthe next year. 1"
    )
    assert page.problems == []


def test_the_button_at_the_place_keeps_its_focus_while_another_answer_is_written(page: Any, double: Double) -> None:
    opened(page, double, written(("house: delta", 0), ("local: quoter", len(FIRST))))
    again = page.get_by_role("button", name="Answer again from the start", exact=True)
    expect(page.get_by_role("button", name="Answer again", exact=True)).to_have_count(1)
    double.question, double.writes = "second question", "second answer"
    double.ask("And sick days?")
    again.first.focus()
    double.frame("text", text="Ten.")
    expect(again.first).to_have_attribute("aria-disabled", "true")
    page.keyboard.press("Enter")
    double.finish()
    expect(again.first).to_have_attribute("aria-disabled", "false")
    expect(again.first).to_be_focused()
    assert not [one for one in double.received if one["type"] == "regenerate"]
    page.keyboard.press("Enter")
    double.wait_for("regenerate")
    assert page.problems == []


@pytest.mark.parametrize("name", ["local: <img src=x onerror=window.fired=1>", "local: [1](javascript:fired)"])
def test_an_engine_s_name_in_the_text_is_text(page: Any, double: Double, name: str) -> None:
    opened(page, double, written(("house: delta", 0), (name, len(FIRST))))
    expect(page.locator(".seam")).to_contain_text(name.removeprefix("local: "))
    expect(page.locator(".seam :is(img, a, .cite)")).to_have_count(0)
    assert page.evaluate("window.fired") is None


def test_an_answer_is_written_again_by_a_model_that_is_chosen(page: Any, double: Double) -> None:
    ready = {"outside": False, "problem": "", "advice": ""}
    double.engines = {"answering": "local: quoter", "engines": [
        {"name": "local: quoter", **ready}, {"name": "api: far", **ready, "outside": True},
        {"name": "api: away", **ready, "problem": "It cannot be reached."},
        {"name": "api: elsewhere", **ready, "elsewhere": True}, {"name": "extractive", **ready},
    ]}  # fmt: skip
    opened(page, double, {**answered(), "engine": "local: quoter"})
    page.get_by_role("button", name="Answer again with another model").click()
    menu = page.get_by_role("menu", name="Answer again with")
    expect(menu.get_by_role("menuitem")).to_have_text(["far (over an API)", "Quotations, without a model"])
    menu.get_by_role("menuitem", name="far").click()
    assert double.wait_for("regenerate")["engine"] == "api: far"


def test_where_nobody_else_answers_it_is_said(page: Any, double: Double) -> None:
    double.engines = ENGINES
    opened(page, double, {**answered(), "engine": "extractive"})
    page.get_by_role("button", name="Answer again with another model").click()
    page.get_by_role("menuitem", name="No other model answers now: see who can").click()
    expect(page.get_by_role("dialog", name="Who can answer")).to_be_visible()
