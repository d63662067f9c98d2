"""The system page in a browser: plots in both themes and on a phone, each with its table."""

from __future__ import annotations

import math
import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone
from playwright.sync_api import expect

from chatapp.operations import state
from chatapp.operations.figures.histograms import FIRST_TOKEN_MS, TOKENS_A_SECOND
from chatapp.operations.models import Minute
from inference.models import ModelVersion
from tests.browser.administration import check

PAGE = "/admin/operations/minute/"


def a_day() -> None:
    """With a quiet night and a pause of the worker."""
    now = timezone.now().replace(second=0, microsecond=0)
    Minute.objects.bulk_create(_minute(now, ago) for ago in range(24 * 60) if not 200 < ago < 260)


def _minute(now: Any, ago: int) -> Minute:
    busy = max(0.0, math.sin((ago + 300) / 230)) * (1 + 0.5 * math.sin(ago))
    number = int(12 * busy)
    first, speed = [0] * (len(FIRST_TOKEN_MS) + 1), [0] * (len(TOKENS_A_SECOND) + 1)
    first[4], first[9], speed[8] = number, number // 4, number
    return Minute(
        at=now - timedelta(minutes=ago), summed=True, answers=number, failures=number // 9, cached=number // 5,
        questions=number, first_token=first, speed=speed, completion_tokens=number * 150, prompt_tokens=number * 900,
        cost=Decimal(number) / 100, documents=number // 3, documents_failed=ago % 67 == 0, passages=number * 12,
        running=number // 2, waiting=max(0, number - 9), documents_waiting=number * 2,
    )  # fmt: skip


def test_the_system_page(page: Any, monkeypatch: Any) -> None:
    worker = state.Shown(
        "Worker", "missing", "No worker takes new documents at the moment.", "Look into log/worker.log."
    )
    disk = state.Shown("Disk", "weak", "0.4 GB of disk are left.", "Make room in the state folder.")
    found = [state.Shown("Database", "ok"), state.Shown("Document index", "ok"), worker, disk]
    monkeypatch.setattr(state, "everything", lambda: found)
    a_day()
    at = {"kind": "openai", "base_url": "https://models.example.com/v1", "model": "gamma-2", "outside": True}
    ModelVersion.objects.create(name="gamma", price_prompt=Decimal(2), monthly_budget=Decimal(500), **at)
    page.goto(PAGE)
    page.get_by_role("link", name="Last day").click()
    expect(page.get_by_role("img", name="Answers:")).to_be_visible()
    assert page.problems == [], "the policy allows no inline styles"
    check(page, "system")
    page.get_by_text("Answers as a table").click()
    expect(page.get_by_role("region", name="Answers, by time").get_by_role("row").nth(1)).to_be_visible()
    check(page, "system-table", [(390, "light")])


def test_the_state_is_renewed_while_one_looks(page: Any, monkeypatch: Any) -> None:
    found = [state.Shown("Worker", "missing", "No worker takes new documents at the moment.")]
    monkeypatch.setattr(state, "everything", lambda: found)
    page.clock.install()
    page.goto(PAGE)
    expect(page.get_by_text("away", exact=True)).to_be_visible()
    found[0] = state.Shown("Worker", "ok")
    page.clock.fast_forward(16_000)
    expect(page.get_by_text("well", exact=True)).to_be_visible()
    assert page.problems == []


def test_a_state_that_cannot_be_renewed_says_since_when(page: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(state, "everything", lambda: [state.Shown("Worker", "ok")])
    page.clock.install()
    page.goto(PAGE)
    page.route("**/minute/state/", lambda route: route.abort())
    page.clock.fast_forward(16_000)
    told = page.locator("#parts .not-renewed")
    expect(told).to_have_text(re.compile(r"^Not renewed since \d\d:\d\d\.$"))
    page.clock.fast_forward(16_000)
    expect(page.locator("#parts")).not_to_have_attribute("data-asked", "yes")  # or the next turn is left out
    expect(told).to_have_count(1)
    page.unroute("**/minute/state/")
    page.clock.fast_forward(16_000)
    expect(told).to_have_count(0)
    expect(page.get_by_text("well", exact=True)).to_be_visible()
