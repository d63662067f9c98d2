"""Which plots the system page has, and what is said above each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce

from django.utils.formats import number_format
from django.utils.translation import gettext as _

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
    told = {"written": _number(written), "kept": _number(kept), "failed": _number(failed)}
    summary = _("%(written)s written by engines, %(kept)s given before; %(failed)s tries of an engine failed.") % told
    if asked := _sum(columns, "questions"):
        without = {"number": _number(_sum(columns, "unanswered")), "all": _number(asked)}
        summary += " " + _("%(number)s of %(all)s questions on the page got no whole answer.") % without
    bars = (
        _series(_("written"), "first", columns, lambda one: one.answers),
        _series(_("given before"), "second", columns, lambda one: one.cached),
        _series(_("tries that failed"), "bad", columns, lambda one: one.failures),
    )
    return plot("answers", _("Answers"), summary, axis, _number, bars=bars)


def _first_token(columns: Columns, axis: Axis) -> Plot:
    lines = (
        _series(_("half of them within"), "first", columns, lambda one: _first(one.first_token, 0.5)),
        _series(_("95 % within"), "second", columns, lambda one: _first(one.first_token, 0.95)),
    )
    together = _together([one.first_token for one in columns])
    summary = _("No answer began in this time.")
    if (half := _first(together, 0.5)) is not None and (most := _first(together, 0.95)) is not None:
        told = {"half": _seconds(half), "most": _seconds(most)}
        summary = _("Half of the answers began within about %(half)s, 95 %% within about %(most)s.") % told
    return plot("first-token", _("Time to the first token"), summary, axis, _seconds, lines=lines)


def _speed(columns: Columns, axis: Axis) -> Plot:
    def of(one: Column) -> Value:
        return quantile(one.speed, TOKENS_A_SECOND, 0.5)

    written, read = _sum(columns, "completion_tokens"), _sum(columns, "prompt_tokens")
    middle = quantile(_together([one.speed for one in columns]), TOKENS_A_SECOND, 0.5)
    summary = _("%(written)s tokens were written, %(read)s read.") % {
        "written": _number(written),
        "read": _number(read),
    }
    if middle is not None:
        half = _("Half of the answers were written at about %(number)s tokens a second or more.")
        summary = f"{half % {'number': _number(round(middle))}} {summary}"
    lines = (_series(_("tokens a second of an answer, in the middle"), "first", columns, of),)
    return plot("speed", _("Tokens a second"), summary, axis, _number, lines=lines)


def _queue(columns: Columns, axis: Axis) -> Plot:
    most = _most(columns, "running"), _most(columns, "waiting")
    told = {"answers": _number(most[0]), "questions": _number(most[1])}
    summary = (
        _("At most %(answers)s answers on the page at a time, %(questions)s questions waiting for a model.") % told
    )
    lines = (
        _series(_("answers at a time"), "first", columns, lambda one: one.running),
        _series(_("questions that wait for a model"), "second", columns, lambda one: one.waiting),
    )
    return plot("queue", _("Queue"), summary, axis, _number, lines=lines)


def _cache(columns: Columns, axis: Axis) -> Plot:
    asked, kept = _sum(columns, "questions"), _sum(columns, "cached")
    told = {"kept": _number(kept), "all": _number(asked), "share": f"{kept / asked:.0%}" if asked else _("none")}
    summary = _("%(kept)s of %(all)s questions on the page were answered with what was kept: %(share)s.") % told
    lines = (
        _series(
            _("share of the questions"),
            "first",
            columns,
            lambda o: 100 * o.cached / o.questions if o.questions else None,
        ),
    )
    return plot("cache", _("Answer cache"), summary, axis, _percent, lines=lines)


def _cost(columns: Columns, axis: Axis) -> Plot:
    spent = float(sum(one.cost for one in columns))
    summary = _("Nothing with a price was asked.")
    if spent:
        summary = _("%(amount)s in the currency of the prices.") % {"amount": _money(spent)}
    bars = (_series(_("cost"), "first", columns, lambda one: float(one.cost)),)
    return plot("cost", _("Cost"), summary, axis, _money, bars=bars)


def _ratings(columns: Columns, axis: Axis) -> Plot:
    good, bad = _sum(columns, "good"), _sum(columns, "bad")
    summary = _("%(good)s good, %(bad)s bad.") % {"good": _number(good), "bad": _number(bad)}
    bars = (
        _series(_("good"), "first", columns, lambda one: one.good),
        _series(_("bad"), "bad", columns, lambda one: one.bad),
    )
    return plot("ratings", _("Ratings"), summary, axis, _number, bars=bars)


def _ingestion(columns: Columns, axis: Axis) -> Plot:
    ready, failed, passages = (_sum(columns, name) for name in ("documents", "documents_failed", "passages"))
    told = {"ready": _number(ready), "failed": _number(failed), "passages": _number(passages)}
    summary = _("%(ready)s documents became ready, %(failed)s failed; %(passages)s passages were embedded.") % told
    bars = (
        _series(_("documents ready"), "first", columns, lambda one: one.documents),
        _series(_("documents failed"), "bad", columns, lambda one: one.documents_failed),
    )
    lines = (_series(_("documents that wait"), "second", columns, lambda one: one.documents_waiting),)
    return plot("ingestion", _("Ingestion"), summary, axis, _number, bars=bars, lines=lines)


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
    return number_format(value, 0 if value == round(value) or value >= 100 else 1, force_grouping=True)


def _percent(value: float) -> str:
    return f"{value:.0f} %"


def _money(value: float) -> str:
    if value >= 1 or not value:
        return number_format(value, 2, force_grouping=True)
    return number_format(f"{value:.4g}") if "e" not in f"{value:.4g}" else f"{value:.4g}"
