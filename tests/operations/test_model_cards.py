"""What people are told of the models that answer them."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from inference.models import ModelVersion
from tests.conftest import Cast, signed_in_client

LIST, CARD, FILTERS = "/models/", "/models/card/", "/models/filters/"


@pytest.fixture
def member(cast: Cast) -> Client:
    return signed_in_client(cast.bob)


@pytest.fixture
def small() -> ModelVersion:
    return ModelVersion.objects.create(
        name="small-q4", path="/srv/models/small.gguf", source="hub:acme/small/small-q4.gguf", size=400_000_000,
        sha256="ab" * 32, quantization="Q4_K_M", context_tokens=4096, licence="apache-2.0",
        measured={"decode_tokens_s": 31.2, "perplexity": 17.84, "measured_at": "2026-11-21T12:00:00+00:00"},
    )  # fmt: skip


def endpoint(**values: Any) -> ModelVersion:
    given = {"kind": "openai", "base_url": "https://models.example.com/v1", "model": "gamma-2", "outside": True}
    return ModelVersion.objects.create(
        name="gamma", key_name="INFERENCE_KEY_GAMMA", monthly_budget=500, **given | values
    )


def text(response: Any) -> str:
    assert response.status_code == 200, response
    shown = response.content.decode().split("<main")[1]
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", shown).split()))


def test_a_card_tells_data_licence_figures_and_limits(member: Client, small: ModelVersion) -> None:
    shown = text(member.get(CARD, {"engine": "local: small-q4"}))
    for words in (
        "runs on this server", "Licence apache-2.0", "Stored as Q4_K_M", "Reads at once 4,096 tokens", "ab" * 32,
        "The card of its makers says what it was made from: acme/small.", "Writes, tokens a second 31.2",
        "Perplexity (less is better) 17.84", "Measured 21 November 2026", "It is small", "check the passages",
    ):  # fmt: skip
        assert words in shown, words


def test_paths_addresses_keys_and_prices_are_for_nobody(member: Client, small: ModelVersion) -> None:
    endpoint(price_prompt=3, source="https://internal.example.com/secret.gguf")
    shown = member.get(CARD, {"engine": "api: gamma"}).content + member.get(CARD, {"engine": "small-q4"}).content
    for words in (b"/srv/models", b"models.example.com", b"INFERENCE_KEY", b"500", b"internal.example.com"):
        assert words not in shown, words


def test_of_an_outside_endpoint_it_is_said_that_questions_leave_the_house(member: Client) -> None:
    endpoint()
    shown = text(member.get(CARD, {"engine": "api: gamma"}))
    assert "runs outside this house" in shown and "What it is asked leaves this house" in shown
    assert "Its provider says what it was made from" in shown and "Nothing was measured here yet." in shown
    endpoint_inside = ModelVersion.objects.create(
        name="own", kind="openai", base_url="http://127.0.0.1:1/v1", model="o"
    )
    shown = text(member.get(CARD, {"engine": f"house: {endpoint_inside.name}"}))
    assert "runs in this house" in shown and "leaves this house" not in shown


def test_the_quotations_have_a_card_too(member: Client) -> None:
    assert "Nothing is written anew." in text(member.get(CARD, {"engine": "extractive"}))


def test_the_endpoint_of_the_settings_has_a_card_without_a_row(member: Client, settings: Any) -> None:
    settings.INFERENCE = replace(settings.INFERENCE, api_model="omega")
    assert "the settings of this server name" in text(member.get(CARD, {"engine": "api: omega"}))
    assert member.get(CARD, {"engine": "api: another"}).status_code == 404


@pytest.mark.parametrize("engine", ["", "local: gone", "api: ", "x" * 5000])
def test_of_a_model_that_is_not_there_is_no_card(member: Client, engine: str) -> None:
    assert member.get(CARD, {"engine": engine}).status_code == 404


def test_a_version_that_is_not_asked_any_more_says_so_and_is_not_listed(member: Client, small: ModelVersion) -> None:
    ModelVersion.objects.filter(pk=small.pk).update(state="retired")
    assert "It is not asked any more." in text(member.get(CARD, {"engine": "small-q4"}))
    shown = text(member.get(LIST))
    assert "small-q4" not in shown and "Quotations, without a model" in shown and "Content filters" in shown


def test_the_card_of_the_filters_is_the_one_that_ships_with_them(member: Client) -> None:
    answer = member.get(FILTERS)
    shown = text(answer)
    for words in ("What it is", "Fitted by", "Figures", "davidson, hate and offensive", "Limits", "English."):
        assert words in shown, words
    assert answer.content.count(b"<table>") == 2 and b"style=" not in answer.content


def test_an_administrator_finds_the_way_to_the_version(member: Client, cast: Cast, small: ModelVersion) -> None:
    address = f"/admin/inference/modelversion/{small.pk}/change/".encode()
    assert address in signed_in_client(cast.administrator).get(CARD, {"engine": "small-q4"}).content
    assert address not in member.get(CARD, {"engine": "small-q4"}).content


def test_the_list_of_cards_asks_once_however_many_were_made_from_others(member: Client, small: ModelVersion) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert member.get(LIST).status_code == 200
        return len(queries)

    endpoint(parent=small)
    member.get(LIST)
    before = asked()
    for number in range(4):
        ModelVersion.objects.create(name=f"made {number}", path=f"/srv/models/{number}.gguf", parent=small)
    assert asked() == before


def test_strangers_sign_in_first(transactional_db: None) -> None:
    for address in (LIST, CARD, FILTERS):
        assert Client().get(address).headers["Location"].startswith("/accounts/login/")
