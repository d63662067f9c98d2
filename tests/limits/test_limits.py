"""Limits hold across processes, are told in headers, and are the right ones for whoever asks."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.conf import settings as project
from django.contrib.auth.models import Group
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, connection, transaction
from django.test import AsyncClient, Client

from chatapp import env
from chatapp.accounts.keys import create_key, people_of_keys
from chatapp.accounts.models import ApiKey, User
from chatapp.errors import Busy, as_dict
from chatapp.governance.models import AuditEntry
from chatapp.limits import buckets, slots
from chatapp.limits.buckets import Bucket, Fill
from chatapp.limits.models import Counter, Limit, Resource, Slot
from chatapp.limits.recent import Recent
from chatapp.limits.rules import rules
from chatapp.limits.services import Asked, LimitReached, charge, take, take_all
from chatapp.limits.tasks import forget_empty
from chatapp.limits.tokens import reserve, smallest
from tests.conftest import Cast, signed_in_client


def limit(resource: Resource, amount: int, seconds: int = 60, **of: Any) -> Limit:
    made = Limit.objects.create(resource=resource, amount=amount, seconds=seconds, **of)
    rules.forget()
    return made


def allowed(person: User, times: int, resource: Resource = Resource.REQUESTS) -> int:
    """How many of these go through."""
    return sum(not isinstance(take_all([Asked(person, ((resource, 1),))])[0], Exception) for _ in range(times))


# -- who has which -----------------------------------------------------------------------------------------------------
def test_ones_own_limit_comes_before_that_of_groups_of_everybody_and_of_the_settings(cast: Cast, settings: Any) -> None:
    settings.LIMIT_REQUESTS = (3, 3600)
    assert allowed(cast.alice, 10) == 3
    limit(Resource.REQUESTS, 4, 3600)
    assert (allowed(cast.alice, 10), allowed(cast.bob, 10)) == (4, 4)
    limit(Resource.REQUESTS, 5, 3600, group=cast.alice.groups.get())
    generous = Group.objects.create(name="generous")
    limit(Resource.REQUESTS, 6, 3600, group=generous)
    cast.alice.groups.add(generous)
    assert (allowed(cast.alice, 10), allowed(cast.charlie, 10)) == (6, 4)
    limit(Resource.REQUESTS, 2, 3600, user=cast.alice)
    assert allowed(cast.alice, 10) == 2


def test_what_a_group_has_together_is_shared_and_leaves_others_alone(cast: Cast, settings: Any) -> None:
    settings.LIMIT_REQUESTS = (100, 3600)
    both = Group.objects.create(name="both")
    cast.alice.groups.add(both)
    cast.bob.groups.add(both)
    limit(Resource.REQUESTS, 5, 3600, group=both, together=True)
    assert (allowed(cast.alice, 3), allowed(cast.bob, 10), allowed(cast.charlie, 10)) == (3, 2, 10)


def test_a_key_has_its_own_limit_beside_that_of_its_person(cast: Cast, settings: Any) -> None:
    settings.LIMIT_REQUESTS = (5, 3600)
    first, second = people_of_keys([create_key(user=cast.alice, name=name) for name in ("first", "second")])
    assert first is not None and second is not None
    limit(Resource.REQUESTS, 2, 3600, key=ApiKey.objects.get(name="first"))
    assert (allowed(first, 10), allowed(second, 10)) == (2, 3)


def test_what_is_refused_by_one_limit_is_taken_of_none(cast: Cast, settings: Any) -> None:
    settings.LIMIT_REQUESTS = (3, 3600)
    limit(Resource.REQUESTS, 1, 3600, together=True)
    assert allowed(cast.alice, 9) == 1
    Limit.objects.all().delete()
    rules.forget()
    assert allowed(cast.alice, 9) == 2


def test_nonsense_cannot_be_stored(cast: Cast) -> None:
    key = ApiKey.objects.create(user=cast.alice, name="k", sha256="0" * 64, hint="abcd")
    group = Group.objects.get(name="owners")
    wrong: list[dict[str, Any]] = [
        {"amount": 0},
        {"seconds": 0},
        {"user": cast.alice, "group": group},
        {"group": group, "key": key},
        {"user": cast.alice, "together": True},
        {"resource": "turns", "together": True},
    ]
    for fields in wrong:
        with pytest.raises(IntegrityError), transaction.atomic():
            Limit.objects.create(**{"resource": "requests", "amount": 1, **fields})
    for text in ("-1", "5", "5/0", "0/5", "a/b", "5/5/5", "1" * 30 + "/1"):
        os.environ["CHATAPP_LIMIT_NONSENSE"] = text
        with pytest.raises(ImproperlyConfigured):
            env.rate("CHATAPP_LIMIT_NONSENSE", "0")
    del os.environ["CHATAPP_LIMIT_NONSENSE"]


# -- counting ----------------------------------------------------------------------------------------------------------
def test_what_was_used_comes_back_with_time(transactional_db: None) -> None:
    bucket = Bucket("b", 10, 1, "requests")
    assert sum(buckets.take([[Fill(bucket, 1)]])[0].allowed for _ in range(20)) in (10, 11)
    time.sleep(0.55)
    assert sum(buckets.take([[Fill(bucket, 1)]])[0].allowed for _ in range(20)) in (5, 6, 7)


def test_many_requests_in_one_call_fare_as_one_after_the_other(transactional_db: None) -> None:
    small, large = Bucket("small", 2, 3600, "requests"), Bucket("large", 5, 3600, "requests")
    outcomes = buckets.take(
        [[Fill(small, 1), Fill(large, 1)], [Fill(large, 4)], [], [Fill(large, 4)], [Fill(small, 2)]]
    )
    assert [one.allowed for one in outcomes] == [True, True, True, False, False]
    assert [level.remaining for level in outcomes[0].levels] == [1, 4] and outcomes[3].levels[0].remaining == 0


def test_what_is_charged_afterwards_may_run_over_and_what_is_given_back_is_there_again(
    cast: Cast, settings: Any
) -> None:
    settings.LIMIT_TOKENS = (100, 3600)
    take(Asked(cast.alice, ((Resource.TOKENS, 60),)))
    charge(cast.alice, Resource.TOKENS, -50)
    take(Asked(cast.alice, ((Resource.TOKENS, 90),)))
    charge(cast.alice, Resource.TOKENS, 50)
    with pytest.raises(LimitReached) as refused:
        take(Asked(cast.alice, ((Resource.TOKENS, 1),)))
    assert 1790 < refused.value.retry_after_s < 1850


def test_buckets_that_ran_empty_are_forgotten_and_others_are_not(transactional_db: None) -> None:
    buckets.take([[Fill(Bucket("soon", 10, 1, "requests"), 1), Fill(Bucket("late", 1, 3600, "requests"), 1)]])
    time.sleep(0.2)
    forget_empty()
    assert [counter.name for counter in Counter.objects.all()] == ["late"]


def take_in_threads(threads: int, seconds: float, results: list[int]) -> None:
    bucket, end = Bucket("race", 200, 5, "requests"), time.monotonic() + seconds

    def work(_: int) -> int:
        taken = 0
        while time.monotonic() < end:
            taken += buckets.take([[Fill(bucket, 1), Fill(Bucket("other", 10**6, 1, "requests"), 1)]])[0].allowed
        connection.close()
        return taken

    with ThreadPoolExecutor(threads) as pool:
        results.extend(pool.map(work, range(threads)))


_IN_ANOTHER_PROCESS = """
import django, sys
django.setup()
from django.conf import settings
from django.db import connection
connection.settings_dict["NAME"] = settings.DATABASES["default"]["NAME"] = sys.argv[1]
from tests.limits.test_limits import take_in_threads
results = []
take_in_threads(3, float(sys.argv[2]), results)
print(sum(results))
"""


def test_two_processes_with_several_threads_never_take_more_than_is_allowed(transactional_db: None) -> None:
    name = str(connection.settings_dict["NAME"])
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "chatapp.settings"}
    begun = time.monotonic()
    other = subprocess.Popen(
        [sys.executable, "-c", _IN_ANOTHER_PROCESS, name, "3"],
        stdout=subprocess.PIPE,
        env=environment,
        cwd=project.BASE_DIR,
        text=True,
    )
    mine: list[int] = []
    while other.poll() is None:
        take_in_threads(3, 0.5, mine)
    took = time.monotonic() - begun
    theirs = int(other.communicate(timeout=30)[0].split()[-1])
    total = theirs + sum(mine)
    assert theirs > 0 and sum(mine) > 0, (theirs, sum(mine))
    assert 200 <= total <= 200 + 40 * took + 1, (theirs, sum(mine), took)


def test_one_call_costs_little(cast: Cast) -> None:
    limit(Resource.REQUESTS, 10**6, together=True)
    take(Asked(cast.alice))
    spans = []
    for _ in range(200):
        begun = time.perf_counter()
        take(Asked(cast.alice))
        spans.append(time.perf_counter() - begun)
    middle = sorted(spans)[100] * 1000
    print(f"limits: {middle:.2f} ms a request (median of 200)")
    assert middle < 20  # far above what is measured on an idle machine


# -- answers at the same time ------------------------------------------------------------------------------------------
def test_programs_have_so_many_answers_at_once_in_all_threads_together(cast: Cast, settings: Any) -> None:
    settings.TURNS_PER_USER = 3
    barrier = threading.Barrier(8)

    def work(_: int) -> bool:
        barrier.wait(10)
        try:
            slots.take_slot(cast.alice)
        except Busy:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(work, range(8))) == 3
    slots.free_slot(Slot.objects.all()[0].pk)
    slots.take_slot(cast.alice)
    slots.take_slot(cast.bob)
    with pytest.raises(Busy):
        slots.take_slot(cast.alice)


def test_the_place_of_a_process_that_died_lapses_and_that_of_one_that_lives_does_not(cast: Cast, settings: Any) -> None:
    settings.TURNS_PER_USER = 1
    slot = slots.take_slot(cast.alice)
    Slot.objects.update(until=time.time() + 1)
    slots.renew({slot})
    with pytest.raises(Busy):
        slots.take_slot(cast.alice)
    Slot.objects.update(until=time.time() - 1)
    slots.take_slot(cast.alice)


def test_a_person_may_be_given_more_answers_at_once_than_others(cast: Cast, settings: Any) -> None:
    settings.TURNS_PER_USER = 1
    limit(Resource.TURNS, 2, user=cast.alice)
    slots.take_slot(cast.alice)
    slots.take_slot(cast.alice)
    slots.take_slot(cast.bob)
    for person in (cast.alice, cast.bob):
        with pytest.raises(Busy):
            slots.take_slot(person)


# -- tokens ------------------------------------------------------------------------------------------------------------
async def test_without_a_limit_of_tokens_nothing_is_reserved(cast: Cast) -> None:
    reserved = await reserve(cast.alice)
    assert (reserved.tokens, reserved.levels) == (0, ())
    await reserved.settle(cast.alice, 500)
    assert await asyncio.to_thread(Counter.objects.count) == 0


async def test_what_an_answer_did_not_use_is_given_back(cast: Cast, settings: Any) -> None:
    settings.LIMIT_TOKENS = (5000, 3600)
    reserved = await reserve(cast.alice)
    assert reserved.tokens == settings.INFERENCE.context_tokens
    with pytest.raises(LimitReached):
        await reserve(cast.alice)
    await reserved.settle(cast.alice, 400)
    assert (await reserve(cast.alice)).levels[0].remaining in (5000 - 400 - reserved.tokens, 505, 504)


def test_an_answer_reserves_no_more_than_the_smallest_bucket_holds(cast: Cast, settings: Any) -> None:
    settings.LIMIT_TOKENS = (5000, 3600)
    limit(Resource.TOKENS, 300, together=True)
    assert smallest(cast.alice) == 300


# -- doors -------------------------------------------------------------------------------------------------------------
def test_json_doors_count_say_what_is_left_and_when_to_come_back(cast: Cast, settings: Any) -> None:
    settings.LIMIT_REQUESTS = (2, 60)
    client = signed_in_client(cast.alice)
    first = client.get("/api/collections/")
    assert first.headers["RateLimit-Policy"] == '"requests";q=2;w=60'
    assert first.headers["RateLimit"] == '"requests";r=1;t=30'
    client.get("/api/collections/")
    refused = client.get("/api/collections/")
    assert refused.status_code == 429 and 25 <= int(refused.headers["Retry-After"]) <= 30
    error = refused.json()["error"]
    assert error["code"] == "too_often" and error["retryable"] and "2 requests a minute" in error["message"]
    assert error["retry_after_s"] == int(refused.headers["Retry-After"]) and refused.headers["RateLimit"]
    assert client.get("/").status_code == 200  # pages do not count
    assert signed_in_client(cast.bob).get("/api/collections/").status_code == 200


def test_a_key_counts_for_its_person_and_a_stranger_for_nobody(cast: Cast, settings: Any) -> None:
    settings.LIMIT_REQUESTS = (2, 3600)
    program = Client(headers={"Authorization": f"Bearer {create_key(user=cast.alice, name='k')}"})
    assert [program.get("/api/collections/").status_code for _ in range(3)] == [200, 200, 429]
    assert signed_in_client(cast.alice).get("/api/collections/").status_code == 429
    assert [Client().get("/api/collections/").status_code for _ in range(3)] == [401, 401, 401]
    wrong = Client(headers={"Authorization": "Bearer fn-wrong"})
    assert [wrong.get("/api/collections/").status_code for _ in range(3)] == [401, 401, 401]


def test_uploads_have_a_limit_of_their_own(cast: Cast, settings: Any) -> None:
    settings.LIMIT_UPLOADS = (1, 3600)
    client = signed_in_client(cast.administrator)
    made = client.post("/api/collections/", {"name": "New"}, content_type="application/json").json()
    path = f"/api/collections/{made['collection']['id']}/documents/"
    assert client.post(path).status_code == 400  # it holds no file, and counts
    refused = client.post(path)
    assert refused.status_code == 429 and "1 uploaded documents an hour" in refused.json()["error"]["message"]
    assert client.get(path).status_code == 200


async def test_programs_of_openai_read_their_own_headers(cast: Cast, settings: Any) -> None:
    settings.LIMIT_REQUESTS = (1, 60)
    key = await asyncio.to_thread(create_key, user=cast.alice, name="k")
    client, bearer = AsyncClient(), {"Authorization": f"Bearer {key}"}
    answers = [await client.get("/v1/embeddings", headers=bearer) for _ in range(2)]
    assert [one.status_code for one in answers] == [405, 405]  # refused before it counts
    first, second = [await client.get("/v1/models/nothing", headers=bearer) for _ in range(2)]
    assert first.headers["x-ratelimit-limit-requests"] == "1" and first.headers["x-ratelimit-remaining-requests"] == "0"
    assert first.headers["x-ratelimit-reset-requests"] == "1m0s"
    assert second.status_code == 429 and int(second.headers["Retry-After"]) > 50
    assert json.loads(second.content)["error"]["type"] == "rate_limit_error"


def test_what_a_socket_is_told_names_the_seconds_as_well(cast: Cast, settings: Any) -> None:
    settings.LIMIT_REQUESTS = (1, 10)
    take(Asked(cast.alice))
    with pytest.raises(LimitReached) as refused:
        take(Asked(cast.alice))
    assert as_dict(refused.value)["retry_after_s"] == 10


def test_administrators_set_limits_and_the_trail_says_so(cast: Cast) -> None:
    client = signed_in_client(cast.administrator)
    form = {"resource": "requests", "amount": "1", "seconds": "3600", "user": str(cast.bob.pk)}
    assert client.post("/admin/limits/limit/add/", form).status_code == 302
    assert allowed(cast.bob, 3) == 1
    for wrong in ({"together": "on"}, {"group": str(cast.bob.groups.get().pk)}, {"amount": "0"}):
        assert client.post("/admin/limits/limit/add/", form | wrong).status_code == 200, wrong
    assert AuditEntry.objects.get(action="limit.added").whole_detail["of"] == "bob"


def test_what_was_being_read_when_a_limit_changed_is_not_kept() -> None:
    read, changed, found = threading.Event(), threading.Event(), ["old"]

    def slowly() -> str:
        before = found[0]
        read.set()
        changed.wait(10)
        return before

    recent = Recent(slowly)
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(recent)
        assert read.wait(10)
        found[0] = "new"
        recent.forget()
        changed.set()
        assert reading.result(10) == "old" and recent() == "new"


def test_what_others_read_before_a_change_was_committed_is_not_kept(
    transactional_db: None,
) -> None:
    stored = ["old"]
    recent = Recent(lambda: stored[0])
    with transaction.atomic():
        recent.changed()
        assert recent() == "old"  # theirs: they do not see the change yet
        stored[0] = "new"
    assert recent() == "new"
