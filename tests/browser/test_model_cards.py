"""Model cards in a browser, and the way to them."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import expect

from inference.models import ModelVersion
from tests.browser.double import Double
from tests.browser.test_accessibility import check


def test_the_card_is_reached_from_what_is_said_of_engines_and_of_an_answer(page: Any, double: Double) -> None:
    ModelVersion.objects.create(
        name="small-q4", path="/srv/small.gguf", source="hub:acme/small/small-q4.gguf", size=400_000_000,
        quantization="Q4_K_M", context_tokens=4096, licence="apache-2.0", sha256="ab" * 32,
        measured={"decode_tokens_s": 31.2, "perplexity": 17.84},
    )  # fmt: skip
    told = {"name": "local: small-q4", "outside": False, "problem": "", "advice": "", "meant_for": ""}
    double.engines = {"engines": [{**told, "elsewhere": False, "place": 0, "now": True}], "answering": told["name"]}
    page.goto("/")
    page.get_by_role("button", name="Models").click()
    page.get_by_role("link", name="Model card of small-q4").click()
    expect(page.get_by_role("heading", name="small-q4")).to_be_visible()
    check(page)
    page.get_by_role("link", name="All models").click()
    page.get_by_role("link", name="Content filters").click()
    expect(page.get_by_role("heading", name="Figures")).to_be_visible()
    check(page)
    page.goto("/")
    double.ask()
    double.answer(engine="local: small-q4")
    page.get_by_role("link", name="Written by small-q4").click()
    expect(page.get_by_role("heading", name="small-q4")).to_be_visible()
