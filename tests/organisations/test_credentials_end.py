"""Who moves to another organisation, or becomes an administrator, keeps nothing that somebody else may have chosen."""

from __future__ import annotations

import re
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.test import Client

from chatapp.access import person_of_session
from chatapp.accounts.keys import create_key, person_of_key
from chatapp.accounts.links import make_link
from chatapp.accounts.models import ApiKey, User
from chatapp.governance.models import AuditEntry
from chatapp.limits.models import Limit
from chatapp.organisations.models import Organisation
from chatapp.organisations.services import move_person
from chatapp.roles.models import Role
from chatapp.roles.services import appoint
from chatapp.signon import groups
from chatapp.signon.config import OIDC, Provider, Rule
from chatapp.signon.identity import Identity
from tests.conftest import Cast, signed_in_client, signed_in_session
from tests.organisations.houses import Home, home
from tests.scim.conftest import directory_of

pytestmark = pytest.mark.django_db(transaction=True)
CHOSEN = "a long password 1"
CORP = Provider("corp", "Corp", OIDC, "https://idp.example.com", client_id="footnote", rules=(Rule("admins"),))


@pytest.fixture
def acme(cast: Cast) -> Home:
    return home("acme")


@pytest.fixture
def globex(cast: Cast) -> Home:
    return home("globex")


@pytest.fixture
def house_organiser(cast: Cast) -> Client:
    person = User.objects.create_user("organiser")
    appoint(role=Role.ORGANISER, to=person, by=None)
    return signed_in_client(person)


def opened_by_others(person: User) -> tuple[str, str, str]:
    """All that opens the account, as an organiser may have chosen it. -> a session, a key, a one-time link"""
    person.set_password(CHOSEN)
    person.save()
    Authenticator.objects.create(user=person, type="recovery_codes", data={})
    Authenticator.objects.create(user=person, type="webauthn", data={"name": "Laptop", "credential": {}})
    SocialAccount.objects.create(user=person, provider="elsewhere", uid="1")
    return signed_in_session(person), create_key(user=person, name="program"), make_link(person)


def is_shut(person: User, session: str, key: str, link: str) -> bool:
    person = User.objects.get(pk=person.pk)
    client = Client()
    client.post("/accounts/login/", {"login": person.username, "password": CHOSEN})
    factors = Authenticator.objects.filter(user=person).exists() or SocialAccount.objects.filter(user=person).exists()
    opened = [person_of_session(session), person_of_key(key), client.session.get("_auth_user_id")]
    return not any(opened) and not factors and client.post(link).status_code == 404


def posted(client: Client, person: User, **changed: str) -> Any:
    given = {
        "username": person.username, "is_active": "on", "organisation": str(person.organisation_id),
        "date_joined_0": "2026-01-01", "date_joined_1": "00:00:00",
    }  # fmt: skip
    return client.post(f"/admin/accounts/user/{person.pk}/change/", given | changed, follow=True)


def test_who_is_moved_is_opened_by_nothing_of_before(cast: Cast, acme: Home, globex: Home) -> None:
    before = opened_by_others(acme.person)
    move_person(acme.person, globex.organisation, by=cast.administrator)
    assert is_shut(acme.person, *before)
    assert AuditEntry.objects.filter(action="sign_on.unlinked").count() == 1


def test_the_mover_is_given_a_link_that_signs_the_person_in(cast: Cast, acme: Home, globex: Home) -> None:
    before = opened_by_others(acme.person)
    page = posted(signed_in_client(cast.administrator), acme.person, organisation=str(globex.organisation.pk))
    found = re.search(r"(/accounts/link/[\w-]+/)", page.content.decode())
    assert found and is_shut(acme.person, *before)
    client = Client()
    client.post(found[1])
    assert client.session["_auth_user_id"] == str(acme.person.pk)
    assert client.get(f"/api/documents/{globex.document.pk}/").status_code == 200


def test_where_accounts_here_are_off_the_mover_is_told_what_to_do(
    cast: Cast, acme: Home, globex: Home, settings: Any
) -> None:
    client = signed_in_client(cast.administrator)
    settings.LOCAL_ACCOUNTS = False
    page = posted(client, acme.person, organisation=str(globex.organisation.pk)).content.decode()
    assert "manage.py signinlink" in page and "/accounts/link/" not in page


def test_who_becomes_an_administrator_is_opened_by_nothing_of_before(cast: Cast, acme: Home) -> None:
    before = opened_by_others(acme.person)
    page = posted(signed_in_client(cast.administrator), acme.person, is_superuser="on", is_staff="on")
    assert User.objects.get(pk=acme.person.pk).is_superuser and is_shut(acme.person, *before)
    assert "/accounts/link/" in page.content.decode()


def test_another_change_of_a_person_ends_nothing(cast: Cast, acme: Home) -> None:
    session, key, _ = opened_by_others(acme.person)
    page = posted(signed_in_client(cast.administrator), acme.person, first_name="Petra")
    assert person_of_session(session) and person_of_key(key) and "/accounts/link/" not in page.content.decode()
    assert User.objects.get(pk=acme.person.pk).check_password(CHOSEN)


def test_who_moves_themselves_keeps_their_password(cast: Cast, acme: Home) -> None:
    opened_by_others(cast.administrator)
    posted(signed_in_client(cast.administrator), cast.administrator, organisation=str(acme.organisation.pk),
           is_superuser="on", is_staff="on")  # fmt: skip
    moved = User.objects.get(pk=cast.administrator.pk)
    assert moved.organisation == acme.organisation and moved.check_password(CHOSEN)
    assert Authenticator.objects.filter(user=moved).count() == 2


def claimed(person: User, subject: str = "boss") -> User:
    SocialAccount.objects.create(user=person, provider="corp", uid=subject)
    groups.apply(person, Identity(CORP, subject, person.username, groups=frozenset({"admins"})))
    return User.objects.get(pk=person.pk)


def test_a_claim_makes_nobody_of_another_organisation_an_administrator(acme: Home) -> None:
    assert not claimed(acme.person).is_superuser


def test_who_becomes_one_by_a_claim_keeps_that_link_alone(cast: Cast) -> None:
    session, key, link = opened_by_others(cast.bob)
    bob = claimed(cast.bob)
    assert bob.is_superuser and bob.password == cast.bob.password  # what the session that begins is bound to
    assert SocialAccount.objects.get(user=bob).uid == "boss"
    SocialAccount.objects.all().delete()
    assert is_shut(bob, session, key, link)
    groups.apply(bob, Identity(CORP, "boss", "bob", groups=frozenset({"admins"})))
    assert User.objects.get(pk=bob.pk).password == bob.password  # once, not at each sign-in


def test_who_was_one_by_a_claim_is_none_elsewhere(cast: Cast, acme: Home) -> None:
    bob = claimed(cast.bob)
    move_person(bob, acme.organisation, by=cast.administrator)
    groups.apply(bob, Identity(CORP, "boss", "bob", groups=frozenset({"admins"})))
    assert not User.objects.get(pk=bob.pk).is_superuser


def test_a_client_of_another_organisation_links_nobody(cast: Cast, acme: Home, settings: Any) -> None:
    settings.SIGNON_PROVIDERS = (CORP,)
    theirs = directory_of("Acme", cast.administrator, organisation=acme.organisation, identity_provider="corp")
    refused = theirs.ask("POST", "Users", {"userName": "trap", "externalId": "sub-of-the-boss"})
    assert refused.status_code == 409 and not User.objects.filter(username="trap@acme").exists()
    house = directory_of("House", cast.administrator, identity_provider="corp")
    number = house.make("boss", externalId="sub-of-the-boss")
    assert str(SocialAccount.objects.get(uid="sub-of-the-boss").user_id) == number


@pytest.fixture
def old(cast: Cast) -> Client:
    """A cookie that was stolen: of a sign-in of long ago."""
    client = signed_in_client(cast.administrator)
    session = client.session
    session["signed_in_at"] = 0
    session.save()
    return client


def test_an_old_sign_in_closes_no_organisation_moves_nobody_and_keeps_nothing_shorter(
    old: Client, acme: Home, globex: Home
) -> None:
    closing = {"action": "close", "_selected_action": [str(acme.organisation.pk)]}
    moved = {"username": "person", "is_active": "on", "date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}
    moving = f"/admin/accounts/user/{acme.person.pk}/change/"
    for path, given in (
        ("/admin/organisations/organisation/", closing),
        ("/admin/privacy/retentionrule/add/", {"group": "", "days": 1}),
        (f"/admin/retrieval/collection/{acme.collection.pk}/change/", {"name": "Open", "everyone": "on"}),
        *((moving, {**moved, "organisation": to}) for to in (str(globex.organisation.pk), "", "x")),
    ):
        assert old.post(path, given).headers["Location"].startswith("/accounts/again/"), path
    assert Organisation.objects.get(pk=acme.organisation.pk).is_active
    assert User.objects.get(pk=acme.person.pk).organisation == acme.organisation


def test_organisers_of_the_house_revoke_no_keys_of_those_who_run_footnote(cast: Cast, house_organiser: Client) -> None:
    create_key(user=cast.administrator, name="ops"), create_key(user=cast.bob, name="program")
    keys = [str(one) for one in ApiKey.objects.values_list("pk", flat=True)]
    house_organiser.post("/admin/accounts/apikey/", {"action": "revoke", "_selected_action": keys})
    assert ApiKey.objects.get(revoked_at=None).user == cast.administrator


def test_organisers_of_the_house_do_not_limit_those_who_run_footnote(cast: Cast, house_organiser: Client) -> None:
    create_key(user=cast.administrator, name="ops")
    theirs = {"user": str(cast.administrator.pk)}, {"key": str(ApiKey.objects.get().pk)}
    amount = {"resource": "requests", "amount": 1, "seconds": 86400}
    for whose in theirs:
        answer = house_organiser.post("/admin/limits/limit/add/", amount | whose)
        assert answer.status_code == 200 and "not limited by organisers" in answer.content.decode()
    limit = Limit.objects.create(user=cast.administrator, **amount)
    for path, given in (
        (f"{limit.pk}/change/", {**amount, "user": str(cast.bob.pk)}),
        (f"{limit.pk}/delete/", {"post": "yes"}),
    ):
        house_organiser.post(f"/admin/limits/limit/{path}", given)
    chosen = {"action": "delete_selected", "_selected_action": [str(limit.pk)], "post": "yes"}
    house_organiser.post("/admin/limits/limit/", chosen)
    limit.refresh_from_db()
    assert limit.user == cast.administrator
    answer = house_organiser.post("/admin/limits/limit/add/", amount | {"user": str(cast.bob.pk)})
    assert answer.status_code == 302
