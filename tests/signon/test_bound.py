"""A provider that is bound to an organisation: whom it makes is of it, and it signs in nobody else."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import Group
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from chatapp.accounts.models import User
from chatapp.governance.models import AuditEntry
from chatapp.organisations.models import Organisation
from chatapp.organisations.services import close_organisation, create_organisation
from chatapp.signon import groups, providers
from chatapp.signon.config import Rule, parsed
from chatapp.signon.homes import free_name
from chatapp.signon.identity import Identity
from chatapp.signon.models import IdentityProvider, SignOnSession
from retrieval.tenants import HOUSE
from tests.conftest import Cast
from tests.signon.conftest import ERIN, House
from tests.signon.test_administration import CORP, LINKS, PROVIDERS
from tests.signon.test_environment import CORP as DESCRIBED

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def acme() -> Organisation:
    return create_organisation(name="Acme", slug="acme", by=None)


@pytest.fixture
def other() -> Organisation:
    return create_organisation(name="Other", slug="other", by=None)


@pytest.fixture
def admin(cast: Cast, client: Client, settings: Any) -> Client:
    settings.SIGNON_KEYS = {"SIGNON_KEY_CORP": "hush, hush"}
    client.force_login(cast.administrator)
    return client


def linked(house: House, name: str, organisation: Organisation | None = None) -> User:
    found = User.objects.create_user(name, organisation_id=organisation.pk if organisation else HOUSE)
    SocialAccount.objects.create(user=found, provider="corp", uid="erin", extra_data={"issuer": house.idp.address})
    return found


def refusals() -> list[dict[str, object]]:
    return list(AuditEntry.objects.filter(action="sign_on.refused").order_by("pk").values_list("detail", flat=True))


REFUSED = {"provider": "corp", "reason": "organisation", "domain": "example.com"}


def test_the_first_sign_in_makes_a_person_of_the_organisation_and_the_next_finds_them(
    house: House, acme: Organisation
) -> None:
    User.objects.create_user("erin")
    house.provider(organisation="acme")
    for _ in range(2):
        browser = house.browser()
        browser.sign_in()
        assert browser.is_signed_in()
    erin = SocialAccount.objects.get().user
    assert (erin.get_username(), erin.tenant, erin.email) == ("erin@acme", acme.pk, "erin@example.com")
    assert [group.place.organisation_id for group in erin.groups.all()] == [acme.pk, acme.pk]
    assert {group.name for group in erin.groups.all()} == {"acme/Staff", "acme/Legal"}


def test_a_claim_makes_no_administrator_of_its_people(house: House, acme: Organisation) -> None:
    house.idp.change({"erin": {**ERIN, "groups": ["footnote-admins"]}})
    house.provider(organisation="acme")
    house.browser().sign_in()
    erin = User.objects.get()
    assert erin.tenant == acme.pk and not erin.is_superuser and not erin.is_staff


@pytest.mark.parametrize("where", ["house", "other"])
def test_nobody_of_the_house_or_of_another_organisation_is_signed_in(
    house: House, acme: Organisation, other: Organisation, where: str
) -> None:
    person = linked(house, "erin", other if where == "other" else None)
    house.provider(organisation="acme")
    browser = house.browser()
    page = browser.sign_in()
    assert page.status_code == 403 and "not for this way to sign in" in page.text and not browser.is_signed_in()
    assert refusals() == [REFUSED]
    person.refresh_from_db()
    assert person.tenant != acme.pk and not person.groups.exists() and User.objects.count() == 1


def test_somebody_of_the_organisation_who_was_linked_keeps_their_account(house: House, acme: Organisation) -> None:
    linked(house, "anna@acme", acme)
    house.provider(organisation="acme", creates_people=False)
    browser = house.browser()
    browser.sign_in()
    assert browser.is_signed_in() and User.objects.count() == 1


def test_binding_it_anew_moves_nobody_and_signs_in_nobody_of_the_organisation_before(
    house: House, acme: Organisation, other: Organisation
) -> None:
    house.provider(organisation="acme")
    house.browser().sign_in()
    house.provider(organisation="other")
    assert house.browser().sign_in().status_code == 403
    assert User.objects.get().tenant == acme.pk and refusals() == [REFUSED]
    house.provider()
    browser = house.browser()
    browser.sign_in()
    assert browser.is_signed_in() and User.objects.get().tenant == acme.pk


def test_one_that_is_bound_to_no_organisation_that_is_open_lets_nobody_in(house: House, acme: Organisation) -> None:
    house.provider(organisation="nowhere")
    assert house.browser().sign_in().status_code == 403
    house.provider(organisation="acme")
    close_organisation(acme, by=None)
    assert house.browser().sign_in().status_code == 403
    assert not User.objects.exists() and refusals() == [REFUSED, REFUSED]


@pytest.mark.parametrize("first", ["acme", ""])
def test_the_same_address_in_two_organisations_keeps_nobody_out(house: House, acme: Organisation, first: str) -> None:
    for organisation in (first, "" if first else "acme"):
        house.provider(organisation=organisation)
        browser = house.browser()
        browser.sign_in()
        assert browser.is_signed_in()
        SocialAccount.objects.all().delete()
    assert {(one.tenant, one.email) for one in User.objects.all()} == {
        (acme.pk, "erin@example.com"),
        (HOUSE, "erin@example.com"),
    }
    for organisation in ("acme", ""):
        house.provider(organisation=organisation)
        assert house.browser().sign_in().status_code == 403, "within one it is taken"
    assert [one["reason"] for one in refusals()] == ["address", "address"]


def test_a_verified_address_of_another_organisation_is_no_obstacle(house: House, acme: Organisation) -> None:
    theirs = User.objects.create_user("ceo@acme", organisation=acme)
    EmailAddress.objects.create(user=theirs, email="erin@example.com", verified=True, primary=True)
    house.browser().sign_in()
    assert User.objects.get(organisation=HOUSE).email == "erin@example.com"
    house.provider(organisation="acme")
    SocialAccount.objects.all().delete()
    assert house.browser().sign_in().status_code == 403 and User.objects.count() == 2


def test_names_within_an_organisation_are_free_whatever_others_are_called(acme: Organisation) -> None:
    corp = parsed(json.dumps([{**DESCRIBED, "organisation": "acme"}]))[0]

    def name(said: str) -> str:
        return free_name(Identity(corp, "subject", username=said), acme.pk)

    User.objects.create_user("erin")
    assert name("erin") == "erin@acme"
    User.objects.create_user("Erin@acme", organisation=acme)
    assert name("erin") == "erin2@acme" and name("Erin Example@corp.example") == "erinexample@acme"
    assert name("@") == "user@acme" and len(name("x" * 150)) <= 150
    made = [User(username=f"erin{number or ''}@acme", organisation=acme) for number in range(2, 100)]
    User.objects.bulk_create(made)
    assert name("erin").startswith("erin-") and name("erin") != name("erin")


def test_a_name_takes_two_queries_however_many_are_alike(
    acme: Organisation, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    people = [User(username=f"anna{number}@acme", organisation=acme) for number in range(300)]
    User.objects.bulk_create([User(username="anna@acme", organisation=acme), *people])
    corp = parsed(json.dumps([{**DESCRIBED, "organisation": "acme"}]))[0]
    with django_assert_num_queries(2) as asked:
        assert free_name(Identity(corp, "subject", username="an"), acme.pk) == "an@acme"
    assert "LIKE" not in asked.captured_queries[1]["sql"].upper(), "names that begin so are not read"


def test_an_organisation_that_closes_behind_the_door_gives_no_groups(acme: Organisation) -> None:
    corp = parsed(json.dumps([{**DESCRIBED, "organisation": "acme"}]))[0]
    corp = replace(corp, rules=(Rule("staff", "Staff"), Rule("staff")))
    people = [User.objects.create_user("anna@acme", organisation=acme), User.objects.create_user("bob")]
    Group.objects.create(name="Staff")
    close_organisation(acme, by=None)
    for one in people:
        groups.apply(one, Identity(corp, one.username, groups=frozenset({"staff"})))
        one.refresh_from_db()
        assert not one.groups.exists() and not one.is_superuser
    assert set(Group.objects.values_list("name", flat=True)) == {"Staff"}


def save(admin: Client, acme: Organisation, **changed: str) -> Any:
    group = Group.objects.filter(name="acme/Staff").first() or Group(name="acme/Staff")
    group.home = acme.pk  # type: ignore[attr-defined]
    group.save()
    rules = {"rules-TOTAL_FORMS": "1", "rules-0-group": str(group.pk)}
    return admin.post(f"{PROVIDERS}add/", {**CORP, **rules, "organisation": str(acme.pk), **changed})


def test_an_administrator_binds_it_and_it_is_written_down(admin: Client, acme: Organisation) -> None:
    assert b"signs in nobody else" in admin.get(f"{PROVIDERS}add/").content
    assert save(admin, acme).status_code == 302
    found = providers.find("corp")
    assert found is not None and found.organisation == "acme"
    assert AuditEntry.objects.get(action="sign_on.provider_added").detail["bound_to"] == "Acme"


def test_binding_it_elsewhere_ends_the_sessions_that_came_from_it(
    admin: Client, cast: Cast, acme: Organisation, other: Organisation
) -> None:
    save(admin, acme)
    row = IdentityProvider.objects.get()
    row.rules.all().delete()
    plain = {**CORP, "rules-TOTAL_FORMS": "0", "organisation": str(acme.pk)}
    known = {"provider": "corp", "subject": "bob", "session_key": "k", "expires_at": "2100-01-01T00:00Z"}
    SignOnSession.objects.create(user=cast.bob, **known)
    assert admin.post(f"{PROVIDERS}{row.pk}/change/", {**plain, "domains": ""}).status_code == 302
    assert SignOnSession.objects.exists()
    assert admin.post(f"{PROVIDERS}{row.pk}/change/", {**plain, "organisation": str(other.pk)}).status_code == 302
    assert not SignOnSession.objects.exists()


def test_rules_name_groups_of_the_organisation_alone_and_make_no_administrators(
    admin: Client, acme: Organisation
) -> None:
    staff = Group.objects.create(name="Staff")
    assert b"not of the organisation" in save(admin, acme, **{"rules-0-group": str(staff.pk)}).content
    assert b"of the house alone" in save(admin, acme, **{"rules-0-group": ""}).content
    assert not IdentityProvider.objects.exists()


def test_nobody_of_another_organisation_is_linked_to_it(admin: Client, cast: Cast, acme: Organisation) -> None:
    save(admin, acme)
    anna = User.objects.create_user("anna@acme", organisation=acme)
    given = {"provider": "corp", "uid": "subject"}
    assert b"another organisation" in admin.post(f"{LINKS}add/", {**given, "user": str(cast.bob.pk)}).content
    assert not SocialAccount.objects.exists()
    assert admin.post(f"{LINKS}add/", {**given, "user": str(anna.pk)}).status_code == 302
