"""What an answer makes anew while it grows, where the page stays meanwhile, and conversations of many messages."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.double import QUESTION, Double, answered, opened, stored

# A text that grows by a few characters at a time, and the same text at once: both make the same elements.
GROWN = """async ([text, step]) => {
  const { MarkdownView } = await import("/static/js/markdown.js");
  const numbers = new Map([[1, 1], [2, 2]]);
  const roots = [document.createElement("div"), document.createElement("div")];
  const [grows, whole] = roots.map((root) => new MarkdownView(root, () => {}));
  for (let end = step; end < text.length + step; end += step) grows.render(text.slice(0, end), numbers, [], true);
  grows.render(text, numbers);
  whole.render(text, numbers);
  return roots.map((root) => root.innerHTML);
}"""
TEXTS = [
    "One.\n\nTwo [1].\n\n- a\n- b\n\n- c\n\n  more of c\n\nThree",
    "Heading\n===\n\nwords\n---\n\n> quoted\nlazily [2]\n\n1. one\n2. two\n\n   ```python\n   x\n   ```\n3. three",
    "```python\nfor one in all:\n    print(one)\n\n\nmore()\n```\nbehind\n\n    indented\n\n    code\n\n~~~\nopen",
    "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n\nbehind the table\n\n***\n\n**bold\n\nnot bold**",
    "see [the site][s] and [x]\n\nmore\n\nmore\n\n[s]: https://example.com/\n[x]: https://example.com/x\n\nend",
    "a\r\n\r\nb\r\rc\n\n<b>html</b>\n\n<div>\n\nx\n</div>\n\nend",
    "| a | b |\n|---|---:|\n| 1 | x [1] |\n| 2 | `y` |\n| **3** | z |\n\n| c |\n|---|\n| 1 |\n| $x^2$ |\n| 3",
    "- one [1]\n- two\n  - three\n  - four\n\n    ```python\n    x = 1\n    y = 2\n    ```\n- five\n\n- loose\n- six",
    "3. one\n4. two\n5. three\n\n   more of three\n6. four\n7) other\n8) kind\n\nbehind",
    "see [the site][s] and more\n\n[s]: https://example.com/",
    "Sum: $a_1 + b_2$ and\n\n$$\n\\frac{1}{2}\n$$\n\nthen \\(x\\) and \\[y\n+z\\] end, $5 and $6",
]


@pytest.mark.parametrize("step", [1, 7])
@pytest.mark.parametrize("text", TEXTS)
def test_a_text_that_grew_looks_like_one_that_came_at_once(page: Any, double: Double, text: str, step: int) -> None:
    page.goto("/")
    grown, whole = page.evaluate(GROWN, [text, step])
    assert grown == whole


def test_only_the_end_of_a_growing_answer_is_made_again(page: Any, double: Double) -> None:
    page.goto("/")
    double.ask()
    double.answer("First.\n\nSecond.\n\nThird.\n\nFour", done="")
    block = page.locator(".assistant .block")
    expect(block).to_have_count(4)
    block.first.evaluate("node => (node.dataset.mine = 'yes')")
    block.nth(1).evaluate("node => (node.dataset.mine = 'yes')")
    double.frame("text", text="th.\n\nFifth.")
    expect(block).to_have_count(5)
    double.finish()
    assert page.locator(".assistant .block[data-mine]").count() == 2


def test_rows_and_points_that_are_there_stay_while_more_come(page: Any, double: Double) -> None:
    page.goto("/")
    double.ask()
    double.answer("| a |\n|---|\n| 1 |\n| 2 |\n| 3", done="")
    rows = page.locator(".assistant tbody tr")
    expect(rows).to_have_count(3)
    rows.nth(1).evaluate("node => (node.dataset.mine = 'yes')")
    double.frame("text", text="3 |\n| 4 |\n\n- one\n- two\n- th")
    points = page.locator(".assistant .prose li")
    expect(points).to_have_count(3)
    points.nth(1).evaluate("node => (node.dataset.mine = 'yes')")
    double.frame("text", text="ree\n- four")
    expect(points).to_have_text(["one", "two", "three", "four"])
    double.finish()
    expect(rows).to_have_text(["1", "2", "33", "4"])
    assert page.locator(".assistant [data-mine]").count() == 2


def test_code_that_grows_keeps_what_is_selected_in_it(page: Any, double: Double) -> None:
    page.goto("/")
    double.ask()
    double.answer("```python\nfirst = 1\n", done="")
    code = page.locator(".assistant pre code")
    expect(code).to_contain_text("first")
    code.evaluate("node => getSelection().selectAllChildren(node)")
    double.frame("text", text="second = 2\n```\n")
    expect(code).to_contain_text("second")
    assert "first = 1" in page.evaluate("String(getSelection())")


LINES = "\n\n".join(f"Line {number} of a long answer." for number in range(60))
PLACE = "document.querySelector('#scroller').scrollTop"


def test_the_page_follows_an_answer_until_the_reader_scrolls_up(page: Any, double: Double) -> None:
    page.goto("/")
    double.ask()
    double.answer(LINES, done="")
    expect(page.get_by_text("Line 59")).to_be_in_viewport()
    page.mouse.move(600, 400)
    page.mouse.wheel(0, -900)
    expect(page.locator("#jump")).to_be_visible()
    page.wait_for_timeout(200)
    place = page.evaluate(PLACE)
    double.frame("text", text=f"\n\n{LINES}")
    expect(page.locator(".assistant .block")).to_have_count(120)
    double.finish()
    assert abs(page.evaluate(PLACE) - place) <= 1
    page.locator("#jump").click()
    expect(page.locator(".assistant .tools").last).to_be_in_viewport()
    expect(page.locator("#jump")).to_be_hidden()


def many(count: int) -> list[dict[str, Any]]:
    """Questions and answers in turn, behind the first question."""
    made, parent = [], QUESTION
    for number in range(count):
        one = answered(f"Answer {number}: {'words ' * 40}\n\n- and more", number=f"m{number}") | {"parent": parent}
        if number % 2:
            one |= {"role": "user", "text": f"Question {number}?"}
        made.append(one)
        parent = f"m{number}"
    return made


def test_a_long_conversation_is_there_from_its_end_to_its_beginning(page: Any, double: Double) -> None:
    opened(page, double, *many(301))
    expect(page.get_by_text("Answer 300:")).to_be_in_viewport()
    expect(page.locator(".message")).to_have_count(302)
    expect(page.locator("#jump")).to_be_hidden()
    expect(page.locator(".message:not(:has(.prose))")).to_have_count(0)  # what is out of sight has come, too
    expect(page.get_by_text("Answer 300:")).to_be_in_viewport()
    page.locator("#scroller").evaluate("node => (node.scrollTop = 0)")
    expect(page.get_by_text("May I?")).to_be_in_viewport()
    expect(page.get_by_text("Answer 0:")).to_be_in_viewport()
    expect(page.locator("#jump")).to_be_visible()


def test_buttons_of_far_messages_rest_while_an_answer_is_written(page: Any, double: Double) -> None:
    opened(page, double, *many(61))
    edits = page.get_by_role("button", name="Edit this question", include_hidden=True)
    expect(edits).to_have_count(31)
    double.writes, double.question = "new answer", "new question"
    page.get_by_label("Your question").fill("More?")
    page.keyboard.press("Enter")
    expect(page.locator("button[aria-label='Edit this question']:disabled")).to_have_count(32)
    double.answer("Fine.")
    expect(page.locator("button[aria-label='Edit this question']:disabled")).to_have_count(0)


def test_another_conversation_starts_at_its_own_end(page: Any, double: Double) -> None:
    opened(page, double, *many(101))
    page.locator("#scroller").evaluate("node => (node.scrollTop = 0)")
    expect(page.locator("#jump")).to_be_visible()
    stored(double, *many(51))
    page.get_by_role("link", name="Travel").click()
    expect(page.get_by_text("Answer 50:")).to_be_in_viewport()
    expect(page.locator("#jump")).to_be_hidden()
