"""A model that was trained to quote, from the product's own prompt to the text of its answer."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inference.engine import ChatMessage, Generation, Progress, Source, TextPiece, Writer
from inference.prompts import build_messages
from inference.routing.built_in import build_router
from tests.inference.conftest import Service, Serving
from tests.tiny_gguf import make

SOURCES = (
    Source(
        1, "security.txt", "Passwords are kept in the password manager. Visitors wear a badge at all times.", "Doors"
    ),
    Source(2, "leave.md", "Full-time staff have 28 days of paid leave in a calendar year.", "Leave"),
    Source(3, "expenses.html", "A taxi is paid when no train runs. A hotel costs at most 140 euros a night.", "Travel"),
)
ASKED = {  # the word that is asked for: what follows it in its sentence, and the number of its source
    "kept": ("kept in the password manager.", 1),
    "wear": ("wear a badge at all times.", 1),
    "badge": ("badge at all times.", 1),
    "staff": ("staff have 28 days of paid leave in a calendar year.", 2),
    "days": ("days of paid leave in a calendar year.", 2),
    "leave": ("leave in a calendar year.", 2),
    "hotel": ("hotel costs at most 140 euros a night.", 3),
}


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


def _prompt(word: str) -> tuple[ChatMessage, ...]:
    return build_messages(question=f"What is said of {word}?", history=(), sources=SOURCES, max_prompt_tokens=2700)


async def _answer(service: Service, word: str) -> tuple[str, list[str]]:
    """Through the route, as a turn does it. -> the text, and the engines that wrote."""

    async def embed(texts: object) -> np.ndarray:
        raise AssertionError("the quotations are not needed")

    messages = _prompt(word)
    route = build_router(replace(service.config, model_service_urls=(service.url,)), embed)
    asked = Generation("turn", messages[-1].content, messages, SOURCES, max_tokens=40, temperature=0)
    pieces = [piece async for piece in route.stream(asked)]
    assert any(isinstance(piece, Progress) and piece.prompt_tokens_read for piece in pieces)
    text = "".join(piece.text for piece in pieces if isinstance(piece, TextPiece))
    return text, [piece.engine for piece in pieces if isinstance(piece, Writer)]


async def test_the_trained_model_quotes_the_sentence_and_names_its_source(serving: Serving, quoting: Path) -> None:
    share, marks = [], 0
    async with serving(quoting, "quoting") as service:
        for word, (quote, number) in ASKED.items():
            text, writers = await _answer(service, word)
            assert writers == ["local: quoting"]
            share.append(len(_words(text) & _words(quote)) / len(_words(quote)))
            marks += text.endswith(f"[{number}]")
    assert np.mean(share) >= 0.7 and marks >= 5


async def test_random_weights_do_not_quote(serving: Serving, tmp_path: Path) -> None:
    quote, _ = ASKED["wear"]
    async with serving(make(tmp_path / "random.gguf")) as service:
        text, _ = await _answer(service, "wear")
    assert len(_words(text) & _words(quote)) / len(_words(quote)) < 0.3


@pytest.mark.parametrize("temperature", [0.0, 0.2])
async def test_the_same_seed_gives_the_same_answer(serving: Serving, quoting: Path, temperature: float) -> None:
    asked = [{"role": message.role, "content": message.content} for message in _prompt("leave")]
    async with serving(quoting) as service, service.client() as client:
        first, second = [
            await client.chat.completions.create(
                model="tiny",
                messages=asked,  # type: ignore[arg-type]
                max_tokens=30,
                temperature=temperature,
                seed=7,
            )
            for _ in range(2)
        ]
    assert first.choices[0].message.content == second.choices[0].message.content
