from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st

from retrieval.evaluation import formats, measures, sets
from retrieval.evaluation.errors import BadQuestionSet, UnknownEvaluation
from retrieval.evaluation.models import Frozen, Question, QuestionSetVersion
from retrieval.evaluation.rows import Row, Target, digest
from tests.evaluation.conftest import QUESTIONS, as_jsonl

ROWS = formats.read(as_jsonl(QUESTIONS), "rules.jsonl")


def test_the_same_questions_are_the_same_version(db: None) -> None:
    first = sets.freeze("Rules", ROWS)
    again = sets.freeze("Rules", list(reversed(ROWS)), origin="another file")
    assert (first.new, again.new) == (True, False)
    assert again.version == first.version and sets.rows_of(again.version) == ROWS


def test_other_questions_are_another_version(db: None) -> None:
    first, second = sets.freeze("Rules", ROWS), sets.freeze("Rules", ROWS[:2])
    assert [str(first.version), str(second.version)] == ["Rules@1", "Rules@2"]
    assert sets.find("Rules") == second.version
    assert sets.find("Rules@1") == first.version
    for name in ("Rules@3", "Rules@x", "Others", "@1", ""):
        with pytest.raises(UnknownEvaluation):
            sets.find(name)


def test_a_version_never_changes(transactional_db: None) -> None:
    version = sets.freeze("Rules", ROWS).version
    question = version.rows.all()[0]
    for one in (version, question):
        with pytest.raises(Frozen):
            one.save()
    for rows, values in (
        (Question.objects.all(), {"text": "Another?"}),
        (QuestionSetVersion.objects.all(), {"sha256": "0" * 64}),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            rows.update(**values)
    assert sets.rows_of(version) == ROWS
    QuestionSetVersion.objects.update(created_by=None)  # who made it may be forgotten


def test_an_export_can_be_imported_again() -> None:
    assert formats.read(formats.write_jsonl(ROWS).encode(), "x.jsonl") == ROWS
    assert formats.read(formats.write_csv(ROWS).encode(), "x.csv") == ROWS


_WORDS = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=20)
_TARGETS = st.builds(
    Target, document=_WORDS, collection=st.just(""), page=st.none() | st.integers(1, 9000), quote=_WORDS | st.just("")
)


@given(
    st.lists(
        st.builds(
            Row,
            question=_WORDS,
            targets=st.lists(_TARGETS, min_size=1, max_size=4, unique=True).map(tuple),
            answer=_WORDS,
            tags=st.sets(_WORDS, max_size=3).map(lambda tags: tuple(sorted(tags))),
            language=st.sampled_from(["", "de"]),
        ),
        min_size=1,
        max_size=4,
        unique=True,
    )
)
def test_any_set_survives_both_formats(rows: list[Row]) -> None:
    read = formats.read(formats.write_jsonl(rows).encode(), "x.jsonl")
    assert formats.read(formats.write_csv(read).encode(), "x.CSV") == read
    assert digest(read) == digest(list(reversed(read)))


@pytest.mark.parametrize(
    ("content", "name", "told"),
    [
        (b"", "x.jsonl", "no question"),
        (b"\n{]\n", "x.jsonl", "Line 2: this is not JSON"),
        (b"[" * 100_000, "x.jsonl", "Line 1: this is not JSON"),
        (b"3", "x.jsonl", "Line 1: this is not a JSON object"),
        (b"\xff\xfe", "x.jsonl", "Line 1: this is not UTF-8"),
        (b'{"question": " ", "relevant": ["a"]}', "x.jsonl", "Line 1: The question is empty"),
        (b'{"question": "a?", "relevant": []}', "x.jsonl", "Line 1: `relevant`"),
        (b'{"question": "a?", "relevant": [{"page": 3}]}', "x.jsonl", "needs a `document` or a `quote`"),
        (b'{"question": "a?", "relevant": [{"document": "a", "page": true}]}', "x.jsonl", "whole number"),
        (b'{"question": "a?", "relevant": ["a"], "gold": 1}', "x.jsonl", "'gold' is not a field"),
        (b'{"question": "a?", "relevant": ["a"]}\n' * 2, "x.jsonl", "Line 2: the same as line 1"),
        (json.dumps({"question": "a" * 2001, "relevant": ["a"]}).encode(), "x.jsonl", "longer than 2000"),
        (b"question,gold\na?,b\n", "x.csv", "Line 1: the columns are"),
        (b"question,documents,pages\na?,b,three\n", "x.csv", "Line 2: 'three' is no page"),
        (b'question,documents\n"a?,b\n', "x.csv", "Line 2: this is not CSV"),
        (b"question,documents\na?,b,c\n", "x.csv", "Line 2: not as many cells"),
        (b"question,documents\n" + b'"' + b"a" * 200_000 + b'",b\n', "x.csv", "Line 2"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(content: bytes, name: str, told: str) -> None:
    with pytest.raises(BadQuestionSet, match=told.replace("[", "\\[")):
        formats.read(content, name)


def test_more_questions_than_fit_are_refused() -> None:
    many: list[dict[str, Any]] = [{"question": f"{n}?", "relevant": ["a"]} for n in range(10_001)]
    with pytest.raises(BadQuestionSet, match="Line 10001: a question set has at most 10000"):
        formats.read(as_jsonl(many), "x.jsonl")


@pytest.mark.parametrize(
    ("ranks", "measure", "value"),
    [
        ([1], "nDCG@10", 1.0),
        ([2], "nDCG@10", 0.6309),
        ([1, 2], "nDCG@10", 1.0),
        ([1, None], "nDCG@10", 0.6131),
        ([11], "nDCG@10", 0.0),
        ([1, 1], "nDCG@10", 1.0),  # one passage that holds both answers
        ([4, 2], "MRR@10", 0.5),
        ([11, None], "MRR@10", 0.0),
        ([1, 6, None], "recall@5", 1 / 3),
        ([1, 6, None], "recall@10", 2 / 3),
        ([6], "hit@5", 0.0),
        ([30], "nothing found", 0.0),
        ([None], "nothing found", 1.0),
    ],
)
def test_measures_are_as_defined(ranks: measures.Ranks, measure: str, value: float) -> None:
    assert measures.MEASURES[measure](ranks) == pytest.approx(value, abs=1e-4)
