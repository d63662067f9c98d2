from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from chatapp.safety.contracts import Filter
from chatapp.safety.egress.canary import canary, canary_filter
from chatapp.safety.egress.links import LinkFilter, allowed
from chatapp.safety.hidden.as_seen import AsSeen
from chatapp.safety.hidden.marks import HiddenTextFilter
from chatapp.safety.personal.filtering import PersonalFilter
from chatapp.safety.personal.finding import KINDS
from chatapp.safety.secrets import SecretFilter
from chatapp.safety.spans import Span
from chatapp.safety.stream import HoldBack, found, replaced
from chatapp.safety.words import word_filter

CANARY = canary("a key of these tests")
DISALLOWED = [
    "anna.berg@example.org", "4111 1111 1111 1111", "DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432",
    "+49 (0)30 901820", "030 90 18 20", "(415) 555-2671", "192.168.14.7", "2001:db8::8a2e:370:7334", "536-90-4399",
    "86 095 742 719", "756.1234.5678.97", "AKIAIOSFODNN7EXAMPLE", "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "password: hunter2hunter2", "api key = a8Hq0Zp42Lk", "Projekt Falke", "ABC-12345", "4111-1111-1111-1111",
    "postgres://house:Geheim77@db.example.org/x", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.SflKxwRJSMeKKF2QT4",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEvQIBADANBg\n-----END RSA PRIVATE KEY-----.", "https://evil.test/?q=1",
    "![x](https://evil.test/a)", "[a](//evil.test/b c)", "<img src='//evil.test'>", "[z]:\n https://evil.test/x",
    '<a href="ht\ntps://evil.test">', CANARY[:12], " ".join(CANARY[:10]), "P r o j e k t  F a l k e", "Prоjеkt Fаlkе",
    "Projekt      Falke", "Projekt \n\n\n Falke",
]  # fmt: skip
PROSE = (
    "The report of the third quarter was sent to all branches on Monday. Call the office, or write to Anna: "
    "in 2024 there were 31 of them [1]; 7.5 % more than in 2023 [2]. Tel. of the house: "
    "Straße 12, 10115 Berlin. Bitte wenden Sie sich an die Abteilung. The password is old; a token is a word. "
    "| 2024-07-01 | 17 | 3,127.50 EUR |\n - 会社の規則 -- api access. "
    "See http://example.org/a and www.example.org now. "
).split(" ")
PLAIN: Sequence[Filter] = (
    PersonalFilter(KINDS),
    SecretFilter(),
    word_filter("words", ["Projekt Falke"], [r"\bABC-\d{3,5}\b"]),
)
FILTERS: Sequence[Filter] = (
    *(AsSeen(one) for one in PLAIN[:2]),
    AsSeen(PLAIN[2], words=True),
    HiddenTextFilter(),
    LinkFilter(allowed(["See http://example.org/a."])),
    canary_filter("a key of these tests"),
)


def masked(span: Span, text: str) -> str:
    return f"[{span.kind}]"


def made_up(chance: random.Random) -> str:
    words = []
    for _ in range(chance.randint(5, 60)):
        words.append(chance.choice(DISALLOWED) if chance.random() < 0.15 else chance.choice(PROSE))
    return chance.choice([" ", " ", "\n", ", "]).join(words)


def streamed(text: str, chance: random.Random, filters: Sequence[Filter]) -> tuple[str, list[str]]:
    window, out, at = HoldBack(filters, masked), [], 0
    most = chance.choice([1, 3, 8, 40, 200])
    while at < len(text):
        step = chance.randint(1, most)
        out.append(window.push(text[at : at + step]))
        at += step
    return "".join([*out, window.rest()]), out


def looked_through(seed: int, splits: int) -> None:
    chance = random.Random(seed)
    for _ in range(splits // 5):
        text = made_up(chance)
        filters = chance.choice([PLAIN, FILTERS])
        whole = replaced(text, found(filters, text), masked)
        for _ in range(5):
            assert streamed(text, chance, filters)[0] == whole


@pytest.mark.parametrize("seed", range(4))
def test_a_text_leaves_as_its_whole_would_however_it_is_cut(seed: int) -> None:
    looked_through(seed, 300)


@pytest.mark.slow
def test_nothing_disallowed_leaves_in_10_000_splits() -> None:
    for seed in range(100, 120):
        looked_through(seed, 500)


@pytest.mark.parametrize("disallowed", [one for one in DISALLOWED if "PRIVATE" not in one and "evil" not in one])
def test_not_even_the_beginning_of_what_is_disallowed_leaves(disallowed: str) -> None:
    text = f"It was sent to the house in Berlin, and it says: {disallowed} which nobody else may read."
    for most in (1, 2, 5):
        window = HoldBack(FILTERS, masked)
        pieces = [window.push(text[at : at + most]) for at in range(0, len(text), most)]
        left = "".join([*pieces, window.rest()])
        assert left[left.index("says: ") + 6 :].removeprefix("postgres://house:").startswith("["), left


def test_prose_is_held_for_no_longer_than_a_word_or_two() -> None:
    window = HoldBack([PersonalFilter(KINDS), SecretFilter()], masked)
    text = "The office is open on weekdays, and in 2024 [1] the team answered questions about leave. " * 5
    most, pushed, out = 0, 0, 0
    for piece in text.split(" "):
        pushed += len(piece) + 1
        out += len(window.push(f"{piece} "))
        most = max(most, pushed - out)
    assert most <= 80


def test_the_longest_key_leaves_nothing_of_itself() -> None:
    key = "-----BEGIN PRIVATE KEY-----\n" + "MIIEvQIBADANBgkqh\n" * 400 + "-----END PRIVATE KEY-----"
    window = HoldBack([SecretFilter()], masked)
    pieces = [window.push(f"Here: {key} and more."[at : at + 5]) for at in range(0, len(key) + 20, 5)]
    assert "".join([*pieces, window.rest()]) == "Here: [secret] and more."
