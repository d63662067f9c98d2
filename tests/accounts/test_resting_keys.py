"""Keys of people who come by a provider alone rest where they no longer sign in there."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from allauth.socialaccount.models import SocialAccount
from django.test import AsyncClient, Client
from django.utils import timezone

from chatapp.accounts.keys import create_key, opened_by, person_of_key
from chatapp.accounts.links import make_link
from chatapp.accounts.models import ApiKey, User
from chatapp.accounts.resting import KeyRests, came_by_provider
from chatapp.database import in_database
from chatapp.governance.models import AuditEntry
from tests.conftest import Cast
from tests.test_migrations_again import Back, ask, back, forward

__all__ = ["back"]


@pytest.fixture
def erin(cast: Cast) -> User:
    """Of a provider, who came a moment ago."""
    cast.alice.set_unusable_password()
    cast.alice.save()
    return came(cast.alice, days_ago=0)


def came(person: User, *, days_ago: float) -> User:
    User.objects.filter(pk=person.pk).update(by_provider_at=timezone.now() - timedelta(days=days_ago))
    person.refresh_from_db()
    return person


def asks(key: str) -> tuple[int, Any]:
    answer = Client().get("/api/collections/", headers={"Authorization": f"Bearer {key}"})
    return answer.status_code, json.loads(answer.content)


def lines() -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(action="api_key.rests").order_by("pk"))


def test_a_key_rests_when_its_person_has_not_come_for_long_and_says_what_helps(erin: User) -> None:
    key = create_key(user=erin, name="nightly")
    came(erin, days_ago=29.9)
    assert asks(key)[0] == 200
    used = ApiKey.objects.get().last_used_at
    came(erin, days_ago=30.1)
    status, said = asks(key)
    assert (status, said["error"]["code"], said["error"]["retryable"]) == (401, "api_key_rests", False)
    assert "Sign in once" in said["error"]["advice"]
    assert ApiKey.objects.get().last_used_at == used, "it was not used"
    came_by_provider(erin)
    assert asks(key)[0] == 200


def test_that_it_rests_is_written_down_once_each_time(erin: User) -> None:
    key = create_key(user=erin, name="nightly")
    came(erin, days_ago=31)
    for _ in range(3):
        asks(key)
    (line,) = lines()
    assert line.detail["days"] == 30 and line.whole_subject.startswith("nightly") and line.organisation == erin.tenant
    ApiKey.objects.update(rests_since=timezone.now() - timedelta(days=100))
    for _ in range(3):
        asks(key)
    assert len(lines()) == 2, "they had come since"


async def test_programs_of_openai_are_told_in_its_form(erin: User) -> None:
    key = await in_database(create_key)(user=erin, name="nightly")
    await in_database(came)(erin, days_ago=31)
    answer = await AsyncClient().get("/v1/models", headers={"Authorization": f"Bearer {key}"})
    said = json.loads(answer.content)["error"]
    assert answer.status_code == 401 and said["code"] == "api_key_rests" and "Sign in once" in said["message"]
    answer = await AsyncClient().get("/v1/models", headers={"Authorization": "Bearer fn-another"})
    assert json.loads(answer.content)["error"]["code"] == "invalid_api_key"


@pytest.mark.parametrize("whose", ["password", "never", "service"])
def test_keys_of_local_and_service_accounts_do_not_rest(erin: User, whose: str) -> None:
    key = create_key(user=erin, name="nightly")
    came(erin, days_ago=5000)
    if whose == "password":
        erin.set_password("correct horse battery")
        erin.save()
    elif whose == "never":
        User.objects.update(by_provider_at=None)
    else:
        User.objects.filter(pk=erin.pk).update(is_service=True)
    assert asks(key)[0] == 200 and not lines()


def test_a_password_that_opens_nothing_is_no_way_in(erin: User, settings: Any) -> None:
    key = create_key(user=erin, name="nightly")
    erin.set_password("correct horse battery")
    erin.save()
    came(erin, days_ago=31)
    settings.LOCAL_ACCOUNTS = False
    assert asks(key)[0] == 401


@pytest.mark.parametrize(("days", "status"), [(0, 200), (7, 401), (8, 200)])
def test_how_long_is_a_setting_and_0_turns_it_off(erin: User, settings: Any, days: int, status: int) -> None:
    settings.API_KEY_SIGN_IN_DAYS = days
    key = create_key(user=erin, name="nightly")
    came(erin, days_ago=7.5)
    assert asks(key)[0] == status


def test_a_one_time_link_is_no_sign_in_by_the_provider(erin: User, client: Client) -> None:
    key = create_key(user=erin, name="nightly")
    came(erin, days_ago=31)
    assert client.post(make_link(erin)).status_code == 302
    assert asks(key)[0] == 401


def test_why_a_key_opens_nothing_is_told_of_those_that_rest_alone(erin: User) -> None:
    key = create_key(user=erin, name="nightly")
    assert opened_by([key]) == [erin]
    came(erin, days_ago=31)
    told = opened_by([key, "fn-another", ""])
    assert isinstance(told[0], KeyRests) and told[1:] == [None, None] and person_of_key(key) is None
    User.objects.filter(pk=erin.pk).update(is_active=False)
    assert opened_by([key]) == [None] and person_of_key(key) is None
    User.objects.filter(pk=erin.pk).update(is_active=True)
    ApiKey.objects.update(revoked_at=timezone.now())
    assert opened_by([key]) == [None]


@pytest.mark.parametrize(("key", "queries"), [("fn-wrong", 1), ("sk-of-another-house", 0)])
def test_a_wrong_key_costs_one_query_and_what_can_be_none_costs_none(
    db: None, django_assert_num_queries: Any, key: str, queries: int
) -> None:
    headers = {"Authorization": f"Bearer {key}"}
    with django_assert_num_queries(queries):
        assert Client(headers=headers).get("/api/collections/").status_code == 401


@pytest.mark.django_db(transaction=True)
def test_people_of_providers_count_from_the_update_on_also_where_it_was_broken_off(back: Back, cast: Cast) -> None:
    SocialAccount.objects.create(user=cast.alice, provider="corp", uid="alice")
    back("accounts", "0005_organisations_are_checked")
    ask("ALTER TABLE accounts_user ADD COLUMN by_provider_at timestamptz NULL")
    forward("accounts")
    cast.alice.refresh_from_db()
    cast.bob.refresh_from_db()
    assert cast.alice.by_provider_at is not None and cast.bob.by_provider_at is None
