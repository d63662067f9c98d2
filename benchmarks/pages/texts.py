"""What the measured answers say: prose, lists, tables, code and marks of sources, the same at every run."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle, islice
from typing import Any

WORDS = (
    "leave days may be carried over into the next year when a manager agrees before the end of November and "
    "travel is paid from the first kilometre for everybody who works away from the usual place of work"
).split()
_STAMP = "2026-11-21T00:00:00Z"


def _words(count: int, start: int = 0) -> str:
    return " ".join(islice(cycle(WORDS), start, start + count))


def section(number: int) -> str:
    """About 110 words of Markdown of every kind."""
    kinds = (
        f"\n\n- {_words(12)} [1]\n- **{_words(4)}** {_words(8)}\n- `{WORDS[number % 20]}` {_words(9)}\n",
        f"\n\n| Plan | Days | Who |\n|-|-|-|\n| {_words(2)} | {number} | {_words(1)} |\n| {_words(2)} | 5 | all |\n",
        "\n\n```python\n"
        + "\n".join(f"total_{line} = days[{line}] * rate  # {_words(4, line)}" for line in range(6))
        + "\n```\n",
        f"\n\n> {_words(25, number)}\n",
    )
    return f"\n\n### Section {number}\n\n{_words(60, number)}. [1]{kinds[number % 4]}"


def _listing(number: int) -> str:
    head = "```python\n" if number == 0 else ""
    return head + "".join(f"total_{number}_{line} = days[{line}] * rate  # {_words(5, line)}\n" for line in range(10))


def _table(number: int) -> str:
    head = "| Plan | Days | Who may |\n|---|---|---|\n" if number == 0 else ""
    return head + "".join(f"| {_words(3, row)} | **{number}** | {_words(4, row)} [1] |\n" for row in range(10))


def _points(number: int) -> str:
    return "".join(f"- {_words(9, point)} `{number}` [1]\n" for point in range(10))


# Kinds of answers; of all but the first, the whole answer is one block of Markdown, which grows.
KINDS: dict[str, Callable[[int], str]] = {"mixed": section, "code": _listing, "table": _table, "list": _points}


def pieces(tokens: int, kind: str = "mixed") -> list[str]:
    """An answer in so many pieces of about a word each."""
    found: list[str] = []
    number = 0
    while len(found) < tokens:
        words = KINDS[kind](number).split(" ")
        found += [f"{word} " for word in words[:-1]] + words[-1:]
        number += 1
    return found[:tokens]


def conversation(identifier: str, messages: int) -> dict[str, Any]:
    """As `/api/conversations/<id>/` has it: questions and answers in turn, one branch."""
    made: list[dict[str, Any]] = []
    for number in range(messages):
        asks = number % 2 == 0
        parent = made[-1]["id"] if made else None
        one = {"id": f"10000000-0000-4000-8000-{number:012}", "parent": parent, "status": "complete"}
        said = {"role": "user", "text": f"{_words(12, number)}?"} if asks else _answer(number)
        made.append(one | said)
    return {"id": identifier, "title": "Long", "running": [], "updated_at": _STAMP, "messages": made}


def _answer(number: int) -> dict[str, Any]:
    sources = [
        {"number": n, "passage": n, "document": {"id": "d", "name": f"Handbook {n}.pdf"}, "page": n, "heading": "Leave",
         "locator": "", "text": _words(60, n), "score": 0.9}
        for n in (1, 2, 3)
    ]  # fmt: skip
    text = section(number).strip() + section(number + 1)
    return {"role": "assistant", "text": text, "engine": "local: double", "sources": sources, "citations": sources[:1]}
