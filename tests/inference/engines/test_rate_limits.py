"""What endpoints say of when they may be asked again is kept to, as far as it makes sense."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from inference.engines.rate_limits import RateLimits, retry_after
from inference.errors import EngineBusy
from tests.inference.engines.asking import WHOLE, Made, pieces_of, text_of
from tests.provider_double import Provider, Reply

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
DATE = {"date": format_datetime(NOW, usegmt=True)}


def _http(seconds: float) -> str:
    return format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": " 0.5 "}, 0.5),
        ({"retry-after": "-7"}, 0.0),
        ({"retry-after": _http(30), **DATE}, 30.0),
        ({"retry-after": _http(-30), **DATE}, 0.0),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9.0),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "1e9"}, None),
        ({"retry-after": "9" * 5000}, None),
        ({"retry-after": "99999999"}, None),
        ({"retry-after": "Mon, 99 Foo 2026 99:99:99 GMT"}, None),
        ({"retry-after": "Mon, 04 May 99999 12:00:00 GMT"}, None),
        ({"retry-after": "x" * 100_000}, None),
        ({"retry-after": "٧"}, None),
        ({"retry-after": _http(30), "date": "never"}, 0.0),
    ],
    ids=lambda value: str(value)[:60],
)
def test_retry_after_is_read_as_seconds_milliseconds_or_a_date(headers: dict[str, str], seconds: float | None) -> None:
    found = retry_after(httpx.Headers([(name, value.encode()) for name, value in headers.items()]))
    assert found == (None if seconds is None else pytest.approx(seconds))


def _anthropic(kind: str, reset: str, remaining: str = "0") -> dict[str, str]:
    return {f"anthropic-ratelimit-{kind}-remaining": remaining, f"anthropic-ratelimit-{kind}-reset": reset, **DATE}


def _openai(kind: str, reset: str, remaining: str = "0") -> dict[str, str]:
    return {f"x-ratelimit-remaining-{kind}": remaining, f"x-ratelimit-reset-{kind}": reset}


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        (_openai("requests", "1s"), 1.0),
        (_openai("tokens", "6m0s"), 360.0),
        (_openai("tokens", "20ms"), 0.02),
        (_openai("tokens", "1h0m1.5s"), 3600.0),
        (_openai("requests", "12"), 12.0),
        (_openai("requests", "24h0m0s"), 3600.0),
        (_openai("requests", "1s", remaining="1"), 0.0),
        (_openai("requests", "1s") | _openai("tokens", "9s"), 9.0),
        (_openai("requests", "1s") | _openai("tokens", "9s", remaining="8"), 1.0),
        (_anthropic("requests", "2026-05-04T12:00:30Z"), 30.0),
        (_anthropic("input-tokens", "2026-05-04T14:00:30+02:00"), 30.0),
        (_anthropic("output-tokens", "2026-05-04T12:00:00.250Z"), 0.25),
        (_anthropic("tokens", "2026-05-04T12:00:30"), 30.0),
        (_anthropic("tokens", "2026-05-04T11:59:00Z"), 0.0),
        (_anthropic("tokens", "2026-05-04T12:00:30Z", remaining="5"), 0.0),
        (_anthropic("tokens", "9999-12-31T23:59:59Z"), 0.0),
        (_anthropic("tokens", "0001-01-01T00:00:00+23:59"), 0.0),
        (_anthropic("tokens", "tomorrow"), 0.0),
        (_openai("requests", "1746360000"), 0.0),
        (_openai("requests", "-5s"), 0.0),
        (_openai("requests", ""), 0.0),
        (_openai("requests", "1s" * 50_000), 0.0),
        (_openai("requests", "999999999d"), 0.0),
        (_openai("requests", "1y"), 0.0),
        (_openai("requests", "9s", remaining="none"), 0.0),
        (_openai("sheep", "9s"), 0.0),
    ],
    ids=lambda value: str(value)[:70],
)
def test_what_is_used_up_holds_until_it_is_there_again(headers: dict[str, str], seconds: float) -> None:
    limits = RateLimits()
    limits.heed(httpx.Headers(headers))
    assert limits.wait_s() == pytest.approx(seconds, abs=0.015)


SPENT = {
    "openai": lambda seconds: {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": f"{seconds}s"},
    "azure": lambda seconds: {"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": f"{seconds}"},
    "anthropic": lambda seconds: {
        "anthropic-ratelimit-input-tokens-remaining": "0",
        "anthropic-ratelimit-input-tokens-reset": (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(),
    },
}


@pytest.mark.parametrize("kind", SPENT)
async def test_a_limit_that_lasts_sends_the_question_on_at_once_without_asking(
    kind: str, made: Made, double: Provider
) -> None:
    double.script = [Reply(429, {"error": {"message": "slow down"}}, SPENT[kind](90)), "answer"]
    engine = made(kind, retries=2)
    for _ in range(2):
        begun = time.monotonic()
        with pytest.raises(EngineBusy) as busy:
            await pieces_of(engine)
        assert time.monotonic() - begun < 1.0
    assert len(double.calls) == 1 and 80 < (busy.value.retry_after_s or 0) < 92  # dates are whole seconds


@pytest.mark.parametrize("kind", SPENT)
async def test_a_limit_that_ends_soon_is_waited_for(kind: str, made: Made, double: Provider) -> None:
    double.script = [
        Reply(429, {"error": {"message": "slow down"}}, SPENT[kind](1.2) | {"retry-after-ms": "10"}),
        "answer",
    ]
    begun = time.monotonic()
    assert await text_of(made(kind, retries=1)) == WHOLE
    assert 1.0 < time.monotonic() - begun < 3.0 and len(double.calls) == 2


async def test_an_answer_that_uses_up_the_limit_holds_the_next_question(made: Made, double: Provider) -> None:
    engine = made("openai")
    double.script = [Reply(200, parts=(), json={}, headers=SPENT["openai"](90))]
    with pytest.raises(Exception, match="stream ended"):
        await pieces_of(engine)
    with pytest.raises(EngineBusy):
        await pieces_of(engine)
    assert len(double.calls) == 1


async def test_nobody_waits_for_a_limit_past_the_time_for_the_answer(made: Made, double: Provider) -> None:
    double.script = [Reply(429, {}, SPENT["openai"](5)), "answer"]
    begun = time.monotonic()
    with pytest.raises(EngineBusy):
        await pieces_of(made("openai", retries=3, answer_timeout_s=2.0))
    assert time.monotonic() - begun < 1.0


@pytest.mark.parametrize(
    ("said", "calls"),
    [("0.3", 2), ("date", 2), ("3600", 1), ("nonsense", 2)],
    ids=["short", "date", "long", "nonsense"],
)
async def test_retry_after_is_kept_to(said: str, calls: int, made: Made, double: Provider) -> None:
    value = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True) if said == "date" else said
    double.script = [Reply(429, {}, {"Retry-After": value}), "answer"]
    engine, begun = made("openai", retries=1), time.monotonic()
    if calls == 1:
        with pytest.raises(EngineBusy):
            await pieces_of(engine)
    else:
        assert await text_of(engine) == WHOLE
    assert len(double.calls) == calls
    assert time.monotonic() - begun > {"0.3": 0.3, "date": 0.8, "nonsense": 0.2}.get(said, 0)


async def test_many_who_wait_for_one_limit_all_get_their_answer(made: Made, double: Provider) -> None:
    double.script = [Reply(429, {}, SPENT["openai"](0.5)), "answer"]
    engine = made("openai", retries=2)
    assert await asyncio.gather(*(text_of(engine) for _ in range(10))) == [WHOLE] * 10
