"""Vectors that programs ask for: what is refused, or fails, takes of no budget and of no limit of tokens."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest
from django.test import AsyncClient

from chatapp.accounts.keys import create_key
from chatapp.limits.models import Budget
from chatapp.limits.rules import rules
from chatapp.openai import views
from retrieval.errors import IndexUnavailable
from tests.conftest import Cast
from tests.organisations.houses import Home, home

pytestmark = pytest.mark.django_db(transaction=True)
TEXT = " ".join(["leave"] * 60)


class Embedder:
    away = False

    async def embed(self, texts: list[str], *, bulk: bool, of_model: str) -> Any:
        if self.away:
            raise IndexUnavailable
        return np.zeros((len(texts), 4), dtype=np.float32)


@pytest.fixture
def embedder(monkeypatch: pytest.MonkeyPatch) -> Embedder:
    made = Embedder()
    monkeypatch.setattr(views, "shared_client", lambda _settings: made)
    return made


@pytest.fixture
def acme(cast: Cast) -> Home:
    return home("acme")


@pytest.fixture
def budget(acme: Home) -> Budget:
    return Budget.objects.create(organisation=acme.organisation, tokens=10**6)


def asked(acme: Home, times: int = 1) -> list[Any]:
    headers = {"Authorization": f"Bearer {create_key(user=acme.person, name=f'of {times}')}"}

    async def ask() -> list[Any]:
        client, answers = AsyncClient(), []
        for _ in range(times):
            body = {"input": TEXT}
            answers.append(await client.post("/v1/embeddings", body, content_type="application/json", headers=headers))
        return answers

    return asyncio.run(ask())


def spent(budget: Budget) -> int:
    return sum(budget.months.values_list("tokens", flat=True))


def test_a_budget_counts_the_vectors_that_were_made(acme: Home, budget: Budget, embedder: Embedder) -> None:
    (answer,) = asked(acme)
    assert answer.status_code == 200 and spent(budget) == answer.json()["usage"]["total_tokens"] > 0


def test_what_a_limit_refuses_takes_of_no_budget(acme: Home, budget: Budget, embedder: Embedder, settings: Any) -> None:
    tokens = asked(acme)[0].json()["usage"]["total_tokens"]
    settings.LIMIT_TOKENS = (tokens + tokens // 2, 10**6)
    rules.forget()
    assert [one.status_code for one in asked(acme, 5)] == [200, 429, 429, 429, 429]
    assert spent(budget) == 2 * tokens


@pytest.mark.parametrize("why", ["away", "busy"])
def test_what_fails_is_given_back(acme: Home, budget: Budget, embedder: Embedder, settings: Any, why: str) -> None:
    settings.LIMIT_TOKENS, settings.TURNS_PER_PROCESS = (100, 10**6), 0 if why == "busy" else 10
    embedder.away = why == "away"
    assert {one.status_code for one in asked(acme, 3)} == {503 if why == "away" else 429}
    assert spent(budget) == 0
    embedder.away, settings.TURNS_PER_PROCESS = False, 10
    assert asked(acme)[0].status_code == 200
