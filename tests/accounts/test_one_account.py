"""What is typed at the sign-in page means one account: by name, else by an address that it alone has."""

from __future__ import annotations

from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core.cache import cache
from django.test import Client

from chatapp.accounts import guessing
from chatapp.accounts.models import User
from chatapp.accounts.named import meant
from chatapp.organisations.models import Organisation
from chatapp.organisations.services import create_organisation
from tests.conftest import Cast

ADDRESS = "alice@example.com"
HERS, DECOYS = "correct horse battery", "password of the decoy"


@pytest.fixture
def alice(cast: Cast, settings: Any) -> User:
    cache.clear()
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # a quick one
    return changed(cast.alice, HERS, email=ADDRESS)


@pytest.fixture
def elsewhere(cast: Cast) -> Organisation:
    return create_organisation(name="Elsewhere", slug="elsewhere", by=None)


def changed(person: User, password: str, **values: Any) -> User:
    for name, value in values.items():
        setattr(person, name, value)
    person.set_password(password)
    person.save()
    return person


def decoy(name: str = "decoy", **values: Any) -> User:
    return User.objects.create_user(name, password=DECOYS, **values)


def whose(login: str, password: str, address: str = "203.0.113.5") -> str:
    """-> the name of whoever is signed in with it; empty: nobody."""
    client = Client()
    client.post("/accounts/login/", {"login": login, "password": password}, REMOTE_ADDR=address)
    known = client.session.get("_auth_user_id")
    return User.objects.get(pk=known).get_username() if known else ""


def guess(login: str, times: int) -> None:
    for number in range(times):
        assert not whose(login, "wrong", f"198.51.{number // 250}.{number % 250}")


def test_an_address_that_two_accounts_have_opens_neither_and_their_names_open_each(alice: User) -> None:
    assert whose(ADDRESS, HERS) == "alice"
    decoy(email=ADDRESS)
    assert not whose(ADDRESS, HERS) and not whose(ADDRESS, DECOYS)
    assert whose("alice", HERS) == "alice" and whose("decoy", DECOYS) == "decoy"


def test_a_name_that_is_the_address_of_another_opens_its_own_account_alone(alice: User) -> None:
    decoy(ADDRESS)
    assert whose(ADDRESS, DECOYS) == ADDRESS
    assert not whose(ADDRESS, HERS)
    assert whose("alice", HERS) == "alice"


@pytest.mark.parametrize("values", [{"name": ADDRESS}, {"email": ADDRESS}, {"name": ADDRESS, "email": ADDRESS}])
def test_guesses_through_a_decoy_are_at_the_decoy(alice: User, values: dict[str, str]) -> None:
    decoy(**values)
    guess(ADDRESS, 20)
    assert whose("alice", HERS) == "alice", "they were none at alice, and do not count against her"


def test_guesses_by_name_and_by_address_are_guesses_at_one_account(alice: User) -> None:
    guess("alice", 10)
    guess("ALICE@example.COM", 10)
    assert not whose("alice", HERS) and not whose(ADDRESS, HERS)


@pytest.mark.parametrize("login", ["ALICE", "Alice@Example.com", " alice ", f" {ADDRESS} "])
def test_case_and_spaces_around_it_do_not_matter(alice: User, login: str) -> None:
    assert whose(login, HERS) == "alice"


def test_of_names_that_differ_in_case_the_exact_one_counts(alice: User) -> None:
    decoy("ALICE")
    assert whose("alice", HERS) == "alice" and whose("ALICE", DECOYS) == "ALICE"
    assert not whose("alice", DECOYS) and not whose("ALICE", HERS)
    assert not whose("Alice", HERS) and not whose("Alice", DECOYS), "it could be either"


def test_an_account_of_another_organisation_is_a_decoy_like_any_other(alice: User, elsewhere: Organisation) -> None:
    other = decoy(email=ADDRESS, organisation=elsewhere)
    assert not whose(ADDRESS, HERS) and not whose(ADDRESS, DECOYS)
    assert whose("alice", HERS) == "alice" and whose("decoy", DECOYS) == "decoy"
    changed(other, DECOYS, email="")
    assert whose(ADDRESS, HERS) == "alice"


def test_who_has_an_address_verified_has_it_alone(alice: User) -> None:
    decoy(email=ADDRESS)
    EmailAddress.objects.create(user=alice, email=ADDRESS, verified=True)
    assert whose(ADDRESS, HERS) == "alice"
    assert not whose(ADDRESS, DECOYS)


def test_closed_and_service_accounts_take_nobodys_address(alice: User) -> None:
    decoy(email=ADDRESS, is_active=False)
    User.objects.create_user("robot", email=ADDRESS, is_service=True)
    assert whose(ADDRESS, HERS) == "alice"


@pytest.mark.parametrize("login", ["", " ", "@", "x" * 255, f"{'x' * 250}@example.com", "alice\0"])
def test_what_nobody_can_be_called_means_nobody(alice: User, login: str) -> None:
    decoy("somebody", email="")
    assert meant({"username": login}) is None
    assert not whose(login, HERS)


@pytest.mark.parametrize(
    "login", ["alice", ADDRESS, "nobody", "nobody@example.com", "twice@example.com", "closed", "robot", "bob"]
)
def test_the_hasher_runs_once_whoever_is_meant(alice: User, login: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(2):
        decoy(f"twice-{number}", email="twice@example.com")
    decoy("closed", is_active=False)
    User.objects.create_user("robot", is_service=True)  # as bob: without a password that opens anything
    runs: list[str] = []
    encode = MD5PasswordHasher.encode

    def counted(self: Any, password: str, *others: Any) -> str:
        runs.append(password)
        return encode(self, password, *others)

    monkeypatch.setattr(MD5PasswordHasher, "encode", counted)
    assert not whose(login, "wrong")
    assert len(runs) == 1


@pytest.mark.parametrize("login", ["alice", "ALICE", ADDRESS, "twice@example.com", "nobody", ""])
def test_whose_guess_is_counted_is_whose_password_is_looked_at(
    alice: User, login: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(2):
        decoy(f"twice-{number}", email="twice@example.com")
    tried: list[User] = []

    def refused(self: User, password: str) -> bool:
        tried.append(self)
        return False

    monkeypatch.setattr(User, "check_password", refused)
    whose(login, HERS)
    counted = guessing._person({"username": login})
    assert counted == (str(tried[0].pk) if tried else login.lower()) and len(tried) < 2
