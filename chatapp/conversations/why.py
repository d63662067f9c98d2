"""Why an answer is as it is, for the person whose it is: what was kept with it; docs/protocol.md describes it."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from chatapp.accounts.models import User
from chatapp.conversations import answers
from chatapp.conversations.answer_cache import NOTE
from chatapp.conversations.explained import Found, kept_of
from chatapp.conversations.models import Message
from chatapp.errors import Invalid
from chatapp.privacy.fields import opened
from chatapp.safety.egress.guard import is_of_egress
from chatapp.safety.models import What
from inference.engines.extractive import ExtractiveEngine

_OF_A_PASSAGE = ("number", "passage", "document", "page", "heading", "locator", "score", "confidence")
_STAGES = ("question", "passages", "answer")


def explanation(user: User, answer: Message) -> dict[str, Any]:
    """`answer`: the person's own. `kept` is false where nothing was kept or can be opened. Raises Invalid."""
    if answer.role != Message.Role.ASSISTANT:
        raise Invalid("Only an answer can be explained.")
    (told,) = answers.messages(user, [answer])
    kept = kept_of(answer)
    known = kept or {}
    cited = {one["number"] for one in told["citations"]}
    line = known.get("line", [])
    return {
        "kept": kept is not None,
        "continued": "continued" in known,
        "asked": _question_of(answer),
        "index_version": known.get("version"),
        "collections": told["collections"],
        "filters": told["filters"],
        "passages": [_passage(one, known, cited) for one in told["sources"]],
        "line": [one | {"cost": one.get("cost", "")} for one in line],
        "route": known.get("route", "") if user.is_superuser else "",
        "cached": known.get("cached", False) or any(one.get("note") == NOTE for one in told["written_by"]),
        "found": _found(answer, known) if kept is not None else None,
        "unsupported": None if told["unsupported"] is None else len(told["unsupported"]),
        "quoted": told["engine"] == ExtractiveEngine.name,
        "timings": told["timings"],
        "usage": told["usage"],
        "cost": _sum(one["cost"] for one in line if one.get("cost")),
    }


def _passage(shown: dict[str, Any], kept: dict[str, Any], cited: set[int]) -> dict[str, Any]:
    number = shown["number"]
    dense, lexical = kept.get("scores", {}).get(str(number), (None, None))
    found = {name: shown.get(name) for name in _OF_A_PASSAGE}
    readable = bool(shown.get("text"))
    withheld = number in kept.get("withheld", ())
    return found | {
        "dense": dense,
        "lexical": lexical,
        "cited": number in cited,
        "withheld": withheld,
        "readable": readable,
    }


def _question_of(answer: Message) -> str:
    """As it was searched for: what rules masked in it stays masked here."""
    return (opened(answer.parent, "text") if answer.parent else None) or ""


def _found(answer: Message, kept: dict[str, Any]) -> dict[str, Found]:
    """By where it was found: in the question when it was asked, too."""
    asked = (kept_of(answer.parent) if answer.parent else None) or {}
    both = [asked.get("found", {}), kept.get("found", {})]
    return {stage: [as_told(one) for part in both for one in part.get(stage, [])] for stage in _STAGES}


def as_copied(kept: dict[str, Any]) -> dict[str, Any]:
    """For the copy of a person's data: no more than is told on the page."""
    found = {stage: [as_told(one) for one in part] for stage, part in kept.get("found", {}).items()}
    return {key: value for key, value in kept.items() if key != "route"} | ({"found": found} if found else {})


def as_told(one: dict[str, Any]) -> dict[str, Any]:
    """The name of a list of words may itself be one that is not to be said."""
    kind = one["kind"]
    return one | {"kind": kind if kind in What.values or is_of_egress(kind) else str(What.WORDS)}


def _sum(costs: Iterable[str]) -> str | None:
    """In the currency of the prices; None where nothing that was asked has a price."""
    known = [Decimal(one) for one in costs]
    return str(sum(known)) if known else None
