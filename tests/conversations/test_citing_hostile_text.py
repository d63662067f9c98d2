"""A model, or a document, may write anything: citing it takes no longer than the text is long."""

from __future__ import annotations

import random
import re

import pytest

from chatapp.conversations import citing
from chatapp.conversations.admission import title_of
from chatapp.conversations.citing import MarkFilter, cite
from inference.engine import Source
from tests.effort import grows_evenly

UNITS = ["A. ", "Mr. ", "“", "“a ", '"', '"aaa ', "“aaa” ", "”", "[", "[1", "[1]", "[2] ", ". ", "\n", " ", "ay"]
_PLAIN = re.compile(r"[“\"]([^”\"]{3,})[”\"]\s*$")


@pytest.mark.parametrize("unit", UNITS)
def test_no_answer_and_no_passage_takes_more_than_its_length(unit: str) -> None:
    assert grows_evenly(lambda text: cite(text + "[1] “" + text + "” [2]", _sources("Leave. It is 28 days.")), unit)
    assert grows_evenly(lambda text: cite("It is 28 days. [1] “yes, yes” [2]", _sources(text)), unit)
    assert grows_evenly(lambda text: MarkFilter(frozenset({1})).push(text), unit)


def _sources(text: str) -> list[Source]:
    return [Source(number, "a.md", text, score=1.0) for number in (1, 2)]


def test_what_is_quoted_at_the_end_is_found_as_the_plain_expression_finds_it() -> None:
    rng = random.Random(5)
    for _ in range(20_000):
        claim = "".join(rng.choices(['"', "“", "”", "a", "bcd", " ", "\n", "."], k=rng.randrange(12)))
        found = _PLAIN.search(claim.rstrip())
        assert citing._quoted(claim) == (found[1] if found else ""), claim


def test_a_quotation_of_nothing_is_not_cited() -> None:
    (cited, *_) = cite("“   ” [1]", _sources("It is 28 days."))
    assert cited.quote == "It is 28 days."


@pytest.mark.parametrize("unit", ["A. ", "Mr. ", "# ", "a", " a", "e.g. "])
def test_only_the_start_of_a_question_is_looked_at_for_the_title(unit: str) -> None:
    assert grows_evenly(title_of, unit)
    assert title_of((unit * 500)[:500]) == title_of(unit * 10_000)
    assert len(title_of(unit * 10_000)) <= 61


def test_a_question_of_signs_alone_is_its_own_title() -> None:
    assert (title_of("###"), title_of("# Leave")) == ("###", "Leave")
