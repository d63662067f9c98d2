"""The first page of the administration: everything by what it is for, and what needs somebody."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from chatapp.limits import budgets
from chatapp.limits.models import Budget, Spent
from chatapp.operations import health, state
from chatapp.overview import attention
from chatapp.overview.jobs import KNOWN, groups_of
from inference.engines import local
from inference.models import ModelVersion
from retrieval.models import Collection, Document
from tests.conftest import Cast, signed_in_client
from tests.organisations.houses import home

PAGE, FRAGMENT = "/admin/", "/admin/attention/"


@pytest.fixture
def all_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "everything", lambda: [state.Shown("Worker", "ok")])


def texts(cast: Cast) -> list[str]:
    return [one.text for one in attention.stored(cast.administrator)]


def test_each_page_of_the_administration_stands_in_a_group_with_a_line(cast: Cast) -> None:
    groups = signed_in_client(cast.administrator).get(PAGE).context["groups"]
    assert "More" not in {str(one.name) for one in groups}
    entries = [one for group in groups for one in group.entries]
    assert len(entries) == len(KNOWN) + 1 and all(one.line for one in entries)  # the page of documents is none of them


def test_the_page_of_a_part_shows_its_pages_and_each_list_says_what_it_is_for(cast: Cast) -> None:
    client = signed_in_client(cast.administrator)
    assert "Who reads what; what stays in the house." in client.get("/admin/retrieval/").content.decode()
    listed = client.get("/admin/accounts/serviceaccount/").content.decode()
    assert "Programs that ask, each with an owner." in listed and "There are none yet." in listed


def test_what_nobody_put_into_a_group_is_shown_under_more() -> None:
    listed = [{"models": [{"model": Spent, "name": "Sums", "admin_url": "/x/", "add_url": None}]}]
    (more,) = groups_of(listed)
    assert (more.name, more.entries[0].name, more.entries[0].add) == ("More", "Sums", "")


@pytest.mark.parametrize(
    "job", ["Swap the model", "Who did what", "What a group may use in a month", "who can read it"]
)
def test_the_jobs_of_a_newcomer_are_named(cast: Cast, job: str) -> None:
    assert job in signed_in_client(cast.administrator).get(PAGE).content.decode()


def test_organisers_see_their_pages_and_nothing_of_the_house(cast: Cast) -> None:
    acme = home("acme")
    page = signed_in_client(acme.organiser).get(PAGE).content.decode()
    assert "Budgets" in page and "Swap the model" not in page and "What needs you" not in page
    assert signed_in_client(acme.organiser).get(FRAGMENT).status_code == 404
    assert signed_in_client(cast.alice).get(PAGE).status_code == 404


def test_what_waits_is_named_with_where_it_is_mended(cast: Cast) -> None:
    assert texts(cast) == ["There is no model yet: quotations from the documents answer."]
    ModelVersion.objects.create(name="m", kind="openai", base_url="http://127.0.0.1:9/v1", model="m")
    assert texts(cast) == []
    held = Collection.objects.create(name="Handbook")
    for number, code in enumerate(("unreadable", "unreadable", "quarantined")):
        Document.objects.create(
            collection=held,
            name=f"{number}",
            size=1,
            sha256=f"{number:064}",
            status="failed",
            error="x",
            error_code=code,
        )
    assert texts(cast) == ["2 documents failed.", "1 document waits in quarantine."]
    Collection.with_attached.filter(pk=held.pk).update(attached=True)
    assert texts(cast) == [], "what is attached to a conversation is its owner's alone"
    Collection.with_attached.filter(pk=held.pk).update(attached=False)
    addresses = [one.address for one in attention.stored(cast.administrator)]
    client = signed_in_client(cast.administrator)
    assert [client.get(one).status_code for one in addresses] == [200, 200]


@pytest.mark.parametrize(
    ("tokens", "told", "urgent"), [(100, "1 budget is used up.", True), (85, "1 budget is nearly used up.", False)]
)
def test_budgets_that_end_come_first(cast: Cast, tokens: int, told: str, urgent: bool) -> None:
    own = Budget.objects.create(organisation_id=cast.alice.tenant, tokens=100)
    Spent.objects.create(budget=own, month=budgets.this_month(), tokens=tokens, cost=Decimal(0))
    (first, *_rest) = attention.stored(cast.administrator)
    assert (first.text, first.urgent) == (told, urgent)


def test_a_budget_that_will_not_last_is_said_before_it_is_marked(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    own = Budget.objects.create(organisation_id=cast.alice.tenant, tokens=100)
    Spent.objects.create(budget=own, month=budgets.this_month(), tokens=70)
    tenth = timezone.localtime().replace(day=11, hour=12)
    monkeypatch.setattr("chatapp.limits.standing.timezone.localtime", lambda *_: tenth)
    assert attention.stored(cast.administrator)[0].text.startswith("1 budget does not last")


def test_parts_that_are_away_are_said_by_the_fragment(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    away = [state.Shown("Worker", "missing", "No worker answers."), state.Shown("Disk", "ok")]
    monkeypatch.setattr(state, "everything", lambda: away)
    shown = signed_in_client(cast.administrator).get(FRAGMENT).content.decode()
    assert "Worker: No worker answers." in shown and "Disk" not in shown and "urgent" in shown
    assert signed_in_client(cast.administrator).post(FRAGMENT).status_code == 405


def test_that_there_is_no_model_is_said_once(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = [
        state.Shown("Models", "weak", health.NO_MODEL, "Add one."),
        state.Shown("Engine local model", "weak", local.NO_MODEL, "Add one."),
        state.Shown("Disk", "weak", "It is nearly full.", "Make room."),
    ]
    monkeypatch.setattr(state, "everything", lambda: parts)
    said = [one.text for one in attention.everything(cast.administrator)]
    assert said == ["Disk: It is nearly full.", "There is no model yet: quotations from the documents answer."]
    ModelVersion.objects.create(name="m", path="/srv/m.gguf", default=True)
    said = [one.text for one in attention.everything(cast.administrator)]
    assert "Engine local model: No model is installed." in said, "one that cannot be used"


def test_all_is_well(cast: Cast, all_well: Any) -> None:
    ModelVersion.objects.create(name="m", kind="openai", base_url="http://127.0.0.1:9/v1", model="m")
    assert "every part is well" in signed_in_client(cast.administrator).get(FRAGMENT).content.decode()


def test_the_page_itself_waits_for_no_part(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked() -> Any:
        raise AssertionError("A part was asked.")

    monkeypatch.setattr(state, "everything", asked)
    page = signed_in_client(cast.administrator).get(PAGE).content.decode()
    assert re.search(r"data-at-once", page)
