"""What an organisation may use is counted for it alone."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from typing import Any

import pytest
from django.conf import settings as project
from django.db import IntegrityError, connection, transaction
from django.test import Client

from chatapp.accounts.keys import create_key
from chatapp.accounts.models import User
from chatapp.conversations import admission
from chatapp.conversations.admission import Question, Started
from chatapp.errors import Busy
from chatapp.limits import slots
from chatapp.limits.models import Limit, Resource
from chatapp.limits.rules import rules
from chatapp.limits.tokens import reserve
from tests.conftest import Cast
from tests.limits.test_limits import allowed, limit
from tests.organisations.houses import Home, home


@pytest.fixture
def acme(cast: Cast) -> Home:
    return home("acme")


@pytest.mark.parametrize("resource", [Resource.REQUESTS, Resource.TOKENS, Resource.UPLOADS])
def test_the_people_of_an_organisation_share_its_limit_with_nobody_else(
    cast: Cast, acme: Home, resource: Resource
) -> None:
    limit(resource, 4, 3600, organisation=acme.organisation, together=True)
    assert (allowed(acme.person, 3, resource), allowed(acme.organiser, 3, resource)) == (3, 1)
    assert allowed(cast.alice, 9, resource) == 9


_IN_ANOTHER_PROCESS = """
import django, sys
django.setup()
from django.conf import settings
from django.db import connection
connection.settings_dict["NAME"] = settings.DATABASES["default"]["NAME"] = sys.argv[1]
from chatapp.accounts.models import User
from tests.organisations.test_limits import reserved
print(reserved(User.objects.get(pk=sys.argv[2]), 20))
"""


def reserved(person: User, times: int) -> int:
    """Of so many answers that take ten tokens each how many may begin."""
    return sum(not isinstance(one, BaseException) for one in asyncio.run(_reserved(person, times)))


async def _reserved(person: User, times: int) -> list[Any]:
    return await asyncio.gather(*(reserve(person, 10) for _ in range(times)), return_exceptions=True)


@pytest.mark.django_db(transaction=True)
def test_tokens_of_an_organisation_are_shared_across_processes(acme: Home) -> None:
    limit(Resource.TOKENS, 200, 10**6, organisation=acme.organisation, together=True)
    command = [sys.executable, "-c", _IN_ANOTHER_PROCESS, str(connection.settings_dict["NAME"]), str(acme.organiser.pk)]
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "chatapp.settings"}
    other = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, cwd=project.BASE_DIR, text=True)
    mine = reserved(acme.person, 12)
    theirs = int(other.communicate(timeout=120)[0].split()[-1])
    assert (mine, theirs) == (12, 8)


@pytest.mark.django_db(transaction=True)
def test_what_is_left_of_them_stands_in_the_headers(acme: Home) -> None:
    limit(Resource.REQUESTS, 50, 3600, organisation=acme.organisation, together=True)
    limit(Resource.TOKENS, 100, 3600, organisation=acme.organisation, together=True)
    assert reserved(acme.organiser, 10) == 10
    headers = {"Authorization": f"Bearer {create_key(user=acme.person, name='program')}"}
    body = {"messages": [{"role": "user", "content": "How many days?"}]}
    refused = Client().post("/v1/chat/completions", body, content_type="application/json", headers=headers)
    assert refused.status_code == 429 and int(refused.headers["Retry-After"]) > 3000
    assert refused.headers["RateLimit-Policy"] == '"tokens";q=100;w=3600, "requests";q=50;w=3600'
    left = refused.headers["RateLimit"]
    assert left.startswith('"tokens";r=0;') and '"requests";r=49;' in left
    assert refused.headers["x-ratelimit-remaining-tokens"] == "0"
    page = Client().get("/api/collections/", headers=headers)
    assert '"requests";q=50;w=3600' in page.headers["RateLimit-Policy"]


def test_each_person_of_an_organisation_has_its_limit_before_that_of_everybody(cast: Cast, acme: Home) -> None:
    limit(Resource.REQUESTS, 2, 3600)
    limit(Resource.REQUESTS, 3, 3600, organisation=acme.organisation)
    assert (allowed(acme.person, 9), allowed(acme.organiser, 9), allowed(cast.alice, 9)) == (3, 3, 2)
    limit(Resource.REQUESTS, 5, 3600, group=acme.group)
    assert allowed(acme.person, 9) == 5


def test_a_foreign_group_gives_no_limit(cast: Cast, acme: Home) -> None:
    limit(Resource.REQUESTS, 2, 3600)
    limit(Resource.REQUESTS, 50, 3600, group=acme.group)
    cast.alice.groups.add(acme.group)
    assert (allowed(cast.alice, 9), allowed(acme.person, 9)) == (2, 9)


def ask(*people: Any) -> list[Started | Exception]:
    return admission.ask_all([Question(one, "How many days?") for one in people])


def test_answers_at_the_same_time_are_counted_for_the_organisation_on_the_page(cast: Cast, acme: Home) -> None:
    limit(Resource.TURNS, 2, organisation=acme.organisation, together=True)
    first = ask(acme.person, acme.organiser, acme.person, cast.alice)
    assert [isinstance(one, Busy) for one in first] == [False, False, True, False]
    assert isinstance(ask(acme.organiser)[0], Busy) and isinstance(ask(cast.alice)[0], Started)


def test_and_again_of_programs(cast: Cast, acme: Home) -> None:
    limit(Resource.TURNS, 2, organisation=acme.organisation, together=True)
    held = [slots.take_slot(acme.person), slots.take_slot(acme.organiser)]
    with pytest.raises(Busy):
        slots.take_slot(acme.person)
    slots.take_slot(cast.alice)
    slots.free_slot(held[0])
    slots.take_slot(acme.person)


@pytest.mark.parametrize("wrong", [{"user": "person"}, {"group": "group"}])
def test_a_limit_is_of_one_thing(acme: Home, wrong: dict[str, str]) -> None:
    of = {name: getattr(acme, where) for name, where in wrong.items()}
    with pytest.raises(IntegrityError, match="limit_is_of_one_at_most"), transaction.atomic():
        Limit.objects.create(resource="requests", amount=1, organisation=acme.organisation, **of)


def test_the_limits_of_an_organisation_push_out_none_of_others(
    cast: Cast, acme: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    for resource in Resource.values:
        limit(Resource(resource), 5, 60, user=acme.person)
        limit(Resource(resource), 5, 60, group=acme.group)
    limit(Resource.REQUESTS, 2, 60, user=cast.alice)
    limit(Resource.REQUESTS, 3, 60)
    limit(Resource.REQUESTS, 4, 60, organisation=acme.organisation, together=True)
    monkeypatch.setattr("chatapp.limits.rules.MOST", 3)
    rules.forget()
    assert {rule.amount for rule in rules()} == {2, 3, 4}
