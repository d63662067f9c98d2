"""What an answer says is looked for in the passages that it names."""

from __future__ import annotations

import pytest

from chatapp.safety.groundedness.checking import unsupported
from inference.engine import Source

LEAVE = "All employees of Hartmann have 25 days of leave a year. Leave that was not taken ends on 31 March 2025."
PAY = "Pay is transferred on the 27th of each month by Frau Lindner. The bonus is EUR 1.500,00 or 7.50 % of the pay."
SOURCES = [Source(1, "Leave.pdf", LEAVE, "Leave", 1, 1.0), Source(2, "Pay.pdf", PAY, "Pay", 1, 0.9)]


def marked(text: str, question: str = "") -> list[str]:
    return [text[start:end] for start, end in unsupported(text, SOURCES, question)]


@pytest.mark.parametrize(
    "said",
    [
        "Employees have 25 days of leave a year [1].",
        "Employees of **Hartmann** have *25 days* of leave [1]. Leave not taken ends on 31 March 2025 [1].",
        "Pay is transferred on the 27th by Frau Lindner. [2] Employees have 25 days of leave. [1]",
        "The bonus is 1,500 euros or 7.5 % of the pay [2].",
        "Leave ends on 31 March 2025, and pay is transferred on the 27th of the month [1][2].",
        "1. All employees have 25 days of leave [1].\n2. Pay is transferred each month by Lindner [2].",
        "The documents do not say how many days of leave apprentices in Dresden have.",
        "Do you want to know about the leave of employees in Dresden?",
        "Here is what the documents of Dresden say:\n\n- 25 days of leave a year [1]",
        "## Rules of Dresden for leave\n\nEmployees have 25 days of leave [1].",
        "In Dresden, employees have 25 days of leave a year [1].",
        "Yes.",
    ],
)
def test_what_the_passages_hold_is_not_marked(said: str) -> None:
    assert marked(said, question="How many days of leave are there in Dresden?") == []


@pytest.mark.parametrize(
    ("said", "sentences"),
    [
        ("Employees have 30 days of leave a year [1].", ["Employees have 30 days of leave a year [1]."]),
        ("Employees of Siemens have 25 days of leave [1].", ["Employees of Siemens have 25 days of leave [1]."]),
        (
            "Pay is transferred on the 27th by Frau Lindner [1].",
            ["Pay is transferred on the 27th by Frau Lindner [1]."],
        ),
        ("The cafeteria serves vegetarian dishes on Fridays [1].", None),
        ("Employees have 25 days of leave [7].", ["Employees have 25 days of leave [7]."]),
        (
            "Employees have 25 days of leave [1]. The bonus is EUR 2,500 [2]. Pay is transferred on the 27th [2].",
            ["The bonus is EUR 2,500 [2]."],
        ),
        ("Employees have 25 days of leave. [1] The gym is free for thirty guests. [1]", None),
    ],
)
def test_what_they_do_not_hold_is_marked(said: str, sentences: list[str] | None) -> None:
    found = marked(said)
    assert found == sentences if sentences is not None else len(found) == 1


def test_nothing_is_marked_where_nothing_was_read() -> None:
    assert unsupported("The cafeteria serves vegetarian dishes [1].", []) == []


def test_a_long_and_hostile_answer_takes_little_time() -> None:
    for text in ("[1]" * 7000, "1" * 20_000, "A." * 10_000, "`" * 20_000, "the source " * 2000, "1,1" * 7000):
        unsupported(text, SOURCES)


GERMAN = (
    "Beschäftigte haben 25 Urlaubstage im Jahr. Der Urlaub ist bis zum 31. März zu nehmen, sonst wird er gestrichen."
)


@pytest.mark.parametrize(
    ("said", "passage", "held"),
    [
        ("Alle Beschäftigten haben im Jahr einen Urlaub von 25 Tagen [1].", GERMAN, True),
        ("Alle Beschäftigten haben im Jahr einen Urlaub von 27 Tagen [1].", GERMAN, False),
        ("In der Kantine gibt es freitags vegetarische Gerichte für die Gäste [1].", GERMAN, False),
        ("Die Beschäftigten haben 25 Tage Urlaub, und das ist in jedem Jahr so [1].", LEAVE, True),
        ("Die Beschäftigten haben 30 Tage Urlaub, und das ist in jedem Jahr so [1].", LEAVE, False),
    ],
)
def test_other_languages_are_looked_at_as_far_as_they_can_be(said: str, passage: str, held: bool) -> None:
    assert (unsupported(said, [Source(1, "a.pdf", passage, "", 1, 1.0)]) == []) is held
