"""Signing in at an OpenID provider: people, groups, who is refused, and what is forged."""

from __future__ import annotations

import re
from typing import Any

import pytest
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import Group

from chatapp.accounts.links import make_link
from chatapp.accounts.models import User
from chatapp.governance.models import AuditEntry
from chatapp.signon.config import Rule
from tests.signon.conftest import ERIN, MALLORY, House

pytestmark = pytest.mark.django_db(transaction=True)


def groups_of(name: str) -> set[str]:
    return set(User.objects.get(username=name).groups.values_list("name", flat=True))


def written(action: str) -> list[dict[str, object]]:
    return list(AuditEntry.objects.filter(action=action).order_by("pk").values_list("detail", flat=True))


def test_the_first_sign_in_makes_a_person_in_the_groups_that_the_rules_name(house: House) -> None:
    browser = house.browser()
    browser.sign_in(wanted="/documents/")
    assert browser.is_signed_in() and str(browser.page.url) == f"{house.address}/documents/"
    erin = User.objects.get(username="erin")
    assert (erin.email, erin.first_name, erin.is_superuser) == ("erin@example.com", "Erin", False)
    assert not erin.has_usable_password()
    assert groups_of("erin") == {"Staff", "Legal"}
    assert written("sign_in")[-1] == {"way": "provider corp"}
    assert written("sign_on.groups") == [{"provider": "corp", "added": ["Legal", "Staff"], "removed": []}]


def test_groups_come_and_go_with_each_sign_in_and_those_given_here_stay(house: House) -> None:
    house.browser().sign_in()
    erin = User.objects.get(username="erin")
    erin.groups.add(Group.objects.create(name="Choir"))
    house.idp.change({"erin": {**ERIN, "groups": ["staff", "footnote-admins"]}})
    house.browser().sign_in()
    erin.refresh_from_db()
    assert groups_of("erin") == {"Staff", "Choir"} and erin.is_superuser and erin.is_staff
    house.idp.change({"erin": {**ERIN, "groups": []}})
    house.browser().sign_in()
    erin.refresh_from_db()
    assert groups_of("erin") == {"Choir"} and not erin.is_superuser and not erin.is_staff


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        ({"domains": ("example.com",)}, "domain"),
        ({"required_groups": ("staff",)}, "groups"),
        ({"creates_people": False}, "unknown"),
    ],
    ids=["domain", "groups", "unknown"],
)
def test_who_may_not_come_in_is_told_why_and_no_account_is_made(
    house: House, rules: dict[str, Any], reason: str
) -> None:
    house.provider(**rules)
    browser = house.browser()
    page = browser.sign_in("mallory")
    assert page.status_code == 403 and "administrator to let you in" in page.text
    assert not browser.is_signed_in() and not User.objects.exists()
    assert written("sign_on.refused") == [{"provider": "corp", "reason": reason, "domain": "elsewhere.example"}]
    assert "mallory" not in AuditEntry.objects.get(action="sign_on.refused").whole_subject


def test_an_address_that_the_provider_did_not_verify_does_not_count(house: House) -> None:
    house.provider(domains=("example.com",))
    house.idp.change({"erin": {**ERIN, "email_verified": False}})
    assert house.browser().sign_in().status_code == 403
    house.provider()
    house.browser().sign_in()
    assert User.objects.get(username="erin").email == ""


def test_the_address_of_somebody_else_opens_nothing(house: House) -> None:
    owner = User.objects.create_superuser("alice", "Alice@Example.com")
    house.idp.change({"mallory": {**MALLORY, "email": "alice@example.com"}})
    browser = house.browser()
    assert browser.sign_in("mallory").status_code == 403 and not browser.is_signed_in()
    assert not SocialAccount.objects.exists() and list(User.objects.all()) == [owner]


def test_the_name_of_somebody_else_opens_nothing(house: House) -> None:
    owner = User.objects.create_superuser("erin", "somebody@example.com")
    house.browser().sign_in()
    mine = SocialAccount.objects.get().user
    assert mine != owner and mine.username != "erin" and not mine.is_superuser


def test_somebody_whom_an_administrator_linked_keeps_their_account(house: House) -> None:
    house.provider(creates_people=False)
    alice = User.objects.create_user("alice", "erin@example.com")
    SocialAccount.objects.create(user=alice, provider="corp", uid="erin", extra_data={"issuer": house.idp.address})
    browser = house.browser()
    browser.sign_in()
    assert browser.is_signed_in() and User.objects.count() == 1 and groups_of("alice") == {"Staff", "Legal"}


def test_a_closed_account_stays_closed_and_gets_no_groups(house: House) -> None:
    house.browser().sign_in()
    erin = User.objects.get()
    erin.is_active = False
    erin.save()
    erin.groups.clear()
    browser = house.browser()
    page = browser.sign_in()
    assert "closed" in page.text and not browser.is_signed_in() and groups_of("erin") == set()


def test_a_membership_that_was_given_here_is_not_taken_away(house: House) -> None:
    staff = Group.objects.create(name="Staff")
    house.idp.change({"erin": {**ERIN, "groups": []}})
    house.browser().sign_in()
    erin = User.objects.get()
    erin.groups.add(staff)
    for groups in (["staff"], []):
        house.idp.change({"erin": {**ERIN, "groups": groups}})
        house.browser().sign_in()
    assert groups_of("erin") == {"Staff"}


def test_one_who_was_made_an_administrator_here_stays_one(house: House) -> None:
    house.browser().sign_in()
    User.objects.update(is_superuser=True, is_staff=True)
    for groups in (["footnote-admins"], []):
        house.idp.change({"erin": {**ERIN, "groups": groups}})
        house.browser().sign_in()
    assert User.objects.get().is_superuser


def test_groups_inside_other_claims_are_found(house: House) -> None:
    house.provider(groups_claim="groups.roles", rules=(Rule("staff", "Staff"),))
    house.idp.change({"erin": {**ERIN, "groups": {"roles": ["staff"]}}})
    house.browser().sign_in()
    assert groups_of("erin") == {"Staff"}


def test_who_came_from_a_provider_gets_no_password(house: House) -> None:
    browser = house.browser()
    browser.sign_in()
    browser.go("/accounts/password/")
    assert "Choose a password" not in browser.page.text and "/accounts/" not in str(browser.page.url)


def test_without_local_accounts_the_providers_alone_are_there_and_a_link_lets_in(house: House) -> None:
    house.settings.LOCAL_ACCOUNTS = False
    alice = User.objects.create_superuser("alice", "alice@example.com", "correct horse battery")
    browser = house.browser()
    page = browser.go("/accounts/login/")
    assert "password" not in page.text and "Sign in with Example Corp" in page.text
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
    assert token
    values = {"csrfmiddlewaretoken": token.group(1), "login": "alice", "password": "correct horse battery"}
    page = browser.post("/accounts/login/", values)
    assert page.status_code == 403 and not browser.is_signed_in()
    browser.go(make_link(alice))
    browser.submit()
    assert browser.is_signed_in() and "Choose a password" not in browser.page.text
    assert written("sign_in") == [{"way": "one-time link"}]
