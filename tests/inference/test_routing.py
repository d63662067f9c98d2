"""Breakers, hedged starts and balanced copies, against providers that misbehave."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
from structlog.testing import capture_logs

from inference import health
from inference.config import InferenceConfig
from inference.engine import ChatMessage, Engine, Finish, Generation, Piece, Source, TextPiece, Usage, Writer
from inference.engines.build import EndpointDescription, engine_for
from inference.engines.extractive import ExtractiveEngine
from inference.engines.local import NAMELESS
from inference.errors import EngineUnavailable, InferenceError
from inference.prompts import estimate_prompt, estimate_tokens
from inference.routing import breaker, failures
from inference.routing.attempt import Attempted
from inference.routing.built_in import Fixed, build_router
from inference.routing.conditions import Conditions
from inference.routing.plan import Candidate, Catalogue, Plan, Split
from inference.routing.router import Router, UnknownRoute
from tests.provider_double import WORDS, ChatCompletions, Provider, Providers, Reply, line

SOURCES = (Source(1, "leave.md", "Everybody has 28 days of leave a year.", score=0.9),)
ASKED = Generation("turn", "How many days?", (ChatMessage("user", "How many?"),), SOURCES, asker="alice")
WHOLE = "".join(WORDS)


class House:
    """A router over endpoints, and what it reports."""

    def __init__(self, tmp_path: Path) -> None:
        self.config = InferenceConfig((), "token", tmp_path, first_token_timeout_s=2.0, retries=0)
        self.reported: list[Attempted] = []

    def engine(self, double: Provider, name: str, *, outside: bool = True) -> Engine:
        return engine_for(EndpointDescription(name, "openai", double.url, "double", "key", outside), self.config)

    def router(self, *plans: Plan) -> Router:
        return Router(Fixed(Catalogue(plans, ExtractiveEngine(_embed))), self.reported.append)

    def in_order(self, *engines: Engine, hedge_after_s: float = 0.0) -> Router:
        tiers = tuple((Candidate(engine.name, (engine,)),) for engine in engines)
        return self.router(Plan("footnote", tiers, hedge_after_s=hedge_after_s))


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


async def _embed(texts: Sequence[str]) -> np.ndarray:
    return np.ones((len(texts), 1), dtype=np.float32)


async def answer(router: Router, asked: Generation = ASKED) -> tuple[str, list[str]]:
    pieces = [piece async for piece in router.stream(asked)]
    text = "".join(piece.text for piece in pieces if isinstance(piece, TextPiece))
    return text, [piece.engine for piece in pieces if isinstance(piece, Writer)]


# -- hedged starts -----------------------------------------------------------------------------------------------------
async def test_where_the_first_text_is_late_another_engine_is_asked_and_the_first_to_write_wins(
    doubles: Providers, house: House
) -> None:
    late, quick = doubles.new(), doubles.new()
    late.script = ["silence"]
    router = house.in_order(house.engine(late, "api: late"), house.engine(quick, "api: quick"), hedge_after_s=0.1)
    begun = time.monotonic()
    assert await answer(router) == (WHOLE, ["api: late", "api: quick"])
    assert time.monotonic() - begun < 1.5
    assert [(one.engine, one.code, one.failed) for one in house.reported] == [
        ("api: late", "overtaken", False),
        ("api: quick", "", False),
    ]


async def test_a_loser_of_a_hedged_start_is_hung_up_on(doubles: Providers, house: House) -> None:
    late, quick = doubles.new(), doubles.new()
    late.script = ["standing:30"]
    router = house.in_order(house.engine(late, "api: late"), house.engine(quick, "api: quick"), hedge_after_s=0.2)
    assert (await answer(router))[0] == WHOLE
    assert await late.nobody_reads()


async def test_an_engine_that_writes_in_time_is_the_only_one_asked(doubles: Providers, house: House) -> None:
    first, second = doubles.new(), doubles.new()
    first.script = ["slow"]
    router = house.in_order(house.engine(first, "api: 1"), house.engine(second, "api: 2"), hedge_after_s=1.5)
    assert await answer(router) == (WHOLE, ["api: 1"])
    assert not second.calls


async def test_the_first_of_a_hedged_start_may_still_win(doubles: Providers, house: House) -> None:
    first, second = doubles.new(), doubles.new()
    first.script, second.script = ["reading:5"], ["silence"]
    router = house.in_order(house.engine(first, "api: 1"), house.engine(second, "api: 2"), hedge_after_s=0.1)
    assert await answer(router) == (WHOLE, ["api: 1"])
    assert len(second.calls) == 1
    assert Counter(one.code for one in house.reported) == {"overtaken": 1, "": 1}


async def test_when_both_of_a_hedged_start_fail_the_quotes_answer(doubles: Providers, house: House) -> None:
    first, second = doubles.new(), doubles.new()
    first.script, second.script = ["silence"], ["500"]
    router = house.in_order(house.engine(first, "api: 1"), house.engine(second, "api: 2"), hedge_after_s=0.1)
    text, writers = await answer(router)
    assert "28 days" in text and writers[-1] == "extractive"
    assert [one.failed for one in house.reported] == [True, True, False]


async def test_being_slow_alone_does_not_bring_the_last_resort(doubles: Providers, house: House) -> None:
    first = doubles.new()
    first.script = ["reading:5"]
    router = house.in_order(house.engine(first, "api: 1"), hedge_after_s=0.1)
    assert await answer(router) == (WHOLE, ["api: 1"])


async def test_a_hedged_start_never_goes_outside_with_what_must_stay(doubles: Providers, house: House) -> None:
    inside, outside = doubles.new(), doubles.new()
    inside.script = ["reading:5"]
    engines = house.engine(inside, "house: in", outside=False), house.engine(outside, "api: out")
    assert (await answer(house.in_order(*engines, hedge_after_s=0.1), replace(ASKED, in_house=True)))[0] == WHOLE
    assert not outside.calls


async def test_an_asker_who_leaves_in_a_hedged_start_stops_both(doubles: Providers, house: House) -> None:
    first, second = doubles.new(), doubles.new()
    first.script = second.script = ["standing:30"]
    router = house.in_order(house.engine(first, "api: 1"), house.engine(second, "api: 2"), hedge_after_s=0.1)

    async def ask() -> None:
        async with aclosing(router.stream(ASKED)) as pieces:  # type: ignore[type-var]
            async for _ in pieces:
                pass

    task = asyncio.create_task(ask())
    await asyncio.sleep(0.6)
    assert second.calls
    task.cancel()
    await asyncio.wait({task})
    assert await first.nobody_reads() and await second.nobody_reads()
    assert [one.failed for one in house.reported] == [False, False]


# -- breakers ----------------------------------------------------------------------------------------------------------
async def test_a_breaker_closes_by_itself_when_its_probe_succeeds(
    doubles: Providers, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaker, "_FIRST_S", 0.3)
    double = doubles.new()
    double.script = ["500"]
    router = house.in_order(house.engine(double, "api: 1"))
    assert (await answer(router))[1][-1] == "extractive"
    double.script = ["answer"]
    assert (await answer(router))[1] == ["extractive"]
    await asyncio.sleep(0.35)
    assert (await answer(router))[1] == ["api: 1"]
    assert (await router.describe())[0].problem == ""


async def test_while_a_probe_is_out_others_are_answered_by_the_next_engine(
    doubles: Providers, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaker, "_FIRST_S", 0.1)
    double, other = doubles.new(), doubles.new()
    double.script = ["500", "slow"]
    router = house.in_order(house.engine(double, "api: 1"), house.engine(other, "api: 2"))
    await answer(router)
    await asyncio.sleep(0.15)
    found = await asyncio.gather(*(answer(router) for _ in range(5)))
    assert sorted(writers for _, writers in found) == [["api: 1"], *[["api: 2"]] * 4]
    assert all(text == WHOLE for text, _ in found)


async def test_each_failed_probe_doubles_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(breaker.time, "monotonic", lambda: now)
    one = breaker.Breaker()
    opened = []
    for _ in range(7):
        one.begin()
        one.fail("It is away.", probe=True)
        assert one.state == "open" and not one.admits()
        began = now
        while not one.admits():
            now += 0.1
        opened.append(now - began)
    assert all(4.0 <= opened[0] <= 5.1 and later > earlier * 1.5 for earlier, later in pairwise(opened[:4]))
    assert max(opened) <= 120.1
    one.begin()
    assert not one.admits()
    one.succeed()
    assert one.admits() and one.state == "closed"


async def test_who_probes_an_engine_that_hangs_does_not_wait_for_it_alone(
    doubles: Providers, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaker, "_FIRST_S", 0.1)
    monkeypatch.setattr(breaker, "PROBE_S", 0.2)
    monkeypatch.setattr("inference.routing.relay.PROBE_S", 0.2)
    hangs, other = doubles.new(), doubles.new()
    hangs.script = ["500", "silence"]
    router = house.in_order(house.engine(hangs, "api: 1"), house.engine(other, "api: 2"))
    await answer(router)
    await asyncio.sleep(0.15)
    begun = time.monotonic()
    assert (await answer(router))[0] == WHOLE
    assert time.monotonic() - begun < 1.5 and len(hangs.calls) == 2
    begun = time.monotonic()
    assert (await answer(router))[0] == WHOLE
    assert time.monotonic() - begun < 0.2 and len(hangs.calls) == 2, "nor does the next one"


# -- copies ------------------------------------------------------------------------------------------------------------
async def test_of_two_copies_the_slow_one_gets_the_smaller_part(doubles: Providers, house: House) -> None:
    slow, quick = doubles.new(), doubles.new()
    slow.script = ["reading:3"]
    copies = (house.engine(slow, "house: one", outside=False), house.engine(quick, "house: one", outside=False))
    router = house.router(Plan("footnote", ((Candidate("one", copies),),)))
    for _ in range(12):
        assert await answer(router) == (WHOLE, ["house: one"])
    assert len(slow.calls) <= 2 and len(quick.calls) >= 10


async def test_questions_at_once_are_spread_over_the_copies(doubles: Providers, house: House) -> None:
    both = doubles.new(), doubles.new()
    for double in both:
        double.script = ["slow"]
    copies = tuple(house.engine(double, "house: one", outside=False) for double in both)
    router = house.router(Plan("footnote", ((Candidate("one", copies),),)))
    await asyncio.gather(*(answer(router) for _ in range(8)))
    assert [len(double.calls) for double in both] == [4, 4]


async def test_a_copy_that_dies_in_the_middle_is_followed_by_the_other(doubles: Providers, house: House) -> None:
    dying, well = doubles.new(), doubles.new()
    dying.script = ["cut"]
    copies = (house.engine(dying, "house: one", outside=False), house.engine(well, "house: one", outside=False))
    router = house.router(Plan("footnote", ((Candidate("one", copies),),)))
    text, writers = await answer(router)
    assert text == "".join(WORDS[:2]) + WHOLE and writers == ["house: one", "house: one"]
    assert len(well.calls[0]["messages"]) > len(dying.calls[0]["messages"])  # type: ignore[arg-type]  # and goes on


# -- shares and names --------------------------------------------------------------------------------------------------
async def test_people_stay_with_their_version_and_shares_hold(doubles: Providers, house: House) -> None:
    one, two = (Candidate(name, (house.engine(doubles.new(), f"api: {name}"),), share=share) for name, share in
                (("one", 3), ("two", 1)))  # fmt: skip
    router = house.router(Plan("footnote", ((one, two),)))
    firsts = [(await router.first(replace(ASKED, asker=f"person {n}"))).engine.name for n in range(400)]
    assert 250 < firsts.count("api: one") < 350
    again = [(await router.first(replace(ASKED, asker=f"person {n}"))).engine.name for n in range(400)]
    assert again == firsts


async def test_a_roll_out_takes_its_share_and_whom_it_fails_the_current_version_serves(
    doubles: Providers, house: House
) -> None:
    old, new = doubles.new(), doubles.new()
    new.script = ["500"]
    current = Candidate("old", (house.engine(old, "api: old"),), version=uuid4())
    split = Split(uuid4(), current.version or uuid4(), Candidate("new", (house.engine(new, "api: new"),), uuid4()), 0.3)
    router = house.router(Plan("footnote", ((current,),), split))
    lines = [await router.explain(replace(ASKED, asker=f"person {n}")) for n in range(300)]
    canaries = [number for number, line in enumerate(lines) if line[0].canary]
    assert 60 < len(canaries) < 120
    assert all([one.engine for one in lines[n]] == ["api: new", "api: old", "extractive"] for n in canaries)
    assert await answer(router, replace(ASKED, asker=f"person {canaries[0]}")) == (WHOLE, ["api: new", "api: old"])
    failed, served = house.reported
    assert (failed.rollout, failed.failed, served.rollout) == (split.rollout, True, None)
    house.reported.clear()
    others = next(n for n in range(300) if n not in canaries)
    await answer(router, replace(ASKED, asker=f"person {others}"))
    assert [(one.engine, one.rollout) for one in house.reported] == [("api: old", split.rollout)]


async def test_who_is_preferred_is_asked_first_and_the_others_take_over(doubles: Providers, house: House) -> None:
    one, two = doubles.new(), doubles.new()
    router = house.in_order(house.engine(one, "api: one"), house.engine(two, "api: two"))
    assert (await answer(router, replace(ASKED, prefers="api: two")))[1] == ["api: two"]
    two.script = ["500"]
    assert (await answer(router, replace(ASKED, prefers="api: two")))[1] == ["api: two", "api: one"]
    assert (await answer(router, replace(ASKED, prefers="api: three")))[1] == ["api: one"]


async def test_quotations_that_are_preferred_are_the_whole_line(doubles: Providers, house: House) -> None:
    one = doubles.new()
    router = house.in_order(house.engine(one, "api: one"))
    (writer, *_) = [piece async for piece in router.stream(replace(ASKED, prefers="extractive"))]
    assert (writer, one.calls) == (Writer("extractive"), [])


async def test_who_is_preferred_may_still_not_be_asked(doubles: Providers, house: House) -> None:
    """What must stay in the house stays there, and groups that an engine is meant for keep it for themselves."""
    outside, closed = doubles.new(), doubles.new()
    board = Candidate("board", (house.engine(closed, "api: board"),), conditions=Conditions(groups=frozenset({7})))
    own = Candidate("own", (house.engine(doubles.new(), "house: own", outside=False),))
    far = Candidate("far", (house.engine(outside, "api: far"),))
    router = house.router(Plan("footnote", ((own,), (far,), (board,))))
    assert (await answer(router, replace(ASKED, prefers="api: far", in_house=True)))[1] == ["house: own"]
    assert (await answer(router, replace(ASKED, prefers="api: board")))[1] == ["house: own"]
    assert (await answer(router, replace(ASKED, prefers="api: board", groups=frozenset({7}))))[1] == ["api: board"]
    assert outside.calls == [] and len(closed.calls) == 1


async def test_who_is_preferred_counts_in_no_comparison(doubles: Providers, house: House) -> None:
    current = Candidate("old", (house.engine(doubles.new(), "api: old"),), version=uuid4())
    new = Candidate("new", (house.engine(doubles.new(), "api: new"),), uuid4())
    router = house.router(Plan("footnote", ((current,),), Split(uuid4(), current.version or uuid4(), new, 0.0)))
    await answer(router, replace(ASKED, prefers="api: old"))
    assert [(one.engine, one.rollout) for one in house.reported] == [("api: old", None)]


async def test_a_version_that_is_down_has_failed_in_the_comparison(house: House, doubles: Providers) -> None:
    """Though nobody asks it: while it cannot be reached, and while it rests."""
    down = EndpointDescription("", "openai", "http://127.0.0.1:9/v1", "m", "", False)
    engines = [engine_for(replace(down, name=f"house: new {n}"), house.config) for n in range(2)]
    current = Candidate("old", (house.engine(doubles.new(), "api: old"),), version=uuid4())
    split = Split(uuid4(), current.version or uuid4(), Candidate("new", tuple(engines), uuid4()), 1.0)
    router = house.router(Plan("footnote", ((current,),), split))
    for _ in range(3):
        assert (await answer(router))[1] == ["api: old"]
    passed, *_ = [one for one in house.reported if one.version == split.new.version]
    assert (passed.rollout, passed.failed, passed.code) == (split.rollout, True, "passed by")
    assert [one.rollout for one in house.reported] == [split.rollout, None] * 3  # its two copies are one failure
    house.reported.clear()
    await answer(house.router(Plan("footnote", ((split.new,), (current,)))))
    assert [one.engine for one in house.reported] == ["api: old"]  # outside of a comparison nobody needs to know


async def test_what_must_stay_in_the_house_is_no_failure_of_a_version_outside(house: House, doubles: Providers) -> None:
    current = Candidate("old", (house.engine(doubles.new(), "house: old", outside=False),), version=uuid4())
    new = Candidate("new", (house.engine(doubles.new(), "api: new"),), uuid4())
    router = house.router(Plan("footnote", ((current,),), Split(uuid4(), current.version or uuid4(), new, 1.0)))
    await answer(router, replace(ASKED, in_house=True))
    assert [one.engine for one in house.reported] == ["house: old"]


async def test_what_nobody_counted_is_estimated(house: House, doubles: Providers) -> None:
    """A stopped answer, one that breaks off, and one that was overtaken before it wrote; a refusal costs nothing."""
    slow, broken, refusing, quick = (doubles.new() for _ in range(4))
    slow.script, broken.script, refusing.script = ["slow"], ["cut"], ["500"]
    async with aclosing(house.in_order(house.engine(slow, "api: stopped")).stream(ASKED)) as pieces:
        async for piece in pieces:
            if isinstance(piece, TextPiece):
                break
    await answer(house.in_order(house.engine(broken, "api: broken"), house.engine(refusing, "api: refusing")))
    slow.script = ["silence"]
    await answer(house.in_order(house.engine(slow, "api: late"), house.engine(quick, "api: quick"), hedge_after_s=0.05))
    estimates = {one.engine: one.estimated for one in house.reported}
    prompt = estimate_prompt(ASKED.messages)
    assert estimates["api: stopped"] == Usage(prompt, estimate_tokens(WORDS[0]))
    cut = estimates["api: broken"]
    assert cut is not None and cut.prompt_tokens == prompt and 0 < cut.completion_tokens < estimate_tokens(WHOLE)
    assert estimates["api: late"] == Usage(prompt, 0)
    assert estimates["api: refusing"] is None and estimates["api: quick"] is None


async def test_routes_come_before_engines_and_an_unknown_name_is_refused(doubles: Providers, house: House) -> None:
    engine = house.engine(doubles.new(), "api: 1")
    tier = (Candidate("1", (engine,)),)
    router = house.router(Plan("footnote", (tier,)), Plan("quick", (tier,)))
    assert await router.names() == ["footnote", "quick", "api: 1", "extractive"]
    assert (await answer(router, replace(ASKED, route="extractive")))[1] == ["extractive"]
    assert (await answer(router, replace(ASKED, route="api: 1")))[1] == ["api: 1"]
    with pytest.raises(UnknownRoute):
        await answer(router, replace(ASKED, route="nobody"))


async def test_what_an_answer_took_is_reported(doubles: Providers, house: House) -> None:
    double = doubles.new()
    double.script = ["slow"]
    await answer(house.in_order(house.engine(double, "api: 1")))
    (one,) = house.reported
    assert one.usage is not None and one.usage.completion_tokens == 5 and not one.failed
    assert one.first_token_ms is not None and one.first_token_ms >= 40 and one.writing_ms >= 150


@pytest.mark.parametrize(
    ("counts", "believed"),
    [
        ({"prompt_tokens": 9, "completion_tokens": 30_000}, True),  # it thought
        ({"prompt_tokens": 20_000, "completion_tokens": 5}, True),  # it looked something up
        ({"prompt_tokens": 9, "completion_tokens": 34_000}, False),
        ({"prompt_tokens": 999_999_999, "completion_tokens": 5}, False),
        ({"prompt_tokens": 0, "completion_tokens": 5}, False),
        ({"prompt_tokens": 9, "completion_tokens": 0}, False),
    ],
)
async def test_tokens_that_cannot_be_of_an_answer_are_estimated(
    counts: dict[str, int], believed: bool, doubles: Providers, house: House
) -> None:
    double = doubles.new()
    ending = ({"choices": [{"delta": {}, "finish_reason": "stop"}]}, {"choices": [], "usage": counts})
    double.script = [Reply(parts=(ChatCompletions.word("Nine."), *map(line, ending)))]
    with capture_logs() as logs:
        pieces = [piece async for piece in house.in_order(house.engine(double, "api: 1")).stream(ASKED)]
    assert pieces[-1] == Finish("stop", Usage(**counts) if believed else None)
    (one,) = house.reported
    told = [entry for entry in logs if entry["event"] == "engine.usage_not_credible"]
    if believed:
        assert one.usage == Usage(**counts) and one.estimated is None and not told
    else:
        assert one.usage is None and one.estimated == Usage(estimate_prompt(ASKED.messages), estimate_tokens("Nine."))
        assert [(entry["engine"], entry["completion_tokens"]) for entry in told] == [
            ("api: 1", counts["completion_tokens"])
        ]


async def test_quotations_take_no_tokens_and_that_is_no_warning(house: House) -> None:
    with capture_logs() as logs:
        await answer(house.in_order())
    (one,) = house.reported
    assert one.usage == Usage(0, 0)
    assert [entry for entry in logs if entry["event"] == "engine.usage_not_credible"] == []


async def test_a_model_service_whose_model_is_not_known_is_not_in_the_list(doubles: Providers, house: House) -> None:
    router = house.in_order(house.engine(doubles.new(), NAMELESS), house.engine(doubles.new(), "api: 1"))
    assert NAMELESS not in await router.names()


async def test_a_crash_of_an_engine_leaves_no_question_counted_as_under_way(house: House) -> None:
    class Crashing(ExtractiveEngine):
        async def stream(self, request: Generation) -> AsyncIterator[TextPiece]:  # type: ignore[override]
            raise ZeroDivisionError
            yield TextPiece("")

    engine = Crashing(_embed)
    router = house.in_order(engine)
    with pytest.raises(ZeroDivisionError):
        await answer(router)
    assert router._states[engine].load.outstanding == 0


# -- the books of a race -----------------------------------------------------------------------------------------------
class Scripted(ExtractiveEngine):
    """Waits for its gate, then does what it is told: a text, or an error."""

    def __init__(self, name: str, gate: asyncio.Event, ends_with: InferenceError | None = None) -> None:
        super().__init__(_embed)
        self.name, self._gate, self._ends_with = name, gate, ends_with  # type: ignore[misc]

    async def stream(self, request: Generation) -> AsyncIterator[Piece]:  # type: ignore[override]
        await self._gate.wait()
        if self._ends_with:
            raise self._ends_with
        yield TextPiece("text")
        yield Finish("stop")


@pytest.mark.parametrize("error", [None, EngineUnavailable("It is away.")])
async def test_of_two_that_end_in_one_moment_one_wins_and_the_other_is_booked_for_what_it_did(
    house: House, error: InferenceError | None
) -> None:
    gate = asyncio.Event()
    first, second = Scripted("api: 1", gate, error), Scripted("api: 2", gate)
    router = house.in_order(first, second, hedge_after_s=0.05)
    asyncio.get_running_loop().call_later(0.3, gate.set)
    assert (await answer(router))[0] == "text"
    books = {(one.code, one.failed) for one in house.reported}
    assert books == {("", False), (error.code, True) if error else ("overtaken", False)}
    for engine in (first, second):
        assert router._states[engine].load.outstanding == 0


async def test_an_old_answer_that_is_stopped_does_not_let_a_second_probe_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 0.0
    monkeypatch.setattr(breaker.time, "monotonic", lambda: now)
    told: list[bool] = []
    one = breaker.Breaker(told.append)
    old_is_probe = one.begin()
    one.fail("It is away.", probe=False)
    now += 6.0
    assert one.begin() and not old_is_probe
    one.fail("It broke off.", probe=old_is_probe)
    assert one.state == "half-open" and not one.admits()
    one.succeed()
    assert one.admits() and told == [True, False]


# -- what is told and logged -------------------------------------------------------------------------------------------
async def test_a_failure_is_logged_with_its_status_once_a_minute_and_without_a_word_of_the_question(
    doubles: Providers, house: House, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    double = doubles.new()
    double.script = [Reply(500, {"error": {"message": "I cannot answer: How many days?", "code": "broken"}})]
    router = house.in_order(house.engine(double, "house: eps", outside=False), house.engine(double, "api: 2"))
    monkeypatch.setattr(breaker, "_FIRST_S", 0.0)
    with caplog.at_level("WARNING"):
        for _ in range(3):
            assert (await answer(router))[1][0] == "house: eps"
        monkeypatch.setattr(failures, "_EVERY_S", 0.0)
        await answer(router)
    lines = [str(record.msg) for record in caplog.records if "house: eps" in str(record.msg)]
    assert len(lines) == 2 and all("status 500" in line and "engine_unavailable" in line for line in lines)
    assert "'times': 3" in lines[1] and not any("days" in str(record.msg) for record in caplog.records)


async def test_a_model_of_the_house_that_is_away_is_named_and_none_at_all_is_not(
    doubles: Providers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_INSIDE_S", 0.0)
    service = doubles.new()
    service.models = [{"id": "quoter"}]
    config = InferenceConfig((service.url.removesuffix("/v1"),), "token", tmp_path, retries=0)
    router = build_router(config, _embed)
    assert (await answer(router))[1] == ["local: quoter"]
    service.list_status = 500
    pieces = [piece async for piece in router.stream(ASKED)]
    assert pieces[0] == Writer("extractive", "quoter refuses to answer (status 500).")
    service.list_status, service.models = 200, []
    assert await anext(router.stream(ASKED)) == Writer("extractive", "")
