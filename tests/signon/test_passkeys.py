"""Passkeys at the doors: who may add and remove them, and what is no passkey. How they work is shown in a browser
(tests/browser/test_passkeys.py)."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.core.cache import cache
from django.test import Client

from chatapp.accounts.models import User
from chatapp.directory.config import parsed
from tests.ldap.conftest import described

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"
PLACE, DOOR = "/accounts/second-factor/passkeys", "/accounts/passkey/"


@pytest.fixture
def alice() -> User:
    cache.clear()
    return User.objects.create_user("alice", "alice@example.com", PASSWORD)


def signed_in(user: User) -> Client:
    """By hand, and without the password a moment ago."""
    client = Client()
    client.force_login(user)
    return client


def passkey_of(user: User) -> Authenticator:
    return Authenticator.objects.create(user=user, type="webauthn", data={"name": "Laptop", "credential": {}})


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def told(user: User, **changed: Any) -> dict[str, Any]:
    """Of the right shape, and of nobody's device."""
    data = {"type": "webauthn.get", "challenge": "AAAA", "origin": "http://localhost"}
    response = {
        "clientDataJSON": encoded(json.dumps(data)),
        "authenticatorData": encoded("x" * 40),
        "attestationObject": encoded("x"),
        "signature": encoded("x"),
        "userHandle": encoded(str(user.pk)),
    }
    return {"id": "AAAA", "rawId": "AAAA", "type": "public-key", "response": {**response, **changed}}


JUNK = ["", "null", "7", '"x"', "[]", "{}", "{", "[" * 19_000, "x" * 30_000, "{" + '"a":{' * 3000, '{"response": 7}']


def test_adding_and_removing_ask_who_one_is(alice: User) -> None:
    kept, client = passkey_of(alice), signed_in(alice)
    for page in ("add/", f"{kept.pk}/remove/"):
        for method in (client.get, client.post):
            assert "/accounts/reauthenticate/" in method(f"{PLACE}/{page}").headers["Location"]
    assert Authenticator.objects.count() == 1
    assert client.get(f"{PLACE}/").status_code == 200


def test_the_pages_need_a_person_with_an_account_of_their_own(alice: User) -> None:
    kept = passkey_of(alice)
    pages = ["", "add/", "again/", f"{kept.pk}/remove/"]
    client = signed_in(alice)
    session = client.session
    session["signon"] = {"provider": "corp", "id_token": ""}
    session.save()
    for page in pages:
        assert Client().get(f"{PLACE}/{page}").headers["Location"].startswith("/accounts/login/")
        assert client.get(f"{PLACE}/{page}").headers["Location"] == "/"


def test_another_persons_passkey_is_not_there(alice: User) -> None:
    kept = passkey_of(alice)
    client = signed_in(User.objects.create_user("bob", password=PASSWORD))
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    assert client.post(f"{PLACE}/{kept.pk}/remove/").status_code == 404
    assert "Laptop" not in client.get(f"{PLACE}/").content.decode() and Authenticator.objects.count() == 1


def test_what_is_no_passkey_signs_nobody_in_and_fails_nothing(alice: User) -> None:
    shaped = [told(alice), told(alice, userHandle=None), told(alice, userHandle="!"), told(alice, signature=7)]
    for junk in [*JUNK, *map(json.dumps, shaped)]:
        client = Client()
        assert client.get(DOOR, headers={"Accept": "application/json"}).status_code == 200
        assert client.post(DOOR, {"credential": junk}).status_code == 302, junk[:60]
        assert "_auth_user_id" not in client.session


def test_what_is_no_passkey_is_not_added(alice: User) -> None:
    client = signed_in(alice)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    binary = [encoded("\x19"), base64.urlsafe_b64encode(b"\x81" * 12_000).decode()]  # broken off, and nested
    shaped = [told(alice), *(told(alice, attestationObject=one) for one in binary)]
    for junk in [*JUNK, *map(json.dumps, shaped)]:
        assert client.get(f"{PLACE}/add/").status_code == 200
        assert client.post(f"{PLACE}/add/", {"credential": junk, "name": "x"}).status_code == 200, junk[:60]
    assert not Authenticator.objects.exists()


def test_what_is_no_passkey_is_no_second_factor(alice: User) -> None:
    Authenticator.objects.create(user=alice, type="totp", data={"secret": ""})
    client = Client()
    client.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
    for junk in [JUNK[4], JUNK[7], json.dumps(told(alice))]:
        assert client.post("/accounts/second-factor/answer/", {"credential": junk}).status_code == 200
    assert "_auth_user_id" not in client.session


def test_passkeys_sign_in_alone_only_where_settings_allow_it(alice: User, settings: Any) -> None:
    assert "Sign in with a passkey" in Client().get("/accounts/login/").content.decode()
    settings.PASSKEY_SIGN_IN = False
    assert Client().get(DOOR, headers={"Accept": "application/json"}).status_code == 404
    assert "Sign in with a passkey" not in Client().get("/accounts/login/").content.decode()
    settings.PASSKEY_SIGN_IN, settings.LOCAL_ACCOUNTS = True, False
    assert Client().get(DOOR, headers={"Accept": "application/json"}).status_code == 403
    assert "Sign in with a passkey" not in Client().get("/accounts/login/").content.decode()


def test_where_the_directory_alone_has_passwords_nothing_of_ours_is_offered(settings: Any) -> None:
    settings.DIRECTORY = parsed(described("ldaps://ldap.example.com"))
    page = Client().get("/accounts/login/").content.decode()
    assert "Sign in with a passkey" in page and "Example alone can give a new one" in page and "sign-in link" in page
    settings.LOCAL_ACCOUNTS = False
    page = Client().get("/accounts/login/").content.decode()
    assert 'name="password"' in page and "Example alone can give a new one" in page
    for ours in ("passkey", "sign-in link", "a password of your own"):
        assert ours not in page


def test_passkeys_are_bound_to_the_name_that_people_type(settings: Any) -> None:
    settings.PUBLIC_URL = "https://footnote.example.com"
    asked = Client().get(DOOR, headers={"Accept": "application/json"}).json()["request_options"]["publicKey"]
    assert asked["rpId"] == "footnote.example.com" and asked["userVerification"] == "required"
