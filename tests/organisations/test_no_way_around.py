"""Organisers loosen nothing that is meant for all, and learn and take nothing of others."""

from __future__ import annotations

import pytest

from chatapp.safety import policy as policies
from chatapp.safety.models import FilterRule
from retrieval.sources.models import Source
from retrieval.tenants import HOUSE
from tests.conftest import Cast, signed_in_client
from tests.organisations.houses import Home, home


@pytest.fixture
def acme(cast: Cast) -> Home:
    return home("acme")


@pytest.fixture
def globex(cast: Cast) -> Home:
    return home("globex")


def action_for_acme(acme: Home) -> str | None:
    policies.forget()
    return policies.policy("question", {acme.group.pk}, [acme.collection.pk], acme.organisation.pk).actions.get(
        "secret"
    )


@pytest.mark.parametrize("about", ["group", "collection"])
def test_an_organiser_opens_nothing_that_is_closed_to_all(acme: Home, about: str) -> None:
    FilterRule.objects.create(what="secret", where="question", action="block")
    organiser = signed_in_client(acme.organiser)
    form = {"what": "secret", "where": "question", "action": "allow", "when_away": "closed"}
    assert organiser.post("/admin/safety/filterrule/add/", {**form, about: getattr(acme, about).pk}).status_code == 302
    assert FilterRule.objects.get(action="allow").organisation == acme.organisation
    assert action_for_acme(acme) == "block"


def test_an_organisation_may_be_stricter_and_make_exceptions_to_its_own_rules(acme: Home) -> None:
    FilterRule.objects.create(what="secret", where="question", action="warn")
    own = {"what": "secret", "where": "question", "organisation": acme.organisation}
    FilterRule.objects.create(**own, action="block")
    assert action_for_acme(acme) == "block"
    FilterRule.objects.create(**own, action="allow", group=acme.group)
    assert action_for_acme(acme) == "warn"


def test_those_who_run_footnote_make_an_exception_for_one_group(acme: Home) -> None:
    FilterRule.objects.create(what="secret", where="question", action="block")
    FilterRule.objects.create(what="secret", where="question", action="allow", group=acme.group)
    assert action_for_acme(acme) is None
    policies.forget()
    assert policies.policy("question", set(), None, HOUSE).actions == {"secret": "block"}


def test_a_source_of_others_that_runs_shows_nowhere(acme: Home, globex: Home) -> None:
    organisers = [signed_in_client(acme.organiser), signed_in_client(globex.organiser)]
    Source.objects.create(name="Merger", kind="web", collection=globex.collection, state="running")
    pages = [one.get("/admin/sources/source/") for one in organisers]
    assert [one.context["going"] for one in pages] == [False, True]
