"""Which plots the system page has, and what is said above each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce

from chatapp.operations.figures.drawing import Axis, Plot, Series, Value, plot
from chatapp.operations.figures.histograms import FIRST_TOKEN_MS, TOKENS_A_SECOND, added, quantile
from chatapp.operations.figures.spans import Column, Span

Columns = Sequence[Column]


def plots_of(span: Span, columns: Columns) -> list[Plot]:
    axis = Axis([one.at for one in columns], span.shown, span.label_every)
    drawn = (_answers, _first_token, _speed, _queue, _cache, _cost, _ratings, _ingestion)
    return [one(columns, axis) for one in drawn]


def _answers(columns: Columns, axis: Axis) -> Plot:
    written, kept, failed = (_sum(columns, name) for name in ("answers", "cached", "failures"))
    summary = f"{written:,} written by engines, {kept:,} given before; {failed:,} tries of an engine failed."
    if asked := _sum(columns, "questions"):
        summary += f" {_sum(columns, 'unanswered'):,} of {asked:,} questions on the page got no whole answer."
    bars = (
        _series("written", "first", columns, lambda one: one.answers),
        _series("given before", "second", columns, lambda one: one.cached),
        _series("tries that failed", "bad", columns, lambda one: one.failures),
    )
    return plot("answers", "Answers", summary, axis, _number, bars=bars)


def _first_token(columns: Columns, axis: Axis) -> Plot:
    lines = (
        _series("half of them within", "first", columns, lambda one: _first(one.first_token, 0.5)),
        _series("95 % within", "second", columns, lambda one: _first(one.first_token, 0.95)),
    )
    together = _together([one.first_token for one in columns])
    summary = "No answer began in this time."
    if (half := _first(together, 0.5)) is not None and (most := _first(together, 0.95)) is not None:
        summary = f"Half of the answers began within about {_seconds(half)}, 95 % within about {_seconds(most)}."
    return plot("first-token", "Time to the first token", summary, axis, _seconds, lines=lines)


def _speed(columns: Columns, axis: Axis) -> Plot:
    def of(one: Column) -> Value:
        return quantile(one.speed, TOKENS_A_SECOND, 0.5)

    written, read = _sum(columns, "completion_tokens"), _sum(columns, "prompt_tokens")
    middle = quantile(_together([one.speed for one in columns]), TOKENS_A_SECOND, 0.5)
    summary = f"{written:,} tokens were written, {read:,} read."
    if middle is not None:
        summary = f"Half of the answers were written at about {middle:,.0f} tokens a second or more. {summary}"
    lines = (_series("tokens a second of an answer, in the middle", "first", columns, of),)
    return plot("speed", "Tokens a second", summary, axis, _number, lines=lines)


def _queue(columns: Columns, axis: Axis) -> Plot:
    most = _most(columns, "running"), _most(columns, "waiting")
    summary = f"At most {most[0]:,} answers on the page at a time, {most[1]:,} questions waiting for a model."
    lines = (
        _series("answers at a time", "first", columns, lambda one: one.running),
        _series("questions that wait for a model", "second", columns, lambda one: one.waiting),
    )
    return plot("queue", "Queue", summary, axis, _number, lines=lines)


def _cache(columns: Columns, axis: Axis) -> Plot:
    asked, kept = _sum(columns, "questions"), _sum(columns, "cached")
    share = f"{kept / asked:.0%}" if asked else "none"
    summary = f"{kept:,} of {asked:,} questions on the page were answered with what was kept: {share}."
    lines = (
        _series(
            "share of the questions", "first", columns, lambda o: 100 * o.cached / o.questions if o.questions else None
        ),
    )
    return plot("cache", "Answer cache", summary, axis, _percent, lines=lines)


def _cost(columns: Columns, axis: Axis) -> Plot:
    spent = float(sum(one.cost for one in columns))
    summary = f"{_money(spent)} in the currency of the prices." if spent else "Nothing with a price was asked."
    bars = (_series("cost", "first", columns, lambda one: float(one.cost)),)
    return plot("cost", "Cost", summary, axis, _money, bars=bars)


def _ratings(columns: Columns, axis: Axis) -> Plot:
    good, bad = _sum(columns, "good"), _sum(columns, "bad")
    summary = f"{good:,} good, {bad:,} bad."
    bars = (
        _series("good", "first", columns, lambda one: one.good),
        _series("bad", "bad", columns, lambda one: one.bad),
    )
    return plot("ratings", "Ratings", summary, axis, _number, bars=bars)


def _ingestion(columns: Columns, axis: Axis) -> Plot:
    ready, failed, passages = (_sum(columns, name) for name in ("documents", "documents_failed", "passages"))
    summary = f"{ready:,} documents became ready, {failed:,} failed; {passages:,} passages were embedded."
    bars = (
        _series("documents ready", "first", columns, lambda one: one.documents),
        _series("documents failed", "bad", columns, lambda one: one.documents_failed),
    )
    lines = (_series("documents that wait", "second", columns, lambda one: one.documents_waiting),)
    return plot("ingestion", "Ingestion", summary, axis, _number, bars=bars, lines=lines)


def _series(name: str, look: str, columns: Columns, value: Callable[[Column], Value]) -> Series:
    return Series(name, look, [value(one) for one in columns])


def _sum(columns: Columns, name: str) -> int:
    return sum(getattr(one, name) for one in columns)


def _most(columns: Columns, name: str) -> int:
    return max((getattr(one, name) or 0 for one in columns), default=0)


def _together(histograms: Sequence[list[int]]) -> list[int]:
    return reduce(added, histograms, [])


def _first(counts: Sequence[int], share: float) -> Value:
    return quantile(counts, FIRST_TOKEN_MS, share)


def _seconds(milliseconds: float) -> str:
    return f"{milliseconds:.0f} ms" if milliseconds < 1000 else f"{_number(round(milliseconds / 1000, 1))} s"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == round(value) or value >= 100 else f"{value:,.1f}"


def _percent(value: float) -> str:
    return f"{value:.0f} %"


def _money(value: float) -> str:
    return f"{value:,.2f}" if value >= 1 or not value else f"{value:.4g}"
