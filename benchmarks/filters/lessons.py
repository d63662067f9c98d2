"""What each head is taught with: which texts are of its kind, which are not, and how much each set counts."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks.filters import sets
from benchmarks.filters.learning import Lot
from benchmarks.filters.sets import Row, fold_of
from chatapp.safety.learned.windows import sentences, windows

_EXAMPLES = Path(__file__).with_name("examples.json")
_QUESTIONS = ("squad", "nq", "office", "own ordinary")
_TEXTS = ("squad texts", "nq texts", "office texts")
_OF_ANSWERS = 0.005  # of passages with a sentence that is taken for something
_RUDE = ("S", "H", "V", "HR", "H2", "V2")


@dataclass(frozen=True, slots=True)
class Lesson:
    """`ordinary`: groups of lots, and how many of their texts may be taken for this kind at most. `answers`: what heads
    that read letters alone learn beside, for they are shown sentences as they are written."""

    kind: str
    lots: dict[str, Lot]
    ordinary: tuple[tuple[tuple[str, ...], float], ...]
    cut: Callable[[str], list[str]] = windows
    strength: float = 10.0
    answers: dict[str, Lot] = field(default_factory=dict)

    def with_answers(self) -> Lesson:
        of_answers = ((tuple(self.answers), _OF_ANSWERS),) if self.answers else ()
        return replace(self, lots=self.lots | self.answers, ordinary=(*self.ordinary, *of_answers))


def lessons(data: Path) -> list[Lesson]:
    return [toxicity(data), self_harm(data), jailbreak(data), injection(data), harmful(data)]


def toxicity(data: Path) -> Lesson:
    tweets = sets.labelled(data, "davidson-hate", "dev")
    lots = {
        "davidson": Lot([r for r in tweets if r.label != "neither"], True, 3.0),
        "davidson neither": Lot([r for r in tweets if r.label == "neither"], False, 3.0),
        "surge": Lot(_with(data, "surge-toxicity", "toxic"), True, 2.0),
        "surge clean": Lot(_with(data, "surge-toxicity", "clean"), False, 2.0),
        "moderation": Lot([r for r in _moderation(data) if rude(r)], True, 2.0),
        "moderation clean": Lot([r for r in _moderation(data) if r.label == "clean"], False, 3.0),
        "spans": Lot(sets.labelled(data, "toxic-spans", "dev"), True, 1.0),
        **_ordinary(data),
        **_passages(data),
    }
    rates = ((_QUESTIONS, 0.003), (_TEXTS, 0.01), (("surge clean", "moderation clean"), 0.1))
    return Lesson("toxicity", lots, rates, answers=_sentences(data))


def self_harm(data: Path) -> Lesson:
    lots = {
        "moderation": Lot([r for r in _moderation(data) if r.told["categories"].get("SH")], True, 2.0),
        "own": Lot(examples("self_harm"), True, 2.0),
        "moderation clean": Lot([r for r in _moderation(data) if not r.told["categories"].get("SH")], False, 2.0),
        "surge": Lot(sets.labelled(data, "surge-toxicity", "dev"), False, 1.0),
        "own others": Lot(examples("not_self_harm"), False, 1.0),
        **_ordinary(data),
        **_passages(data),
    }
    return Lesson(
        "self_harm", lots, ((_QUESTIONS, 0.002), (("moderation clean", "surge", "own others", *_TEXTS), 0.01))
    )


def jailbreak(data: Path) -> Lesson:
    lots = {
        "jailbreaks": Lot(sets.labelled(data, "jailbreak", "dev"), True, 4.0),
        "own": Lot(examples("jailbreak"), True, 1.0),
        "moderation": Lot([r for r in _moderation(data) if r.label == "clean"], False, 1.0),
        "surge": Lot(sets.labelled(data, "surge-toxicity", "dev"), False, 0.5),
        "tasks": Lot(sets.labelled(data, "bipia-indirect", "dev"), False, 0.5),
        "mails": Lot(sets.contexts(data, "dev"), False, 0.5),
        **_ordinary(data),
        **_passages(data),
    }
    return Lesson("jailbreak", lots, ((_QUESTIONS, 0.004), (("moderation", "surge", "tasks", "mails", *_TEXTS), 0.02)))


def injection(data: Path) -> Lesson:
    lots = {
        "instructions": Lot(sets.labelled(data, "bipia-indirect", "dev"), True, 3.0, sentences),
        "own": Lot(examples("injection"), True, 1.0, sentences),
        "mails": Lot(sets.contexts(data, "dev"), False, 2.0, sentences),
        "own others": Lot(examples("not_injection"), False, 0.5, sentences),
        **{name: Lot(lot.rows, False, 2.0, sentences) for name, lot in _passages(data).items()},
    }
    return Lesson("injection", lots, ((("mails", *_TEXTS), 0.01),), sentences)


def harmful(data: Path) -> Lesson:
    lots = {
        "requests": Lot(sets.labelled(data, "harmful-requests", "dev"), True, 3.0),
        "moderation clean": Lot([r for r in _moderation(data) if r.label == "clean"], False, 1.0),
        "tasks": Lot(sets.labelled(data, "bipia-indirect", "dev"), False, 0.5),
        "own others": Lot(examples("not_self_harm"), False, 0.5),
        **_ordinary(data),
        **_passages(data),
    }
    rates = ((_QUESTIONS, 0.002), (("moderation clean", "tasks", *_TEXTS), 0.02))
    return Lesson("harmful", lots, rates, answers=_sentences(data))


def examples(name: str) -> list[Row]:
    return [Row(text, name, fold_of(text), {}) for text in json.loads(_EXAMPLES.read_text())[name]]


def rude(row: Row) -> bool:
    return any(row.told["categories"].get(one) for one in _RUDE)


def _moderation(data: Path) -> list[Row]:
    return sets.labelled(data, "openai-moderation", "dev")


def _with(data: Path, name: str, label: str) -> list[Row]:
    return [row for row in sets.labelled(data, name, "dev") if row.label == label]


def _ordinary(data: Path) -> dict[str, Lot]:
    return {
        "squad": Lot(sets.questions(data, "squad-dev-v1.1", "dev", 4500)[2000:], False, 2.0),
        "nq": Lot(sets.questions(data, "nq-open-oracle", "dev"), False, 1.0),
        "office": Lot(sets.questions(data, "rag-multi-corpus", "dev"), False, 1.0),
        "own ordinary": Lot(examples("ordinary"), False, 1.0),
    }


def _passages(data: Path) -> dict[str, Lot]:
    return {
        "squad texts": Lot(sets.paragraphs(data, "squad-dev-v1.1", 600), False, 1.0),
        "nq texts": Lot(sets.paragraphs(data, "nq-open-oracle", 300), False, 0.5),
        "office texts": Lot(sets.documents(data, 900), False, 1.0),
    }


def _sentences(data: Path) -> dict[str, Lot]:
    """What an answer is judged by, as it is written."""
    texts = _passages(data)
    names = {"squad sentences": "squad texts", "office sentences": "office texts"}
    return {name: Lot(texts[of].rows, False, 2.0, sentences) for name, of in names.items()}
