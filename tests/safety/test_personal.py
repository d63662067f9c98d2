from __future__ import annotations

import time

import pytest
from django.core.exceptions import ValidationError

from chatapp.safety.models import WordList
from chatapp.safety.personal.finding import find_personal
from chatapp.safety.secrets import SecretFilter
from chatapp.safety.words import PatternRefused, word_filter

FOUND = [
    ("email", "Write to <anna.berg+leave@mail.example.org>.", "anna.berg+leave@mail.example.org"),
    ("email", "Jürgen: jürgen@büro.example.de!", "jürgen@büro.example.de"),
    ("url", "See (https://example.org/a?b=c#d), please.", "https://example.org/a?b=c#d"),
    ("ip_address", "The server 192.168.14.7 answers.", "192.168.14.7"),
    ("ip_address", "It is 2001:db8::8a2e:370:7334 now", "2001:db8::8a2e:370:7334"),
    ("mac_address", "Card 00:1B:44:11:3A:B7 is new", "00:1B:44:11:3A:B7"),
    ("card", "Pay with 4111-1111-1111-1111.", "4111-1111-1111-1111"),
    ("card", "Amex 378282246310005 expires", "378282246310005"),
    ("iban", "DE89 3704 0044 0532 0130 00 is ours", "DE89 3704 0044 0532 0130 00"),
    ("iban", "to GB82WEST12345698765432.", "GB82WEST12345698765432"),
    ("bank_account", "Account number: 12345678", "12345678"),
    ("us_ssn", "SSN 536-90-4399", "536-90-4399"),
    ("national_id", "Steuer-ID 86 095 742 719", "86 095 742 719"),
    ("national_id", "AHV 756.9217.0769.85", "756.9217.0769.85"),
    ("national_id", "NI number QQ123456C is false, AB123456C is not", "AB123456C"),
    ("national_id", "NHS number 943 476 5919", "943 476 5919"),
    ("national_id", "DNI 12345678Z", "12345678Z"),
    ("national_id", "codice RSSMRA85T10A562S", "RSSMRA85T10A562S"),
    ("national_id", "BSN 111222333", "111222333"),
    ("national_id", "PESEL 44051401359", "44051401359"),
    ("national_id", "131052-308T from Finland", "131052-308T"),
    ("national_id", "CPF 529.982.247-25", "529.982.247-25"),
    ("national_id", "2 55 08 14 168 025 38 à Paris", "2 55 08 14 168 025 38"),
    ("passport", "Passport number C01X00T47 or passport C12345678", "C12345678"),
    ("phone", "Ring +49 (0)30 901820 today", "+49 (0)30 901820"),
    ("phone", "Call (415) 555-2671.", "(415) 555-2671"),
    ("phone", "Tel. 030 90 18 20", "030 90 18 20"),
]
NOT_FOUND = [
    "In 2024 there were 31 of them, 7.5 % more than the 1,234,567 of 2023.",
    "Version 1.2.3.4.5 of 2024-11-21, from 10:30 to 11:45.",
    "Card 4111 1111 1111 1112 has a wrong check digit, DE00 3704 2044 1532 9130 77 as well.",
    "The order 123456789 of 12.10.2024, 12 34 56, page 117-119.",
    "x = a@b, y@example, and 127.0.0.1 is this machine.",
    "Namespace std::vector::iterator, 12::30.",
]


@pytest.mark.parametrize(("kind", "text", "what"), FOUND)
def test_each_kind_is_found_where_it_stands(kind: str, text: str, what: str) -> None:
    assert [(one.kind, text[one.start : one.end]) for one in find_personal(text) if one.kind == kind] == [(kind, what)]


@pytest.mark.parametrize("text", NOT_FOUND)
def test_other_numbers_are_left_alone(text: str) -> None:
    assert find_personal(text) == []


@pytest.mark.parametrize("piece", ["1", "1 ", "a@", "a.", "+", "(0", "DE12 ", "1-", ":1", "A1", "http://", "www.a"])
def test_no_text_takes_long(piece: str) -> None:
    """Whoever writes a text chooses it."""
    took = []
    for length in (10_000, 40_000):
        text = piece * (length // len(piece))
        begun = time.process_time()
        find_personal(text)
        SecretFilter().find(text)
        took.append(time.process_time() - begun)
    assert took[1] < 10 * took[0] + 0.05  # in proportion to its length, not to its square


@pytest.mark.parametrize(
    "text",
    [
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
        "password: hunter2hunter2",
        "postgres://admin:s3cret-word@db.example/x",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_secrets_are_found(text: str) -> None:
    assert SecretFilter().find(f"Here: {text} it is")


def test_a_sentence_about_passwords_holds_no_secret() -> None:
    assert not SecretFilter().find("Your password: see the handbook. A token is: something that you have.")


def test_words_are_found_whole_whatever_their_case_and_script() -> None:
    words = word_filter("words", ["Blue  Falcon", "Größe", "c++"], [r"\bINC-\d{4}\b"])
    text = "BLUE\nfalcon, blue falconer, GRÖSSE, größe, Großgröße, c++ and inc-1234"
    found = [text[one.start : one.end] for one in words.find(text)]
    assert found == ["BLUE\nfalcon", "GRÖSSE", "größe", "c++", "inc-1234"]


def test_words_that_are_too_long_to_be_found_are_refused() -> None:
    longest = "blue " * 23 + "heron"
    WordList(name="code names", terms=longest).clean()
    assert word_filter("words", [longest]).find(f"The {longest}.")
    with pytest.raises(ValidationError, match="would never be found"):
        WordList(name="code names", terms=f"heron\n{longest}s").clean()
    assert word_filter("words", [f"{longest}s", "egret"]).find("An egret."), "a list that was kept before still works"


@pytest.mark.parametrize("pattern", ["(", r"(a)\1", "(?=a)", "a" * 201])
def test_a_pattern_that_cannot_be_matched_in_linear_time_is_refused(pattern: str) -> None:
    with pytest.raises(PatternRefused):
        word_filter("words", [], [pattern])
