"""What plots are made of: counts by size, columns of time, shapes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from chatapp.operations.figures.drawing import Axis, Plot, Series, plot
from chatapp.operations.figures.histograms import added, counted, quantile
from chatapp.operations.figures.spans import SPANS, Span, span_of

NOW = datetime(2026, 11, 22, 5, 47, 12, tzinfo=UTC)


def drawn(*values: float | None, bars: bool = False) -> Plot:
    axis = Axis([NOW + timedelta(minutes=n) for n in range(len(values))], "%H:%M", 2)
    series = [Series("one", "first", values)]
    given = {"bars": series} if bars else {"lines": series}
    return plot("key", "Title", "Summary", axis, lambda value: f"{value:g}", **given)


def test_a_quantile_lies_within_its_place() -> None:
    ends = (10, 20, 40)
    assert quantile(counted([(1, 4)], ends), ends, 0.5) == 15
    assert quantile([1, 0, 0, 1], ends, 0.95) == 40, "what is larger than the last end is told as that"
    assert quantile([], ends, 0.5) is None and quantile([0, 0, 0, 0], ends, 0.5) is None


def test_counts_are_added_place_by_place_and_an_empty_one_adds_nothing() -> None:
    assert added([1, 2], [3, 4]) == [4, 6]
    assert added([], [3, 4]) == [3, 4] and added([3, 4], []) == [3, 4]


@pytest.mark.parametrize("span", SPANS, ids=lambda one: one.key)
def test_the_last_column_is_the_one_in_which_we_are(span: Span) -> None:
    last = span.begins(NOW) + (span.columns - 1) * span.column
    assert last <= NOW < last + span.column


def test_a_span_that_is_not_there_is_the_hour() -> None:
    assert span_of("century").key == "hour"


@pytest.mark.parametrize("highest", [0, 0.0004, 0.03, 1, 3, 5, 7, 50, 99_999])
def test_levels_are_few_and_even_and_the_last_is_above_all(highest: float) -> None:
    found = [float(tick.label) for tick in drawn(highest, bars=True).levels]
    steps = {round(after - before, 9) for before, after in pairwise(found)}
    assert found[0] == 0 and found[-1] >= highest and 2 <= len(found) <= 6 and len(steps) == 1
    assert highest != int(highest) or all(one == int(one) for one in found), "nothing is counted in halves"


def test_a_line_has_a_gap_where_nothing_is_known() -> None:
    lines = drawn(1, 2, None, 3, 4).lines
    assert len(lines) == 2 and all(len(one.points.split()) == 2 for one in lines)


def test_a_single_value_between_gaps_is_seen() -> None:
    (line,) = drawn(None, 5, None).lines
    (x1, y1), (x2, y2) = (point.split(",") for point in line.points.split())
    assert float(x2) > float(x1) and y1 == y2


def test_bars_stand_on_one_another() -> None:
    axis = Axis([NOW], "%H:%M", 1)
    series = [Series("below", "first", [1.0]), Series("above", "bad", [3.0])]
    below, above = plot("key", "Title", "Summary", axis, str, bars=series).bars
    assert above.y + above.height == pytest.approx(below.y, abs=0.2)
    assert above.height == pytest.approx(3 * below.height, rel=0.02)


def test_the_table_leaves_out_times_at_which_nothing_was() -> None:
    assert [values for _, values in drawn(0, 2, 0, bars=True).table] == [["2"]]
    assert [values for _, values in drawn(0, None, 2).table] == [["0"], ["2"]]
    assert drawn(0, 0, bars=True).empty and drawn(None).empty


def test_each_column_says_what_it_holds_when_one_points_at_it() -> None:
    known, unknown = drawn(2, None).hints
    assert known.text.endswith("one: 2") and unknown.text.endswith("nothing is known")
