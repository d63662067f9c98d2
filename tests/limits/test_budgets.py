"""Budgets of a month: what answers used is summed up for organisations and groups, and ends at the bound."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings as project
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone

from chatapp.accounts.keys import create_key
from chatapp.accounts.models import User
from chatapp.conversations import outcomes as writing
from chatapp.errors import Invalid
from chatapp.governance.models import AuditEntry
from chatapp.limits import budgets
from chatapp.limits.budgets import BudgetSpent, budgeted, count, require_room
from chatapp.limits.models import Budget, Spent
from chatapp.limits.tokens import reserve
from chatapp.retry_after import retry_after
from inference.engine import Usage
from inference.models import ModelVersion, Outcome
from inference.routing.attempt import Attempted
from tests.conftest import Cast, signed_in_client
from tests.organisations.houses import Home, home

_PRICED = {"kind": "openai", "base_url": "http://127.0.0.1:9/v1", "model": "m"}


@pytest.fixture
def acme(cast: Cast) -> Home:
    return home("acme")


def budget(**given: Any) -> Budget:
    made = Budget.objects.create(**given)
    budgeted.forget()
    return made


def use(person: User, tokens: int, cost: str = "0") -> None:
    count([(str(person.pk), tokens, Decimal(cost))])


def is_open(person: User) -> bool:
    try:
        require_room(person)
    except BudgetSpent:
        return False
    return True


def lines(*actions: str) -> list[str]:
    return list(AuditEntry.objects.filter(action__in=actions).order_by("at").values_list("action", flat=True))


# -- whose -------------------------------------------------------------------------------------------------------------
def test_the_people_of_an_organisation_share_a_budget_with_nobody_else(cast: Cast, acme: Home) -> None:
    own = budget(organisation=acme.organisation, tokens=100)
    use(acme.person, 60)
    use(cast.alice, 1000)
    assert is_open(acme.organiser)
    use(acme.organiser, 40)
    assert (is_open(acme.person), is_open(acme.organiser), is_open(cast.alice)) == (False, False, True)
    assert own.months.get().tokens == 100


def test_a_group_has_one_of_its_own_beside_its_organisations(cast: Cast, acme: Home) -> None:
    whole = budget(organisation=acme.organisation, tokens=1000)
    part = budget(group=acme.group, tokens=50)
    use(acme.person, 50)
    use(acme.organiser, 50)  # who is not in the group
    assert (part.months.get().tokens, whole.months.get().tokens) == (50, 100)
    assert (is_open(acme.person), is_open(acme.organiser)) == (False, True)


def test_a_foreign_group_spends_and_closes_nothing(cast: Cast, acme: Home) -> None:
    part = budget(group=acme.group, tokens=50)
    cast.alice.groups.add(acme.group)
    use(cast.alice, 50)
    assert is_open(cast.alice) and not part.months.exists()


def test_a_cost_is_a_bound_as_well(acme: Home) -> None:
    budget(organisation=acme.organisation, tokens=10**9, cost=Decimal("1.00"))
    use(acme.person, 10, "0.99999999")
    assert is_open(acme.person)
    use(acme.person, 10, "0.00000001")
    assert not is_open(acme.person)


@pytest.mark.parametrize("wrong", [{}, {"tokens": 5}, {"organisation": "organisation", "group": "group", "tokens": 5}])
def test_a_budget_is_of_one_and_bounds_something(acme: Home, wrong: dict[str, Any]) -> None:
    of = {name: getattr(acme, value) if isinstance(value, str) else value for name, value in wrong.items()}
    with pytest.raises(IntegrityError), transaction.atomic():
        Budget.objects.create(**of)
    with pytest.raises(IntegrityError, match="bounds_something"), transaction.atomic():
        Budget.objects.create(organisation=acme.organisation)


def test_without_budgets_nothing_is_asked(cast: Cast, django_assert_num_queries: Any) -> None:
    assert is_open(cast.alice)
    with django_assert_num_queries(0):
        assert is_open(cast.alice)
        use(cast.alice, 5)


def test_askers_without_an_account_count_nowhere(acme: Home) -> None:
    own = budget(organisation=acme.organisation, tokens=100)
    count([("", 5, Decimal(1)), ("somebody", 5, Decimal(1)), (str(project.SECRET_KEY), 5, Decimal(1))])
    assert not own.months.exists()


# -- what counts -------------------------------------------------------------------------------------------------------
def attempt(person: User, version: ModelVersion | None, usage: Usage | None, **more: Any) -> Attempted:
    key = version.pk if version else None
    return Attempted("", "", "m", key, None, False, usage=usage, asker=str(person.pk), **more)


def written(*attempts: Attempted) -> None:
    recorder = writing.Recorder()
    for one in attempts:
        recorder._gathered.append(one)
    asyncio.run(recorder.flush())
    assert not recorder._gathered


@pytest.mark.django_db(transaction=True)
def test_what_outcomes_say_is_what_is_spent(acme: Home) -> None:
    own = budget(organisation=acme.organisation, tokens=10**9)
    version = ModelVersion.objects.create(name="m", price_prompt=2, price_completion=10, **_PRICED)
    broken_off = attempt(acme.person, version, None, estimated=Usage(500, 100), code="stopped")
    written(attempt(acme.person, version, Usage(1000, 200)), attempt(acme.organiser, None, Usage(30, 3)), broken_off)
    spent = own.months.get()
    assert (spent.tokens, spent.cost) == (1000 + 200 + 33 + 600, sum(Outcome.objects.values_list("cost", flat=True)))
    assert spent.cost == Decimal("0.004") + Decimal("0.002")


@pytest.mark.django_db(transaction=True)
def test_what_could_not_be_stored_is_counted_once_when_it_is(acme: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    own = budget(organisation=acme.organisation, tokens=10**9)
    recorder, real = writing.Recorder(), budgets._add

    def away(*given: Any) -> None:
        real(*given)
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 / 0")

    recorder._gathered.append(attempt(acme.person, None, Usage(10, 1)))
    monkeypatch.setattr(budgets, "_add", away)
    asyncio.run(recorder.flush())
    assert len(recorder._gathered) == 1 and not Outcome.objects.exists() and not own.months.exists()
    monkeypatch.setattr(budgets, "_add", real)
    asyncio.run(recorder.flush())
    assert Outcome.objects.count() == 1 and own.months.get().tokens == 11


_IN_ANOTHER_PROCESS = """
import django, sys
django.setup()
from decimal import Decimal
from django.conf import settings
from django.db import connection
connection.settings_dict["NAME"] = settings.DATABASES["default"]["NAME"] = sys.argv[1]
from chatapp.limits.budgets import count
for _ in range(50):
    count([(sys.argv[2], 1, Decimal("0.001"))])
"""


@pytest.mark.django_db(transaction=True)
def test_processes_and_threads_lose_nothing(acme: Home) -> None:
    own = budget(organisation=acme.organisation, tokens=10**9)
    budget(group=acme.group, tokens=10**9)
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "chatapp.settings"}
    command = [sys.executable, "-c", _IN_ANOTHER_PROCESS, str(connection.settings_dict["NAME"]), str(acme.person.pk)]
    others = [subprocess.Popen(command, env=environment, cwd=project.BASE_DIR) for _ in range(2)]
    begin = threading.Barrier(4)

    def here(_: int) -> None:
        begin.wait()
        for _ in range(50):
            use(acme.person, 1, "0.001")
        connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(here, range(4)))
    assert [one.wait(timeout=120) for one in others] == [0, 0]
    assert {(spent.tokens, spent.cost) for spent in Spent.objects.all()} == {(300, Decimal("0.3"))}
    assert own.months.count() == 1


# -- months ------------------------------------------------------------------------------------------------------------
def test_a_new_month_begins_with_nothing(acme: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    budget(organisation=acme.organisation, tokens=100)
    monkeypatch.setattr(timezone, "now", lambda: datetime(2026, 12, 31, 23, 59, 30, tzinfo=UTC))
    use(acme.person, 100)
    with pytest.raises(BudgetSpent) as refused:
        require_room(acme.person)
    assert (
        refused.value.retry_after_s == 30 and "on 2027-01-01;" in refused.value.advice and not refused.value.retryable
    )
    assert retry_after(refused.value) == {"Retry-After": "30"}
    monkeypatch.setattr(timezone, "now", lambda: datetime(2027, 1, 1, 0, 0, 1, tzinfo=UTC))
    assert is_open(acme.person)
    use(acme.person, 7)
    assert list(Spent.objects.order_by("month").values_list("tokens", flat=True)) == [100, 7]


# -- what is written down ----------------------------------------------------------------------------------------------
def test_a_share_and_the_end_are_written_down_once(acme: Home) -> None:
    own = budget(organisation=acme.organisation, tokens=100, warn_percent=70)
    for _ in range(4):
        use(acme.person, 20)
    assert lines("budget.warned", "budget.stopped") == ["budget.warned"]
    use(acme.person, 30)
    assert [is_open(acme.person), is_open(acme.organiser)] == [False, False]
    assert lines("budget.warned", "budget.stopped") == ["budget.warned", "budget.stopped"]
    line = AuditEntry.objects.get(action="budget.stopped")
    assert line.organisation == acme.organisation.pk and line.detail["used_tokens"] == 110
    own.tokens = 200
    budgets.store(own, by=acme.person)
    assert is_open(acme.person)
    use(acme.person, 90)
    assert not is_open(acme.person)
    assert lines("budget.warned", "budget.stopped") == ["budget.warned", "budget.stopped"] * 2


# -- doors -------------------------------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_what_is_reserved_finds_the_budget_spent(acme: Home) -> None:
    budget(organisation=acme.organisation, tokens=100)
    assert asyncio.run(reserve(acme.person)).tokens == 0  # an answer counts when it is there
    use(acme.person, 100)
    with pytest.raises(BudgetSpent):
        asyncio.run(reserve(acme.person))


@pytest.mark.django_db(transaction=True)
def test_programs_are_told_when_to_come_back(acme: Home) -> None:
    budget(organisation=acme.organisation, tokens=1)
    use(acme.person, 1)
    key = create_key(user=acme.person, name="program")
    answer = Client().post(
        "/v1/chat/completions",
        {"messages": [{"role": "user", "content": "How many days?"}]},
        content_type="application/json",
        headers={"Authorization": f"Bearer {key}"},
    )
    assert answer.status_code == 429 and int(answer.headers["Retry-After"]) <= 31 * 86_400
    error = answer.json()["error"]
    assert error["code"] == "budget_spent" and "your organisation" in error["message"] and "-01;" in error["message"]


# -- pages -------------------------------------------------------------------------------------------------------------
PAGE = "/admin/limits/budget/"


def test_those_who_run_footnote_set_budgets_each_with_its_line(cast: Cast, acme: Home) -> None:
    boss = signed_in_client(cast.administrator)
    form = {"tokens": 500, "cost": "", "warn_percent": 80}
    for wrong in (
        form,
        {**form, "organisation": acme.organisation.pk, "group": acme.group.pk},
        {**form, "organisation": acme.organisation.pk, "tokens": ""},
        {**form, "organisation": acme.organisation.pk, "warn_percent": 101},
        {**form, "organisation": acme.organisation.pk, "tokens": 0},
    ):
        assert boss.post(f"{PAGE}add/", wrong).status_code == 200
    assert boss.post(f"{PAGE}add/", {**form, "organisation": acme.organisation.pk}).status_code == 302
    (own,) = Budget.objects.all()
    changed = {**form, "tokens": 600, "organisation": "", "group": acme.group.pk}
    assert boss.post(f"{PAGE}{own.pk}/change/", changed).status_code == 302
    own.refresh_from_db()
    assert (own.tokens, own.organisation, own.group) == (600, acme.organisation, None)  # whose it is stays
    assert boss.post(f"{PAGE}{own.pk}/delete/", {"post": "yes"}).status_code == 302
    assert lines("budget.added", "budget.changed", "budget.removed") == [
        "budget.added", "budget.changed", "budget.removed",
    ]  # fmt: skip
    found = AuditEntry.objects.filter(action__startswith="budget.").values_list("organisation", flat=True)
    assert set(found) == {acme.organisation.pk}


def test_organisers_see_theirs_and_change_nothing(cast: Cast, acme: Home) -> None:
    globex = home("globex")
    own = budget(organisation=acme.organisation, tokens=1000)
    budget(group=acme.group, cost=Decimal("12.50"))
    other = budget(organisation=globex.organisation, tokens=77_777)
    use(acme.person, 850)
    organiser = signed_in_client(acme.organiser)
    page = organiser.get(PAGE).content.decode()
    assert "850 of 1,000" in page and "85 %: nearly used up" in page and "0.00 of 12.50" in page
    assert "77,777" not in page and "Globex" not in page
    assert organiser.get(f"{PAGE}{own.pk}/change/").status_code == 200
    assert organiser.post(f"{PAGE}{own.pk}/change/", {"tokens": 5, "warn_percent": 80}).status_code == 404
    assert organiser.post(f"{PAGE}add/", {"group": acme.group.pk, "tokens": 5, "warn_percent": 80}).status_code == 404
    assert organiser.post(f"{PAGE}{own.pk}/delete/", {"post": "yes"}).status_code == 404
    assert organiser.get(f"{PAGE}{other.pk}/change/").status_code == 302  # as of one that is not there
    own.refresh_from_db()
    assert own.tokens == 1000 and Budget.objects.count() == 3


def test_one_more_than_are_looked_at_is_refused(cast: Cast, acme: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budgets, "MOST", 1)
    boss = signed_in_client(cast.administrator)
    form = {"tokens": 500, "cost": "", "warn_percent": 80}
    assert boss.post(f"{PAGE}add/", {**form, "organisation": acme.organisation.pk}).status_code == 302
    refused = boss.post(f"{PAGE}add/", {**form, "group": acme.group.pk})
    assert refused.status_code == 200 and "There are 1 budgets" in refused.content.decode()
    with pytest.raises(Invalid):
        budgets.store(Budget(group=acme.group, tokens=5), by=cast.administrator)
    (own,) = Budget.objects.all()
    assert boss.post(f"{PAGE}{own.pk}/change/", {**form, "tokens": 600}).status_code == 302


def test_the_budget_of_a_group_that_goes_has_its_line(cast: Cast, acme: Home) -> None:
    budget(group=acme.group, tokens=5)
    use(acme.person, 3)
    boss = signed_in_client(cast.administrator)
    assert boss.post(f"/admin/auth/group/{acme.group.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not Budget.objects.exists()
    (line,) = AuditEntry.objects.filter(action="budget.removed")
    assert (line.subject, line.organisation) == ("acme/board", acme.organisation.pk)
