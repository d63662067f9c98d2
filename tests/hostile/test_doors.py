"""Every door that the URL resolver knows, sent what nobody means to send: by four of the cast.

No answer is a fault of ours, none holds code or settings, and none a word of somebody else's things.
"""

from __future__ import annotations

import random

import pytest
from django.contrib.contenttypes.models import ContentType
from django.core.cache import cache
from django.test import Client
from hypothesis import HealthCheck, Phase, given, seed, settings

from retrieval.models import Document
from tests.access.doors import Door, every_door
from tests.access.house import House, build
from tests.hostile.knocking import PEOPLE, Request, Tally, faults_of, form_of, requests_at, send

SHORT, LONG = 4, 100  # requests for each door


@pytest.fixture
def house(transactional_db: None) -> House:
    cache.clear()
    return build()


def test_no_door_stumbles_whatever_it_is_sent(house: House) -> None:
    tally = knock_at_all(house, SHORT, number=5)
    _look_at(tally)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_no_door_stumbles_whatever_it_is_sent_for_long(house: House) -> None:
    number = random.SystemRandom().randrange(2**32)
    print(f"seed {number}")
    _look_at(knock_at_all(house, LONG, number=number))


def _look_at(tally: Tally) -> None:
    assert not tally.faults, "\n".join(tally.faults[:40])
    assert tally.statuses.get(200, 0) > tally.total // 10, tally.statuses
    assert tally.statuses.get(400, 0) > tally.total // 50, tally.statuses
    assert tally.statuses.get(429, 0) < tally.total // 5, tally.statuses  # else hardly anything was looked at


def knock_at_all(house: House, examples: int, *, number: int) -> Tally:
    clients = {who: house.client(who) for who in PEOPLE}
    tally = Tally()
    for door in every_door(house):
        knock(door, house, clients, tally, examples, number)
    return tally


def knock(door: Door, house: House, clients: dict[str, Client], tally: Tally, examples: int, number: int) -> None:
    """A fault does not end it: all that are found are told at once."""

    @seed(number)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(requests_at(door, house, form_of(clients["administrator"], door)))
    def tried(request: Request) -> None:
        answer = send(clients[request.who], request)
        tally.add(answer.status_code)
        tally.faults.extend(f"{fault}: {request!r}" for fault in faults_of(answer, request))

    tried()


def test_what_once_stumbled_does_so_no_more(house: House) -> None:
    client = house.client("administrator")
    kind = ContentType.objects.get_for_model(Document).pk
    assert client.get(f"/admin/r/{kind}/true/").status_code == 404
    for path in ("/api/documents/null,null/", "/api/nothing/", f"/api/sources/{'9' * 50}/run/"):
        answer = client.get(path)
        assert answer.status_code == 404 and answer.json()["error"]["code"] == "not_found", path
    for page in (
        "accounts/serviceaccount/add/?owner=x",
        "limits/limit/add/?user=x&key=0",
        "socialaccount/socialaccount/add/?user=x",
    ):
        assert client.get(f"/admin/{page}").status_code == 200, page
        assert client.post(f"/admin/{page}", {"owner": "x", "user": "x", "key": "\n"}).status_code == 200, page
    answer = client.get("/api/collections/", headers={"Host": "evil.example"})
    assert answer.status_code == 400 and answer.json()["error"]["code"] == "invalid"
