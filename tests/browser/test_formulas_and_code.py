"""Formulas and code in answers: drawn and coloured when they are there, fetched only then, and never more than text."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.double import Double, answered, opened

FORMULAS = (
    "The share is $\\frac{a}{b}$ of it [1].\n\n$$\n\\sum_{i=1}^{n} x_i = \\sqrt{y}\n$$\n\nand \\(z^2\\), \\[w\\] too."
)
HOSTILE = [
    "$\\href{javascript:window.fired=1}{x}$",
    "$\\includegraphics{https://evil.example/a.png}$",
    "$\\url{https://evil.example/b}$",
    "$\\htmlStyle{background:url(https://evil.example/c)}{x}$ $\\htmlId{title}{x}$ $\\htmlClass{notice}{x}$",
    "$$<img src=https://evil.example/d onerror=window.fired=1>$$",
    "$\\text{<script>window.fired=1</script>}$",
    "$\\def\\a{\\a\\a}\\a$",
    "```math\n</code></pre><svg onload=window.fired=1>\n```",
    '```x"onmouseover=window.fired=1\ncode\n```',
]


@pytest.fixture
def fetched(page: Any) -> list[str]:
    names: list[str] = []
    page.on("request", lambda request: names.append(request.url))
    return names


def test_formulas_are_drawn_and_read_aloud(page: Any, double: Double, fetched: list[str]) -> None:
    opened(page, double, answered(FORMULAS))
    formulas = page.locator(".assistant .formula")
    expect(formulas).to_have_count(4)
    expect(page.locator(".assistant .formula.display")).to_have_count(2)
    assert page.locator(".assistant .formula math").count() == 4
    assert page.locator(".assistant .formula.display .katex-html").first.evaluate("node => node.offsetHeight") > 30
    page.wait_for_function("document.fonts.check('16px KaTeX_Main')")  # drawn before its letters are there
    assert any("KaTeX_Math" in name for name in fetched)
    assert page.problems == []


def test_what_draws_formulas_is_fetched_only_for_one(page: Any, double: Double, fetched: list[str]) -> None:
    opened(page, double, answered("It costs $5 to $10, US$7 or $HOME. `$x$` and\n\n```sh\necho $x$\n```"))
    expect(page.locator(".assistant pre .hljs-built_in, .assistant pre[role]")).to_have_count(2)
    assert page.locator(".assistant .formula").count() == 0
    assert [name for name in fetched if "katex" in name.lower()] == []


def test_what_is_no_formula_stays_as_it_was_written(page: Any, double: Double) -> None:
    opened(page, double, answered("A $\\frac{1}{$ and $\\nosuchcommand{x}$ and $y$."))
    expect(page.locator(".assistant .formula")).to_have_count(1)
    expect(page.locator(".assistant code[data-formula=words]")).to_have_count(2)
    expect(page.locator(".assistant .prose")).to_contain_text("\\nosuchcommand{x}")


def test_where_the_drawing_cannot_be_fetched_the_words_are_there(page: Any, double: Double) -> None:
    page.route("**/vendor/katex/katex.js", lambda route: route.abort())
    opened(page, double, answered("See $x + y$."))
    expect(page.locator(".assistant .prose code")).to_have_text("x + y")
    assert page.locator(".assistant .formula").count() == 0


def test_hostile_formulas_and_code_run_nothing_and_call_nobody(
    page: Any, double: Double, live_server: Any, fetched: list[str]
) -> None:
    opened(page, double, answered("\n\n".join([*HOSTILE, "At the end: $q$."])))
    expect(page.locator(".assistant .formula", has_text="q").last).to_be_visible()
    page.wait_for_timeout(300)
    prose = page.locator(".assistant .prose")
    assert prose.locator("a, img, script, iframe, object, [onmouseover], [onload], [href], [src], [id]").count() == 0
    assert prose.locator(".notice").count() == 0
    assert page.evaluate("window.fired") is None
    assert [url for url in fetched if not url.startswith((live_server.url, "data:"))] == []


def test_a_growing_formula_becomes_one_when_it_is_whole(page: Any, double: Double) -> None:
    page.goto("/")
    double.ask()
    double.answer("The sum\n\n$$\na +", done="")
    expect(page.locator(".assistant .prose")).to_contain_text("a +")
    double.frame("text", text=" b\n$$\n\nis $c$.")
    expect(page.locator(".assistant .formula")).to_have_count(2)
    double.finish()
    expect(page.locator(".assistant .formula")).to_have_count(2)


@pytest.mark.parametrize("page", [{"permissions": ["clipboard-read", "clipboard-write"]}], indirect=True)
def test_code_names_its_language_and_is_copied(page: Any, double: Double) -> None:
    opened(page, double, answered("Do this:\n\n```python\nfor one in all:\n    print(one)\n```\n\n```\nplain\n```"))
    expect(page.locator(".code-head span")).to_have_text(["python", ""])
    expect(page.locator(".hljs-keyword").first).to_have_text("for")
    button = page.get_by_role("button", name="Copy this code").first
    button.focus()
    page.keyboard.press("Enter")
    expect(button).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == "for one in all:\n    print(one)"
    expect(button).to_be_focused()
    expect(button).to_have_text("Copy")


def test_a_very_long_listing_is_shown_without_colours(page: Any, double: Double) -> None:
    opened(page, double, answered("```python\n" + "x = 1  # more\n" * 3000 + "```"))
    expect(page.locator(".assistant pre")).to_contain_text("x = 1")
    page.wait_for_timeout(200)
    assert page.locator(".hljs-number").count() == 0


def test_wide_tables_code_and_formulas_scroll_inside_on_a_phone(page: Any, double: Double) -> None:
    wide = "|" + " a long head |" * 12 + "\n|" + "---|" * 12 + "\n|" + " cell |" * 12
    formula = "$$" + " + ".join(f"x_{{{number}}}" for number in range(60)) + "$$"
    opened(page, double, answered(f"{wide}\n\n```\n{'x' * 300}\n```\n\n{formula}"))
    page.set_viewport_size({"width": 390, "height": 800})
    expect(page.locator(".assistant .formula.display")).to_have_count(1)
    for scrolling in (".table-scroll", "pre", ".formula.display"):
        assert page.locator(f".assistant {scrolling}").evaluate("node => node.scrollWidth > node.clientWidth"), (
            scrolling
        )
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator("#scroller").evaluate("node => node.scrollWidth <= node.clientWidth")
