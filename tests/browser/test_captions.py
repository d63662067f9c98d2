"""What stands under an answer, and in what it leads to: who wrote it, why others did not, and advice for whom."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.double import SOURCES, Double, answered, opened

QUOTED = "“Up to five days of unused leave may be carried over” [1]"
NOTHING = "The documents do not say, as far as I can find."


def test_an_engine_that_failed_before_its_first_word_is_no_writer_and_its_failure_stays_visible(
    page: Any, double: Double
) -> None:
    page.goto("/")
    double.ask()
    double.frame("sources", sources=SOURCES)
    double.frame("writer", engine="api: fake-1", note="")
    double.frame("writer", engine="extractive", note="fake-1 could not be reached.")
    double.frame("text", text=QUOTED)
    double.finish(engine="extractive")
    writer = page.locator(".writer")
    expect(writer).to_contain_text("Quoted from the documents")
    expect(writer).to_contain_text("fake-1 could not be reached.")
    expect(writer).to_contain_text("quoted word for word.")
    expect(writer).not_to_contain_text("Written by")
    expect(writer).not_to_contain_text("no language model is in use")
    writers = [{"engine": "extractive", "from": 0, "note": "fake-1 could not be reached."}]
    opened(page, double, answered(QUOTED) | {"engine": "extractive", "written_by": writers})
    expect(writer).to_contain_text("fake-1 could not be reached.")


@pytest.mark.parametrize("note", ["", "fake-1 could not be reached."])
def test_an_answer_that_quotes_nothing_does_not_say_that_it_quotes(page: Any, double: Double, note: str) -> None:
    writers = [{"engine": "extractive", "from": 0, "note": note}]
    opened(page, double, answered(NOTHING) | {"engine": "extractive", "written_by": writers})
    expect(page.locator(".writer")).to_contain_text("Answered without a language model")
    expect(page.locator(".writer")).to_contain_text(note)
    expect(page.locator(".writer")).not_to_contain_text("uoted")


def test_a_model_that_broke_off_and_nothing_to_quote_is_the_writer_alone(page: Any, double: Double) -> None:
    writers = [{"engine": "api: fake-1", "from": 0}, {"engine": "extractive", "from": 10, "note": "fake-1 broke off."}]
    opened(page, double, answered("Nine days \n\n") | {"engine": "extractive", "written_by": writers})
    expect(page.locator(".writer")).to_have_text("Written by fake-1 (over an API)fake-1 broke off.")


@pytest.mark.parametrize("note", ["", "fake-1 could not be reached."])
def test_only_administrators_are_told_how_to_add_a_model(page: Any, double: Double, person: Any, note: str) -> None:
    person.is_superuser = False
    person.save()
    writers = [{"engine": "extractive", "from": 0, "note": note}]
    opened(page, double, answered(QUOTED) | {"engine": "extractive", "written_by": writers})
    expect(page.locator(".writer")).to_contain_text("Quoted from the documents")
    expect(page.get_by_role("button", name="How to add a model")).to_have_count(0)
    expect(page.get_by_role("button", name="Who can answer")).to_have_count(0)
    added = page.get_by_text("Your administrator can add a language model.")
    expect(added).to_have_count(0 if note else 1)


@pytest.mark.parametrize("administrator", [True, False])
def test_only_administrators_are_shown_commands_when_an_answer_fails(
    page: Any, double: Double, person: Any, administrator: bool
) -> None:
    person.is_superuser = administrator
    person.save()
    page.goto("/")
    double.ask()
    advice = "Add one with `manage.py models pull`."
    double.frame("error", code="engine_unavailable", message="No model is there.", advice=advice, retryable=True)
    double.finish("failed")
    problem = page.locator(".notice.problem")
    expect(problem).to_contain_text("No model is there.")
    expect(problem).to_contain_text("manage.py models pull" if administrator else "Tell your administrator.")
    expect(problem.locator("code")).to_have_count(1 if administrator else 0)


def test_an_engine_that_has_just_failed_is_not_said_to_answer_now(page: Any, double: Double) -> None:
    failed = "It could not be reached. It is asked again soon."
    copies = [
        {"name": "local: m", "outside": False, "problem": failed, "advice": "", "now": False},
        {"name": "local: m", "outside": False, "problem": "", "advice": "", "now": True},
    ]
    double.engines = {"answering": "local: m", "engines": copies}
    page.goto("/")
    page.get_by_role("button", name="Models").click()
    engines = page.get_by_role("dialog", name="Who can answer").locator(".engine")
    expect(engines.first).to_contain_text("Not available")
    expect(engines.first).to_contain_text(failed)
    expect(engines.last).to_contain_text("Answers now")


def test_the_models_dialog_says_for_whom_each_is(page: Any, double: Double) -> None:
    well = {
        "outside": False,
        "problem": "",
        "advice": "",
        "meant_for": "",
        "elsewhere": False,
        "now": False,
        "place": 1,
    }
    rows = [
        {"name": "api: gamma", "meant_for": "for questions in German", "place": None},
        {"name": "local: m", "meant_for": "for 50% of the people first", "now": True},
        {"name": "local: n", "meant_for": "for 50% of the people first", "now": True},
        {"name": "house: costly", "meant_for": "while enough of its budget is left", "place": 2},
        {"name": "extractive", "place": 3},
        {"name": "house: delta", "meant_for": "for programs that name its route", "elsewhere": True, "place": None},
    ]
    double.engines = {"answering": "local: m", "engines": [well | row for row in rows]}
    page.goto("/")
    page.get_by_role("button", name="Models").click()
    engines = page.get_by_role("dialog", name="Who can answer").locator(".engine")
    expect(engines.nth(0)).to_contain_text("For questions in German.")
    states = ["Answers some", "Answers now", "Answers now", "Takes over", "Takes over", "Other routes"]
    expect(engines.locator(".badge")).to_have_text(states)


def test_passages_of_an_answer_that_cites_none_are_one_line_to_unfold(page: Any, double: Double) -> None:
    opened(page, double, answered("Nothing is cited.") | {"sources": SOURCES, "citations": []})
    line = page.get_by_text("The answer names no source. 2 passages were found")
    expect(line).to_be_visible()
    expect(page.locator(".source").first).to_be_hidden()
    line.click()
    expect(page.locator(".source").first).to_be_visible()


def of_collection(source: dict[str, Any], name: str) -> dict[str, Any]:
    return source | {"document": source["document"] | {"collection": name}}


@pytest.mark.parametrize(("second", "named"), [("Finance", True), ("Handbook", False)])
def test_sources_name_their_collection_where_there_are_several(
    page: Any, double: Double, second: str, named: bool
) -> None:
    sources = [of_collection(SOURCES[0], "Handbook"), of_collection(SOURCES[1], second)]
    opened(page, double, answered() | {"sources": sources})
    where = page.locator(".source-where")
    expect(where.first).to_have_text(f"{'Handbook · ' * named}page 12 · Leave › Carrying days over")
    expect(where.last).to_have_text(f"{'Finance · ' * named}Approval")
