"""What was found in a text is not looked for again, until something else is looked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from chatapp.safety import found_before, policy
from chatapp.safety.models import FilterRule, WordList
from chatapp.safety.policy import Policy, Rules
from chatapp.safety.stream import found

TEXT = "Ask anna.berg@example.org about the Blue Falcon."


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    found_before._kept.clear()
    yield
    found_before._kept.clear()


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that filters have looked at."""
    seen: list[str] = []

    def counting(filters: Any, text: str) -> Any:
        seen.append(text)
        return found(filters, text)

    monkeypatch.setattr("chatapp.safety.found_before.found", counting)
    return seen


def rules(monkeypatch: pytest.MonkeyPatch, *wanted: FilterRule) -> Policy:
    monkeypatch.setattr(policy, "rules_now", lambda: Rules(wanted))
    return policy.policy("passages", (), None)


def listing(terms: str) -> FilterRule:
    return FilterRule(what="words", where="passages", action="mask", words=WordList(name="Projects", terms=terms))


def test_the_same_text_is_looked_at_once(monkeypatch: pytest.MonkeyPatch, looked: list[str]) -> None:
    for action in ("mask", "mask", "warn"):  # what is done about it is decided anew
        left = rules(monkeypatch, FilterRule(what="email", where="passages", action=action)).applied(TEXT)
        assert ("anna" in left) is (action == "warn")
    assert looked == [TEXT]


def test_another_kind_or_word_is_looked_for(monkeypatch: pytest.MonkeyPatch, looked: list[str]) -> None:
    email = FilterRule(what="email", where="passages", action="mask")
    assert "Falcon" in rules(monkeypatch, email).applied(TEXT)
    assert "Falcon" in rules(monkeypatch, email, listing("Red Kite")).applied(TEXT)
    assert "Falcon" not in rules(monkeypatch, email, listing("Blue Falcon")).applied(TEXT)
    assert looked == [TEXT] * 3


def test_few_texts_are_kept_and_none_with_very_much_in_it(monkeypatch: pytest.MonkeyPatch, looked: list[str]) -> None:
    monkeypatch.setattr(found_before, "_MOST", 3)
    email = rules(monkeypatch, FilterRule(what="email", where="passages", action="mask"))
    for number in range(5):
        email.applied(f"{number} {TEXT}")
    email.applied(TEXT * 40)
    assert len(found_before._kept) == 3
    email.applied(f"4 {TEXT}")
    assert len(looked) == 6
    email.applied(f"0 {TEXT}")
    email.applied(TEXT * 40)
    assert len(looked) == 8
