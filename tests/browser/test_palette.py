"""Commands by name and by key, drafts that wait, and passages quoted into the next question."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.double import CITATIONS, SOURCES, TURN, Double, answered, opened, stored
from tests.browser.test_accessibility import check

HOSTILE = "<img src=x onerror=window.fired=1>"


def drafts(page: Any) -> Any:
    return json.loads(page.evaluate("localStorage.getItem('drafts')") or "null")


def combobox(page: Any) -> Any:
    return page.get_by_role("combobox", name="Find a command or a conversation")


# -- the palette ---------------------------------------------------------------------------------------------------


def test_the_palette_leads_to_a_conversation_by_its_title(page: Any, double: Double) -> None:
    stored(double, answered())
    page.goto("/")
    expect(page.get_by_role("link", name="Leave")).to_be_visible()
    page.keyboard.press("Control+k")
    expect(combobox(page)).to_be_focused()
    page.keyboard.type("leav")
    options = page.get_by_role("option")
    expect(options).to_have_count(1)
    expect(options.first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(page.locator(".message.user")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_label("Your question")).to_be_focused()


def test_arrows_go_round_and_the_box_names_what_is_selected(page: Any, double: Double) -> None:
    page.goto("/")
    page.locator("#palette-button").click()
    box = combobox(page)
    expect(box).to_have_attribute("aria-expanded", "true")
    first = page.get_by_role("option").first
    last = page.get_by_role("option").last
    page.keyboard.press("ArrowUp")
    expect(last).to_have_attribute("aria-selected", "true")
    assert box.get_attribute("aria-activedescendant") == last.get_attribute("id")
    page.keyboard.press("ArrowDown")
    expect(first).to_have_attribute("aria-selected", "true")
    expect(page.locator("[role=option][aria-selected=true]")).to_have_count(1)
    page.keyboard.type("nothing of this name")
    expect(page.get_by_text("Nothing has this name.")).to_be_visible()
    assert box.get_attribute("aria-activedescendant") is None
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator("#palette-button")).to_be_focused()


def test_the_palette_stops_answers_again_and_changes_the_theme(page: Any, double: Double) -> None:
    page.goto("/")
    double.ask()
    double.answer(done="")

    def run(name: str) -> None:
        page.keyboard.press("Control+k")
        page.keyboard.type(name)
        page.keyboard.press("Enter")

    run("stop the")
    double.wait_for("stop", turn=TURN)
    double.finish("stopped")
    run("answer again")
    double.wait_for("regenerate")
    before = page.evaluate("document.documentElement.dataset.theme")
    run("theme")
    assert page.evaluate("document.documentElement.dataset.theme") != before


def test_only_what_can_be_done_now_is_offered(page: Any, double: Double) -> None:
    page.goto("/")
    page.keyboard.press("Control+k")
    expect(page.get_by_role("option", name="New chat")).to_be_visible()
    expect(page.get_by_role("option", name="Stop the answer")).to_have_count(0)
    expect(page.get_by_role("option", name="Answer again")).to_have_count(0)


def test_the_open_conversation_is_renamed_from_the_palette_as_in_its_menu(page: Any, double: Double) -> None:
    opened(page, double, answered())
    page.keyboard.press("Control+k")
    mine = page.get_by_role("option").filter(has_text="This conversation")
    names = ("Rename…", "Pin", "Move to a folder…", "Archive", "Share…", "Export as Markdown", "Delete…")
    for name in names:
        expect(mine.filter(has_text=name).first).to_be_attached()
    page.keyboard.type("rename")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Rename the conversation")).to_be_visible()


def test_a_temporary_chat_languages_and_the_way_out_are_commands(page: Any, double: Double) -> None:
    def run(name: str) -> None:
        page.keyboard.press("Control+k")
        page.keyboard.type(name)
        page.keyboard.press("Enter")

    page.goto("/")
    run("temporary")
    expect(page.locator("#temporary")).to_have_attribute("aria-pressed", "true")
    run("language")
    expect(page.locator("#languages")).to_be_visible()
    page.keyboard.press("Escape")
    run("sign out")
    page.wait_for_url("**/accounts/login/**")


def test_titles_in_the_palette_are_text_and_found_without_accents(page: Any, double: Double) -> None:
    stored(double, answered())
    double.conversations[0]["title"] = f"Übersicht {HOSTILE}"
    page.goto("/")
    expect(page.locator("li[data-conversation]")).to_have_count(2)
    page.keyboard.press("Control+k")
    page.keyboard.type("ubersicht")
    expect(page.get_by_role("option")).to_have_count(1)
    expect(page.get_by_role("option")).to_contain_text(HOSTILE)
    assert page.evaluate("window.fired") is None


def test_keys_are_explained_and_do_what_is_said(page: Any, double: Double) -> None:
    opened(page, double, answered())
    page.keyboard.press("Control+/")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(dialog).to_contain_text("Find a command or a conversation")
    page.keyboard.press("Escape")
    page.locator(".assistant").get_by_role("button", name="Copy").focus()
    page.keyboard.press("Shift+Escape")
    expect(page.get_by_label("Your question")).to_be_focused()
    page.keyboard.press("Control+Shift+O")
    expect(page.get_by_role("heading", name="Ask your documents")).to_be_visible()


# -- drafts --------------------------------------------------------------------------------------------------------


def test_each_conversation_keeps_its_own_draft_even_when_the_browser_is_closed(page: Any, double: Double) -> None:
    opened(page, double, answered())
    page.get_by_label("Your question").fill("About leave")
    page.get_by_role("link", name="Travel").click()
    expect(page.get_by_label("Your question")).to_have_value("")
    page.get_by_label("Your question").fill("About travel")
    later = page.context.new_page()
    stored(Double(later), answered())
    later.goto("/")
    later.get_by_role("link", name="Travel").click()
    expect(later.get_by_label("Your question")).to_have_value("About travel")


def test_the_tab_of_somebody_who_is_gone_neither_reads_nor_writes_drafts(page: Any, double: Double) -> None:
    page.goto("/")
    kept = page.evaluate(
        """async () => {
          const { Drafts, forgetDrafts } = await import("/static/js/drafts.js");
          const stale = new Drafts("alice");
          stale.put(null, "of alice");
          const now = new Drafts("bob");
          now.put("c1", "of bob");
          stale.put("c0", "of alice, later");
          const after = localStorage.getItem("drafts");
          forgetDrafts();
          stale.put("c0", "of alice, later");
          return [after, localStorage.getItem("drafts"), stale.get("c0")];
        }"""
    )
    assert json.loads(kept[0]) == {"person": "bob", "texts": [["c1", "of bob"]]}
    assert kept[1:] == [None, "of alice, later"]


def test_a_question_that_was_sent_leaves_no_draft(page: Any, double: Double) -> None:
    page.goto("/")
    double.ask("May I?")
    assert drafts(page)["texts"] == []


def test_drafts_are_few_and_bounded(page: Any, double: Double) -> None:
    page.goto("/")
    kept = page.evaluate("""async () => {
      const { Drafts } = await import("/static/js/drafts.js");
      const mine = new Drafts("somebody");
      for (let n = 0; n < 60; n += 1) mine.put(`c${n}`, "x".repeat(30_000));
      const again = new Drafts("somebody");
      return [again.texts.size, again.get("c59").length, again.get("c0")];
    }""")
    assert kept == [40, 20_000, ""]


def test_drafts_of_somebody_else_are_thrown_away(page: Any, double: Double) -> None:
    page.goto("/")
    page.get_by_label("Your question").fill("Mine alone")
    page.evaluate("""() => {
      const kept = JSON.parse(localStorage.getItem("drafts"));
      localStorage.setItem("drafts", JSON.stringify({ ...kept, person: "another" }));
    }""")
    page.reload()
    expect(page.get_by_label("Your question")).to_have_value("")
    assert drafts(page)["texts"] == []


@pytest.mark.parametrize("kept", ["no json", '{"texts": 5}', '{"person": 1, "texts": [[1, 2]]}', "null"])
def test_what_is_broken_in_the_store_is_no_harm(page: Any, double: Double, kept: str) -> None:
    page.goto("/")
    page.evaluate("kept => localStorage.setItem('drafts', kept)", kept)
    page.reload()
    page.get_by_label("Your question").fill("Still works")
    page.reload()
    expect(page.get_by_label("Your question")).to_have_value("Still works")
    assert page.problems == []


@pytest.mark.parametrize(
    ("way", "address", "button"),
    [
        ("the chat", "", "Sign out"),
        ("the page that asks first", "/accounts/logout/", "Sign out"),
        ("where a sign-in is too old", "/accounts/again/", "Sign out"),
        ("the administration", "/admin/", "Log out"),
    ],
)
def test_signing_out_takes_the_drafts_along(page: Any, double: Double, way: str, address: str, button: str) -> None:
    page.goto("/")
    page.get_by_label("Your question").fill("For nobody else")
    assert drafts(page)["texts"]
    if address:
        page.goto(address)
        assert drafts(page)["texts"]
    page.get_by_role("button", name=button).click()
    page.wait_for_function("!document.querySelector('form[action*=\"/logout/\"], form[data-sign-out]')")
    assert drafts(page) is None


# -- quoting -------------------------------------------------------------------------------------------------------

SELECT = "node => getSelection().selectAllChildren(node)"


def test_a_passage_of_an_answer_is_quoted_into_the_question(page: Any, double: Double) -> None:
    opened(page, double, answered() | {"sources": SOURCES, "citations": CITATIONS})
    page.get_by_label("Your question").fill("Is that so?")
    page.locator(".assistant .block p").first.evaluate(SELECT)
    page.get_by_role("button", name="Quote in the question").click()
    box = page.get_by_label("Your question")
    expect(box).to_have_value("> Yes. You may carry up to five days of unused leave into the next year.\n\nIs that so?")
    expect(box).to_be_focused()
    expect(page.get_by_role("button", name="Quote in the question")).to_be_hidden()


def test_a_source_is_quoted_by_key_and_a_formula_as_it_was_written(page: Any, double: Double) -> None:
    opened(page, double, answered("So $a^2$ it is [1].") | {"sources": SOURCES, "citations": CITATIONS})
    expect(page.locator(".assistant .formula")).to_have_count(1)
    page.locator(".assistant .block p").evaluate(SELECT)
    button = page.get_by_role("button", name="Quote in the question")
    expect(button).to_have_attribute("aria-keyshortcuts", "Control+Shift+. Meta+Shift+.")
    page.keyboard.press("Control+Shift+Period")
    expect(page.get_by_label("Your question")).to_have_value("> So $a^2$ it is .\n\n")
    page.get_by_label("Your question").fill("")
    page.locator(".cite").first.click()
    passage = page.locator("#source-panel .passage")
    expect(passage).to_contain_text("Up to five days")
    passage.evaluate(SELECT)
    page.keyboard.press("Control+Shift+Period")
    expect(page.get_by_label("Your question")).to_have_value(
        "> Up to five days of unused leave may be\n"
        "> carried over into the next year. Ask your manager before the end of November.\n\n"
    )


def test_nothing_else_can_be_quoted(page: Any, double: Double) -> None:
    opened(page, double, answered())
    page.locator(".message.user .prose").evaluate(SELECT)
    page.wait_for_timeout(300)
    expect(page.get_by_role("button", name="Quote in the question")).to_be_hidden()
    page.keyboard.press("Control+Shift+Period")
    expect(page.get_by_label("Your question")).to_have_value("")


# -- for everyone --------------------------------------------------------------------------------------------------


def test_the_palette_the_keys_the_quote_button_formulas_and_code_pass_axe(page: Any, double: Double) -> None:
    opened(page, double, answered("So $a^2$ it is.\n\n$$\nb\n$$\n\n```python\nx = 1\n```"))
    expect(page.locator(".assistant .formula")).to_have_count(2)
    page.locator(".assistant .block p").first.evaluate(SELECT)
    expect(page.get_by_role("button", name="Quote in the question")).to_be_visible()
    check(page)
    page.keyboard.press("Control+k")
    expect(combobox(page)).to_be_visible()
    check(page)
    page.keyboard.press("Escape")
    page.keyboard.press("Control+/")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    check(page)
