"""Continuous batching writes what one stream alone would write, and serves everybody in their turn."""

from __future__ import annotations

import random
from collections import defaultdict
from itertools import groupby

import pytest

from inference.batching.contract import Ended, Events, Piece, Request, Sampling
from inference.batching.pace import Pace
from inference.batching.scheduler import Limits, Scheduler
from inference.engine import Progress
from inference.errors import ContextTooLong, EngineBusy, InferenceError
from tests.inference.toy_context import ToyContext, expected


def request(prompt: list[int], most: int = 30, **values: object) -> Request:
    stop = values.pop("stop", ())
    return Request(prompt, Sampling(max_tokens=most, stop=stop), **values)  # type: ignore[arg-type]


def prompt_of(length: int, seed: int = 0) -> list[int]:
    chance = random.Random(seed)
    return [chance.randrange(150) for _ in range(length)]


def text_of(tokens: list[int]) -> str:
    return "".join(f"{token} " for token in tokens)


class Run:
    """Steps a scheduler, and sorts its events by request."""

    def __init__(self, context: ToyContext, **limits: object) -> None:
        self.context = context
        self.now = 0.0
        self.scheduler = Scheduler(context, Limits(**limits), clock=lambda: self.now)  # type: ignore[arg-type]
        self.events: dict[Request, list[object]] = defaultdict(list)
        self.steps = 0

    def step(self) -> None:
        self.steps += 1
        assert self.steps < 20_000, "it never ends"
        self.take(self.scheduler.step().events)

    def take(self, events: Events) -> None:
        for one, event in events:
            assert self.ended(one) is None, "something after the end"
            self.events[one].append(event)

    def finish(self) -> None:
        while self.scheduler.has_work:
            self.step()

    def text(self, one: Request) -> str:
        return "".join(event.text for event in self.events[one] if isinstance(event, Piece))

    def ended(self, one: Request) -> Ended | InferenceError | None:
        last = self.events[one][-1] if self.events[one] else None
        return last if isinstance(last, Ended | InferenceError) else None

    def positions(self, one: Request) -> list[int | None]:
        return [event.queue_position for event in self.events[one] if isinstance(event, Progress)]


def reason(run: Run, one: Request) -> str:
    ended = run.ended(one)
    assert isinstance(ended, Ended), ended
    return ended.reason


@pytest.mark.parametrize("lookup", [True, False])
@pytest.mark.parametrize("can_truncate", [True, False])
def test_many_streams_write_what_each_would_write_alone(lookup: bool, can_truncate: bool) -> None:
    context = ToyContext()
    context.can_truncate = can_truncate
    run = Run(context, lookup=lookup)
    asked = [request(prompt_of(20 + 10 * n, n), user=str(n)) for n in range(12)]
    for one in asked:
        run.scheduler.submit(one)
    run.finish()
    for one in asked:
        assert run.text(one) == text_of(expected(one.prompt, 30))
        assert reason(run, one) == ("length" if len(expected(one.prompt, 30)) == 30 else "stop")
    assert context.samplers == 0


def test_drafts_from_the_prompt_save_batches_and_change_nothing() -> None:
    batches = {}
    for lookup in (True, False):
        run = Run(ToyContext(), lookup=lookup)
        one = request(prompt_of(60) * 3, 100)
        run.scheduler.submit(one)
        run.finish()
        assert run.text(one) == text_of(expected(one.prompt, 100))
        batches[lookup] = run.context.batches
    assert batches[True] < 0.7 * batches[False]


def test_random_requests_with_stops_deadlines_and_failures_end_rightly_and_leave_nothing() -> None:
    chance = random.Random(5)
    context = ToyContext()
    context.trouble = random.Random(6)
    run = Run(context, waiting=1000, waiting_of_one_user=1000)
    starts = [prompt_of(chance.randrange(5, 150), seed) for seed in range(5)]
    asked: list[Request] = []
    cancelled: set[Request] = set()
    while len(asked) < 400 or run.scheduler.has_work:
        if len(asked) < 400 and chance.random() < 0.4:
            prompt = chance.choice(starts)[: chance.randrange(1, 150)] + prompt_of(chance.randrange(1, 80), len(asked))
            one = request(prompt, chance.randrange(1, 60), user=str(chance.randrange(4)))
            one.deadline = run.now + chance.randrange(5, 300) if chance.random() < 0.1 else one.deadline
            asked.append(one)
            run.scheduler.submit(one)
        if asked and chance.random() < 0.05:
            cancelled.add(one := chance.choice(asked))
            run.scheduler.cancel(one)
        run.now += 1
        run.step()
    for one in asked:
        ended, whole = run.ended(one), text_of(expected(one.prompt, one.sampling.max_tokens))
        if isinstance(ended, InferenceError):
            continue
        assert isinstance(ended, Ended) and ended.completion_tokens == run.text(one).count(" ")
        if ended.reason in ("cancelled", "deadline"):
            assert whole.startswith(run.text(one))
            assert one in cancelled if ended.reason == "cancelled" else one.deadline <= run.now
        else:
            assert run.text(one) == whole
    failed = [one for one in asked if isinstance(run.ended(one), InferenceError)]
    assert len(failed) < 20
    assert context.samplers == 0 and run.scheduler.active == run.scheduler.queued == 0


def test_running_streams_gain_a_token_in_each_step_while_a_long_prompt_is_read() -> None:
    run = Run(ToyContext(batch_tokens=128), inter_token_s=0.0, lookup=False)
    running = request(prompt_of(10), 60)
    run.scheduler.submit(running)
    run.step()
    run.step()
    long = request(prompt_of(390, 3), 5, user="b")
    run.scheduler.submit(long)
    seen = []
    while not run.text(long):
        before = run.text(running).count(" ")
        run.step()
        seen.append(run.text(running).count(" ") - before)
    assert len(seen) >= 5 and set(seen) == {1}
    read = [e.prompt_tokens_read for e in run.events[long] if isinstance(e, Progress)]
    assert read == sorted(read) and read[-1] <= 390


def test_a_prompt_that_begins_as_others_is_computed_once_even_when_all_come_together() -> None:
    run = Run(ToyContext(sequences=10), streams=8)
    start = prompt_of(200, 1)
    asked = [request(start + prompt_of(20, n), 5, user=str(n), cache_key="team") for n in range(8)]
    for one in asked:
        run.scheduler.submit(one)
    run.finish()
    assert run.context.computed < 200 + 8 * (20 + 5 + 10)
    ended = [run.ended(one) for one in asked]
    assert sorted(e.cached_tokens for e in ended if isinstance(e, Ended))[1:] == [200] * 7


def test_the_next_question_of_a_conversation_finds_what_was_said_before() -> None:
    run = Run(ToyContext())
    first = request(prompt_of(100), 20)
    run.scheduler.submit(first)
    run.finish()
    second = request(first.prompt + expected(first.prompt, 20) + prompt_of(10, 9), 5)
    run.scheduler.submit(second)
    run.finish()
    ended = run.ended(second)
    assert isinstance(ended, Ended) and ended.cached_tokens >= 100 + len(expected(first.prompt, 20)) - 1
    assert run.text(second) == text_of(expected(second.prompt, 5))


def test_nothing_is_shared_between_keys_but_what_is_public_for_both() -> None:
    run = Run(ToyContext())
    prompt = prompt_of(100)
    for n, (key, public, cached) in enumerate(
        [("a", 40, 0), ("b", 40, 40), ("c", 0, 0), ("b", 40, 99), ("d", 25, 25), ("a", 0, 99)]
    ):
        one = request(prompt, 1, cache_key=key, public_tokens=public, user=str(n))
        run.scheduler.submit(one)
        run.finish()
        ended = run.ended(one)
        assert isinstance(ended, Ended) and ended.cached_tokens == cached, (key, public)


def test_users_take_turns_and_are_told_their_place() -> None:
    run = Run(ToyContext(), streams=1)
    greedy = [request(prompt_of(10, n), 3, user="greedy") for n in range(4)]
    for one in greedy:
        run.scheduler.submit(one)
    run.step()
    late = request(prompt_of(10, 9), 3, user="late")
    place = run.scheduler.submit(late)
    assert place.queue_position == 2
    run.finish()
    assert [place for place, _ in groupby(run.positions(late))] == [1, 0]
    assert run.positions(greedy[3])[-1] == 0 and max(p for p in run.positions(greedy[3]) if p is not None) >= 3


def test_past_its_bounds_the_queue_says_busy_and_keeps_what_it_has() -> None:
    run = Run(ToyContext(), streams=1, waiting=3, waiting_of_one_user=2)
    asked = [request(prompt_of(5, n), 2, user=user) for n, user in enumerate(("a", "a", "b"))]
    for one in asked[:2]:
        run.scheduler.submit(one)
    with pytest.raises(EngineBusy, match="too many"):
        run.scheduler.submit(request([1], user="a"))
    run.scheduler.submit(asked[2])
    with pytest.raises(EngineBusy) as refused:
        run.scheduler.submit(request([1], user="c"))
    assert refused.value.retry_after_s
    run.finish()
    assert all(isinstance(run.ended(one), Ended) for one in asked)


def test_a_prompt_that_is_too_long_is_refused_before_anything_is_computed() -> None:
    run = Run(ToyContext(sequence_tokens=50))
    with pytest.raises(ContextTooLong):
        run.scheduler.submit(request(prompt_of(50)))
    fits = request(prompt_of(45), 100)
    run.scheduler.submit(fits)
    run.finish()
    assert run.text(fits) == text_of(expected(fits.prompt, 5))


def test_streams_are_given_equally_many_drafts_or_none() -> None:
    """Rows of some alone would be another pass over the weights."""
    run = Run(ToyContext())
    asked = [request(prompt_of(60, n) * 3, 100, user=str(n)) for n in range(2)]
    for one in asked:
        run.scheduler.submit(one)
    while not all(run.text(one) for one in asked):
        run.step()
    widest = 0
    while run.scheduler.active == 2:
        run.step()
        fewer, more = sorted(map(run.context.latest.count, set(run.context.latest)))[-2:]
        assert fewer == more
        widest = max(widest, more)
    assert widest > 3


@pytest.mark.parametrize("can_truncate", [True, False])
def test_the_rows_of_running_streams_are_one_pass_of_whole_granules(can_truncate: bool) -> None:
    """llama.cpp wants consecutive sequences in their order, and computes four rows as fast as three."""
    context = ToyContext(sequences=7)
    context.can_truncate = can_truncate
    run = Run(context, streams=5, lookup=False)
    asked = [request(prompt_of(20 + n, n), 100, user=str(n)) for n in range(5)]
    for one in asked:
        run.scheduler.submit(one)
    while not all(run.text(one) for one in asked):
        run.step()
    for leaving, expected_rows in ((asked[1], [5, 4]), (asked[3], [5, 4]), (asked[4], [3, 4])):
        run.scheduler.cancel(leaving)
        for _ in range(3):
            run.step()
        rows = context.latest
        assert rows == sorted(rows)
        if can_truncate:
            assert rows == list(range(rows[0], rows[0] + len(rows))) and len(rows) in expected_rows, rows
    run.finish()
    for one in (asked[0], asked[2]):
        assert run.text(one) == text_of(expected(one.prompt, 100))


@pytest.mark.parametrize("after", [0, 1, 4])
def test_a_cancelled_request_leaves_with_the_next_step_in_the_queue_in_the_prompt_and_in_the_answer(after: int) -> None:
    run = Run(ToyContext(batch_tokens=64), streams=1)
    first, waiting = request(prompt_of(200), 50), request(prompt_of(20, 4), 5, user="b")
    run.scheduler.submit(first)
    run.scheduler.submit(waiting)
    for _ in range(after):
        run.step()
    run.scheduler.cancel(first)
    run.step()
    assert reason(run, first) == "cancelled"
    run.finish()
    assert run.text(waiting) == text_of(expected(waiting.prompt, 5))


def test_a_stop_string_ends_the_answer_before_itself() -> None:
    whole = expected(prompt_of(30), 30)
    one = request(prompt_of(30), 30, stop=(f"{whole[4]} {whole[5]}",))
    run = Run(ToyContext())
    run.scheduler.submit(one)
    run.finish()
    assert (run.text(one), reason(run, one)) == (text_of(whole[:4]), "stop")


def test_when_the_context_is_gone_everybody_hears_of_it() -> None:
    run = Run(ToyContext(), streams=1)
    asked = [request(prompt_of(20, n), user=str(n)) for n in range(3)]
    for one in asked:
        run.scheduler.submit(one)
    run.step()
    run.take(run.scheduler.fail_all())
    assert all(isinstance(run.ended(one), InferenceError) for one in asked)
    assert not run.scheduler.has_work


def test_where_many_wait_for_their_first_token_the_few_who_write_wait_longer_but_not_for_ever() -> None:
    pace = Pace(target_s=0.25, most=1024)
    pace.observe(0, 500, 1.0)
    pace.observe(4, 0, 0.05)
    alone, some, crowded, besieged = (pace.slice_tokens(*both) for both in ((4, 1), (8, 3), (4, 5), (1, 500)))
    assert alone == pytest.approx(81, abs=1), "one prompt makes nobody wait longer"
    assert some == pytest.approx(187, abs=1) and crowded == pytest.approx(506, abs=1)
    assert besieged == pytest.approx(825, abs=1)
