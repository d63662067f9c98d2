"""The page of a person shows in one place what opens their account, and what they may read and why."""

from __future__ import annotations

import pytest
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import Group
from django.utils import timezone

from chatapp.accounts.keys import create_key
from chatapp.conversations.models import Conversation, Message, Turn
from chatapp.limits.models import Budget
from chatapp.overview import person as looking
from chatapp.roles.models import Appointment
from retrieval.models import Collection
from tests.conftest import Cast, signed_in_client
from tests.organisations.houses import home


@pytest.fixture
def contracts(cast: Cast) -> Collection:
    made = Collection.objects.create(name="Contracts")
    made.readers.add(Group.objects.get(name="owners"))
    Collection.objects.create(name="Payroll")
    return made


def test_a_person_is_shown_with_roles_keys_providers_budgets_and_collections(cast: Cast, contracts: Collection) -> None:
    owners = Group.objects.get(name="owners")
    Appointment.objects.create(role="auditor", group=owners)
    create_key(user=cast.alice, name="scripts")
    SocialAccount.objects.create(user=cast.alice, provider="entra", uid="1")
    Budget.objects.create(group=owners, tokens=100)
    page = signed_in_client(cast.administrator).get(f"/admin/accounts/user/{cast.alice.pk}/change/").content.decode()
    glance = page.partition("glance-heading")[2].partition("</section>")[0]
    for words in (
        "Auditor",
        "(by owners)",
        "scripts",
        "entra",
        "0 %",
        "Contracts",
        "In owners, which reads the collection",
    ):
        assert words in glance, words
    assert "Payroll" not in glance and f"?q={cast.alice.pk}" in page


def test_who_has_nothing_is_said_to_have_nothing(cast: Cast, contracts: Collection) -> None:
    found = looking.glance(cast.charlie, cast.administrator)
    assert (found.roles, found.keys, found.providers, found.budgets, found.reads) == ([], [], [], [], [])
    page = signed_in_client(cast.administrator).get(f"/admin/accounts/user/{cast.charlie.pk}/change/").content.decode()
    assert "nothing yet: make a link" in page


def test_many_collections_are_counted_behind_those_that_are_shown(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "MOST", 1)
    for name in ("A", "B", "C"):
        Collection.objects.create(name=name, everyone=True)
    found = looking.glance(cast.bob, cast.administrator)
    assert ([one.collection.name for one in found.reads], found.reads_more) == (["A"], 2)
    assert found.reads[0].reasons == ("Everybody reads the collection",)


def test_organisers_see_theirs_without_the_trail_of_others(cast: Cast) -> None:
    acme = home("acme")
    Budget.objects.create(organisation=acme.organisation, tokens=5)
    client = signed_in_client(acme.organiser)
    assert "At a glance" in client.get(f"/admin/accounts/user/{acme.person.pk}/change/").content.decode()
    assert client.get(f"/admin/accounts/user/{cast.alice.pk}/change/").status_code in (302, 404)


def test_an_organiser_sees_no_collection_of_another_organisation_with_whoever_reads_all(cast: Cast) -> None:
    Collection.objects.create(name="Merger", tenant=home("acme").organisation.pk)
    Collection.objects.create(name="Handbook", everyone=True)
    Appointment.objects.create(role="organiser", user=cast.bob)
    page = f"/admin/accounts/user/{cast.administrator.pk}/change/"
    seen = [signed_in_client(one).get(page).content.decode() for one in (cast.bob, cast.administrator)]
    assert ["Handbook" in text for text in seen] == [True, True]
    assert ["Merger" in text for text in seen] == [False, True]


def test_the_last_question_is_one_of_where_they_are_now(cast: Cast) -> None:
    """What was asked in an organisation that they left is told to nobody here."""
    for _ in range(2):
        chat = Conversation.objects.create(owner=cast.bob)
        said = [Message.objects.create(conversation=chat, role=role) for role in ("user", "assistant")]
        Turn.objects.create(asker=cast.bob, question=said[0], answer=said[1], running=False)
    asked = Turn.objects.order_by("created_at")
    assert looking.glance(cast.bob, cast.administrator).last_question == asked[1].created_at
    cast.bob.organisation_since = timezone.now()
    cast.bob.save()
    assert looking.glance(cast.bob, cast.administrator).last_question is None


def test_an_organiser_is_told_of_no_role_for_a_collection_of_another_organisation(cast: Cast) -> None:
    merger = Collection.objects.create(name="Merger", tenant=home("acme").organisation.pk)
    Appointment.objects.create(role="organiser", user=cast.bob)
    Appointment.objects.create(role="curator", user=cast.alice, collection=merger)
    for path in (f"/admin/accounts/user/{cast.alice.pk}/change/", "/admin/roles/appointment/"):
        seen = ["Merger" in signed_in_client(one).get(path).content.decode() for one in (cast.bob, cast.administrator)]
        assert seen == [False, True], path
