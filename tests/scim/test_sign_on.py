"""Who was provisioned, and who signs in: one account, by the subject at the provider alone."""

from __future__ import annotations

import pytest
from allauth.socialaccount.models import SocialAccount
from django.test import Client

from chatapp.accounts.models import User
from tests.scim.conftest import Directory, directory_of, user_of
from tests.signon.conftest import forger, served_forger  # noqa: F401
from tests.signon.forger import Forger, begin, end

pytestmark = pytest.mark.django_db
ERIN = {"sub": "00u-erin", "preferred_username": "erin", "email": "erin@example.com", "email_verified": True}


@pytest.fixture
def corp(boss: User, forger: Forger) -> Directory:  # noqa: F811
    return directory_of("Corp", boss, identity_provider="corp")


def sign_in(forger: Forger, **claims: object) -> Client:  # noqa: F811
    client = Client()
    end(client, forger, begin(client), **{**ERIN, **claims})
    return client


def who(client: Client) -> str:
    return str(client.session.get("_auth_user_id", ""))


def test_a_provisioned_person_signs_in_to_the_same_account(corp: Directory, forger: Forger) -> None:  # noqa: F811
    number = corp.make("erin@example.com", externalId="00u-erin", emails=[{"value": "erin@example.com"}])
    assert who(sign_in(forger)) == number
    corp.patch(f"Users/{number}", {"op": "replace", "value": {"active": False}})
    assert not who(sign_in(forger))


def test_who_signed_in_first_is_found_by_the_subject(corp: Directory, forger: Forger) -> None:  # noqa: F811
    number = who(sign_in(forger))
    assert number and corp.make("erin@example.com", externalId="00u-erin") == number
    assert user_of(number).get_username() == "erin@example.com"
    assert corp.ask("POST", "Users", {"userName": "erin2", "externalId": "00u-erin"}).status_code == 409


def test_an_address_or_a_name_joins_nobody(corp: Directory, forger: Forger) -> None:  # noqa: F811
    number = corp.make("erin", externalId="00u-other", emails=[{"value": "erin@example.com"}])
    assert not who(sign_in(forger))  # the address is somebody's
    assert who(sign_in(forger, email_verified=False)) not in ("", number)  # an address that counts for nothing


def test_who_was_made_an_administrator_is_not_taken_over(corp: Directory, forger: Forger) -> None:  # noqa: F811
    number = who(sign_in(forger))
    User.objects.filter(pk=number).update(is_superuser=True)
    answer = corp.ask("POST", "Users", {"userName": "erin", "externalId": "00u-erin", "active": False})
    assert answer.status_code == 409 and user_of(number).is_active


def test_a_link_of_another_issuer_is_nobodys(corp: Directory) -> None:
    alice = User.objects.create_user("alice")
    link = {"provider": "corp", "uid": "00u-erin", "extra_data": {"issuer": "https://elsewhere.example.com"}}
    SocialAccount.objects.create(user=alice, **link)
    answer = corp.ask("POST", "Users", {"userName": "erin", "externalId": "00u-erin"})
    assert answer.status_code == 409 and User.objects.filter(username="erin").count() == 0


def test_the_link_follows_the_subject(corp: Directory, forger: Forger) -> None:  # noqa: F811
    number, other = corp.make("erin", externalId="1"), corp.make("dana", externalId="2")
    corp.patch(f"Users/{number}", {"op": "replace", "path": "externalId", "value": "00u-erin"})
    assert who(sign_in(forger)) == number
    taken = corp.patch(f"Users/{other}", {"op": "replace", "path": "externalId", "value": "00u-erin"})
    assert taken.status_code == 409 and who(sign_in(forger)) == number


def test_the_subject_may_be_the_user_name(boss: User, forger: Forger) -> None:  # noqa: F811
    directory = directory_of("By name", boss, identity_provider="corp", subject="userName")
    number = directory.make("00u-erin")
    assert who(sign_in(forger)) == number


def test_without_a_provider_nobody_is_linked(directory: Directory, forger: Forger) -> None:  # noqa: F811
    directory.make("erin", externalId="00u-erin")
    assert not SocialAccount.objects.exists()
