"""The table: how much of each set a stage finds, how often it cries wolf, and what it costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.filters import sets, stages
from benchmarks.filters.learning import Embed
from benchmarks.filters.lessons import rude
from benchmarks.filters.sets import Row
from benchmarks.filters.stages import Stage
from chatapp.safety.learned.heads import Heads

_TIMED = 200  # rows


@dataclass(frozen=True, slots=True)
class Measured:
    """One set: what of it is to be found, what is not, and by which kinds."""

    name: str
    found: Sequence[Row]
    left: Sequence[Row]
    kinds: tuple[str, ...]


def table(data: Path, split: str, heads_of: Callable[[Row], Heads], embed: Embed, live: Embed) -> None:
    ordinary = _unlearned(sets.questions(data, "squad-dev-v1.1", split, 2000))
    print(f"\n{split}: recall, false alarms and F1; `ordinary`: false alarms on {len(ordinary)} questions of SQuAD")
    alarms: dict[tuple[str, ...], dict[str, float]] = {}
    for measured in _measured(data, split):
        print(f"\n{measured.name}: {len(measured.found)} to be found, {len(measured.left)} not", flush=True)
        compared = _stages(data, measured.kinds, heads_of, embed)
        if measured.kinds not in alarms:
            alarms[measured.kinds] = {stage.name: _share(stage, ordinary) for stage in compared}
        for stage in compared:
            _line(stage, measured, alarms[measured.kinds][stage.name])
    _costs(data, split, heads_of, live)


def _measured(data: Path, split: str) -> list[Measured]:
    moderation = sets.labelled(data, "openai-moderation", split)
    clean = [row for row in moderation if row.label == "clean"]
    xstest = _unlearned(sets.labelled(data, "xstest", split))
    toxic, rules = ("toxicity",), ("jailbreak",)
    documents = [*sets.contexts(data, split), *_of_split(data, split)]
    return [
        _set("davidson, hate and offensive", sets.labelled(data, "davidson-hate", split), "neither", toxic),
        _set("hatecheck", _unlearned(sets.labelled(data, "hatecheck", split)), "non-hateful", toxic),
        _set("surge", sets.labelled(data, "surge-toxicity", split), "clean", toxic),
        Measured("openai-moderation, all", [r for r in moderation if r not in clean], clean, ("self_harm", "toxicity")),
        Measured("openai-moderation, rude", [r for r in moderation if rude(r)], clean, toxic),
        Measured(
            "openai-moderation, self-harm",
            [row for row in moderation if row.told["categories"].get("SH")],
            [row for row in moderation if not row.told["categories"].get("SH")],
            ("self_harm",),
        ),
        Measured("jailbreak, and xstest-safe", sets.labelled(data, "jailbreak", split), _safe(xstest), rules),
        Measured("bipia in e-mails, and passages without", list(sets.injected(data, split)), documents, ("injection",)),
        Measured("harmful requests, and xstest-safe", _harmful(data, split), _safe(xstest), ("harmful",)),
        _set("xstest, all blocking kinds", xstest, "safe", ("harmful", "jailbreak", "self_harm", "toxicity")),
    ]


def _harmful(data: Path, split: str) -> list[Row]:
    return sets.labelled(data, "harmful-requests", split)


def _of_split(data: Path, split: str) -> list[Row]:
    """Paragraphs that no head learned from: those between the ones that were taken."""
    learned = {row.text for row in sets.paragraphs(data, "squad-dev-v1.1", 600)}
    rows = [row for row in sets.paragraphs(data, "squad-dev-v1.1", 2000) if row.text not in learned]
    return _unlearned(rows[:600])


def _safe(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row.label == "safe"]


def _set(name: str, rows: Sequence[Row], left: str, kinds: tuple[str, ...]) -> Measured:
    return Measured(name, [r for r in rows if r.label != left], [r for r in rows if r.label == left], kinds)


def _unlearned(rows: Sequence[Row]) -> list[Row]:
    """Judged by the heads that are shipped, whose teachers never saw them."""
    return [replace(row, fold=-1) for row in rows]


def _stages(data: Path, kinds: tuple[str, ...], heads_of: Callable[[Row], Heads], embed: Embed) -> list[Stage]:
    learned = [stages.letters(heads_of, kinds)]
    if "injection" not in kinds:  # of passages the letters alone are read
        learned.append(stages.meaning(heads_of, kinds, embed))
    return [stages.word_list(data), stages.plain_rules(), *learned]


def _line(stage: Stage, measured: Measured, ordinary: float) -> None:
    hits, alarms = stage.finds(measured.found), stage.finds(measured.left)
    wrong, right = sum(alarms), sum(hits)
    precision = right / (right + wrong) if right else 0.0
    recall = right / len(hits)
    f1 = 2 * precision * recall / (precision + recall) if right else 0.0
    shown = f"recall {recall:.3f}  false alarms {wrong / len(alarms):.3f}  F1 {f1:.3f}  ordinary {ordinary:.4f}"
    print(f"  {stage.name:20} {shown}", flush=True)


def _share(stage: Stage, rows: Sequence[Row]) -> float:
    return sum(stage.finds(rows)) / len(rows)


def _costs(data: Path, split: str, heads_of: Callable[[Row], Heads], live: Embed) -> None:
    kinds = ("harmful", "jailbreak", "self_harm", "toxicity")
    lots = {
        "questions": _unlearned(sets.questions(data, "squad-dev-v1.1", split, _TIMED)),
        "jailbreaks": sets.labelled(data, "jailbreak", split)[:_TIMED],
        "passages": _of_split(data, split)[:_TIMED],
    }
    print("\nmilliseconds a kilobyte, and a text")
    for name, rows in lots.items():
        each = sum(len(row.text.encode()) for row in rows) / 1000 / len(rows)
        learned = stages.letters(heads_of, ("injection",) if name == "passages" else kinds)
        for stage in (stages.word_list(data), stages.plain_rules(), learned, stages.meaning(heads_of, kinds, live)):
            if name != "passages" or stage.name != "letters and meaning":
                cost = stages.milliseconds_a_kilobyte(stage, rows)
                print(f"  {name:10} {stage.name:20} {cost:7.2f} {cost * each:8.3f}", flush=True)
