"""A client makes people and groups of one organisation, and reaches nobody else's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chatapp.accounts.keys import make_key, revoke
from chatapp.accounts.models import User
from chatapp.governance.models import AuditEntry
from chatapp.organisations.models import Organisation
from chatapp.organisations.services import close_organisation, create_organisation, move_person
from chatapp.scim import tokens
from chatapp.scim.models import ProvisioningClient
from retrieval.tenants import HOUSE
from tests.conftest import signed_in_client
from tests.scim.conftest import Directory, directory_of, user_of
from tests.signon.conftest import forger, served_forger  # noqa: F401
from tests.signon.forger import Forger

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def acme(boss: User) -> Organisation:
    return create_organisation(name="Acme", slug="acme", by=boss)


@pytest.fixture
def theirs(boss: User, acme: Organisation) -> Directory:
    return directory_of("Acme's directory", boss, organisation=acme)


def test_people_and_groups_are_of_the_clients_organisation_under_their_own_names(
    theirs: Directory, directory: Directory, acme: Organisation
) -> None:
    number = theirs.make("dana", externalId="1")
    group = theirs.make_group("Legal", number)
    assert user_of(number).organisation_id == acme.pk and user_of(number).get_username() == "dana@acme"
    assert Group.objects.get(name="acme/Legal").place.organisation_id == acme.pk  # type: ignore[attr-defined]
    shown = theirs.ask("GET", f"Users/{number}").json()
    assert shown["userName"] == "dana" and shown["groups"][0]["display"] == "Legal"
    assert theirs.ask("GET", f"Groups/{group}").json()["displayName"] == "Legal"
    for place in ('Users?filter=userName eq "dana"', 'Groups?filter=displayName eq "Legal"'):
        assert theirs.ask("GET", place).json()["totalResults"] == 1
        assert directory.ask("GET", place).json()["totalResults"] == 0
    directory.make_group("Legal", directory.make("dana"))  # names of others are free
    theirs.patch(f"Groups/{group}", {"op": "replace", "value": {"displayName": "Law"}})
    assert Group.objects.filter(name="acme/Law").exists() and Group.objects.filter(name="Legal").exists()


def test_who_was_moved_is_out_of_reach(theirs: Directory, boss: User, acme: Organisation) -> None:
    number = theirs.make("dana", externalId="1")
    house = Organisation.objects.exclude(pk=acme.pk).get()
    move_person(user_of(number), house, by=boss)
    assert theirs.ask("GET", f"Users/{number}").status_code == 404
    assert theirs.ask("POST", "Users", {"userName": "dana", "externalId": "1"}).status_code == 409
    assert user_of(number).organisation_id == house.pk


def test_a_person_of_another_organisation_is_not_taken_over_by_their_link(
    boss: User,
    acme: Organisation,
    forger: Forger,  # noqa: F811
) -> None:
    theirs = directory_of("By link", boss, organisation=acme, identity_provider="corp")
    alice = User.objects.create_user("alice")
    SocialAccount.objects.create(user=alice, provider="corp", uid="1", extra_data={"issuer": forger.address})
    answer = theirs.ask("POST", "Users", {"userName": "alice", "externalId": "1", "active": False})
    assert answer.status_code == 409 and user_of(str(alice.pk)).is_active


def test_names_are_bounded_with_what_is_added_to_them(theirs: Directory) -> None:
    long = "x" * 148
    assert theirs.ask("POST", "Users", {"userName": long}).json()["scimType"] == "invalidValue"
    assert theirs.ask("POST", "Groups", {"displayName": long}).json()["scimType"] == "invalidValue"


@pytest.mark.parametrize("address", ["dana@example.com", "DANA@Example.com", "second@example.com"])
def test_no_answer_tells_that_others_have_an_address(
    theirs: Directory, directory: Directory, acme: Organisation, address: str
) -> None:
    dana = User.objects.create_user("dana", "dana@example.com")
    EmailAddress.objects.create(user=dana, email="second@example.com", verified=True, primary=False)
    body = {"userName": "eve", "emails": [{"value": address}]}
    theirs.ask("GET", "Users")  # the first use of a token is noted
    with CaptureQueriesContext(connection) as taken:
        there = theirs.ask("POST", "Users", body)
    number = there.json()["id"]
    with CaptureQueriesContext(connection) as free:
        assert (
            theirs.ask("POST", "Users", {"userName": "fay", "emails": [{"value": "fay@example.com"}]}).status_code
            == 201
        )
    assert there.status_code == 201 and len(taken) == len(free)
    assert theirs.patch(f"Users/{number}", {"op": "replace", "value": {"active": False}}).status_code == 200
    assert directory.ask("POST", "Users", body).status_code == 409  # where the address is
    again = theirs.ask("POST", "Users", {"userName": "gil", "emails": [{"value": address}]})
    assert again.status_code == 409  # by now it is here as well


def test_a_client_of_another_organisation_is_given_no_provider(
    boss: User,
    acme: Organisation,
    forger: Forger,  # noqa: F811
) -> None:
    page = "/admin/scim/provisioningclient/add/"
    form = {"name": "Theirs", "is_on": "on", "subject": "externalId", "identity_provider": "corp"}
    refused = signed_in_client(boss).post(page, {**form, "organisation": acme.pk})
    assert refused.status_code == 200 and "This provider is of another organisation" in refused.content.decode()
    assert signed_in_client(boss).post(page, {**form, "organisation": HOUSE}).status_code == 302
    without = {**form, "name": "Others", "organisation": acme.pk, "identity_provider": ""}
    assert signed_in_client(boss).post(page, without).status_code == 302


def test_a_client_links_its_people_to_a_provider_that_is_bound_to_its_organisation(
    boss: User,
    acme: Organisation,
    forger: Forger,  # noqa: F811
    settings: Any,
) -> None:
    settings.SIGNON_PROVIDERS = tuple(replace(one, organisation="acme") for one in settings.SIGNON_PROVIDERS)
    page = "/admin/scim/provisioningclient/add/"
    form = {"is_on": "on", "subject": "externalId", "identity_provider": "corp"}
    of_the_house = {**form, "name": "Ours", "organisation": HOUSE}
    assert signed_in_client(boss).post(page, of_the_house).status_code == 200
    assert signed_in_client(boss).post(page, {**form, "name": "Theirs", "organisation": acme.pk}).status_code == 302
    ours = directory_of("By hand", boss, identity_provider="corp")
    assert ours.ask("POST", "Users", {"userName": "eve", "externalId": "2"}).status_code == 409
    client = ProvisioningClient.objects.get(name="Theirs")
    number = Directory(client, tokens.make(client=client, days=30, by=boss).token).make("dana", externalId="1")
    assert SocialAccount.objects.get(provider="corp", uid="1").user == user_of(number)


def test_a_closed_organisation_is_provisioned_no_more(theirs: Directory, boss: User, acme: Organisation) -> None:
    theirs.make("dana")
    close_organisation(acme, by=boss)
    assert theirs.ask("GET", "Users").status_code == 401


def test_lines_of_what_a_client_did_are_its_organisations(theirs: Directory, boss: User, acme: Organisation) -> None:
    group = theirs.make_group("Legal", theirs.make("dana"))
    theirs.patch(f"Groups/{group}", {"op": "replace", "value": {"displayName": "Law"}})
    theirs.ask("DELETE", f"Groups/{group}")
    tokens.revoke(theirs.client.tokens.get(), by=boss)
    page = signed_in_client(boss)
    form = {"name": "Okta", "identity_provider": "", "subject": "externalId", "organisation": str(acme.pk)}
    page.post("/admin/scim/provisioningclient/add/", form)
    page.post(f"/admin/scim/provisioningclient/{theirs.client.pk}/delete/", {"post": "yes"})
    lines = AuditEntry.objects.filter(action__startswith="scim.")
    assert {line.action.removeprefix("scim.") for line in lines} == {
        *("person.added", "group.added", "group.changed", "group.removed"),
        *("token.made", "token.revoked", "client.added", "client.removed"),
    }
    assert {line.organisation for line in lines} == {acme.pk}


def test_lines_of_keys_are_of_their_persons_organisation(theirs: Directory, boss: User, acme: Organisation) -> None:
    revoke(make_key(user=user_of(theirs.make("dana")), name="program", by=boss).row, by=boss)
    lines = AuditEntry.objects.filter(action__startswith="api_key.")
    assert [(line.action, line.organisation) for line in lines.order_by("pk")] == [
        ("api_key.made", acme.pk),
        ("api_key.revoked", acme.pk),
    ]


def test_lines_of_service_accounts_are_of_their_owners(theirs: Directory, boss: User, acme: Organisation) -> None:
    form = {"username": "crawler", "is_active": "on", "owner": theirs.make("dana")}
    signed_in_client(boss).post("/admin/accounts/serviceaccount/add/", form)
    assert AuditEntry.objects.get(action="service_account.added").organisation == acme.pk
