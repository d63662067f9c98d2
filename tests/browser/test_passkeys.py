"""Passkeys in a real Chromium, whose virtual authenticator stands for the finger of a person."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.mfa.models import Authenticator
from django.core.cache import cache
from django.test import Client
from playwright.sync_api import expect

from chatapp.accounts.models import User
from chatapp.governance.models import AuditEntry

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PASSWORD = "correct horse battery"


@pytest.fixture
def alice(transactional_db: None) -> User:
    cache.clear()
    return User.objects.create_user("alice", "alice@example.com", PASSWORD)


@pytest.fixture
def page(chromium: Any, live_server: Any, alice: User) -> Iterator[Any]:
    context = chromium.new_context(base_url=live_server.url)
    opened = context.new_page()
    opened.set_default_timeout(15_000)
    opened.problems = []
    opened.on("pageerror", lambda error: opened.problems.append(str(error)))
    opened.on("console", lambda message: message.type == "error" and opened.problems.append(message.text))
    yield opened
    context.close()


@pytest.fixture
def finger(page: Any) -> Any:
    """`set_verified(False)`: that of somebody else."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    more = {"isUserVerified": True, "automaticPresenceSimulation": True}
    made = session.send("WebAuthn.addVirtualAuthenticator", {"options": {**options, **more}})

    def set_verified(right: bool) -> None:
        about = {"authenticatorId": made["authenticatorId"], "isUserVerified": right}
        session.send("WebAuthn.setUserVerified", about)

    session.set_verified = set_verified
    return session


def sign_in(page: Any) -> None:
    page.goto("/accounts/login/?next=/accounts/keys/")
    page.get_by_label("User name or e-mail").fill("alice")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def arrived(page: Any) -> None:
    page.wait_for_url(lambda url: urlsplit(url).path == "/accounts/keys/")


def sign_out(page: Any) -> None:
    page.context.clear_cookies()


def add(page: Any, *, alone: bool) -> None:
    sign_in(page)
    arrived(page)
    page.goto("/accounts/second-factor/")
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()
    page.get_by_label("Name").fill("Laptop")
    page.get_by_label("Sign in with it alone, without the password").set_checked(alone)
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()


def test_a_passkey_is_the_second_factor_after_the_password(page: Any, finger: Any) -> None:
    add(page, alone=False)
    sign_out(page)
    sign_in(page)
    expect(page.get_by_role("heading", name="One more step")).to_be_visible()
    page.get_by_role("button", name="Use a passkey").click()
    arrived(page)
    ways = AuditEntry.objects.filter(action="sign_in").order_by("pk")
    assert [entry.detail["way"] for entry in ways] == ["password", "password and second factor"]
    assert AuditEntry.objects.filter(action="second_factor.added", detail__kind="webauthn").count() == 1
    assert not page.problems


def test_a_passkey_signs_in_alone_once_for_each_question(page: Any, finger: Any) -> None:
    add(page, alone=True)
    sign_out(page)
    sent: list[str] = []
    page.on("request", lambda request: request.method == "POST" and sent.append(request.post_data or ""))
    page.goto("/accounts/login/?next=/accounts/keys/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    arrived(page)
    ways = AuditEntry.objects.filter(action="sign_in").order_by("pk")
    assert [entry.detail["way"] for entry in ways] == ["password", "passkey"]
    credential = parse_qs(sent[-1])["credential"][0]
    other = Client(SERVER_NAME="localhost")
    for asked_first in (False, True):
        if asked_first:
            assert other.get("/accounts/passkey/", headers={"Accept": "application/json"}).status_code == 200
        other.post("/accounts/passkey/", {"credential": credential})
        assert "_auth_user_id" not in other.session
    assert not page.problems


def test_a_closed_account_is_not_opened_by_a_passkey(page: Any, finger: Any, alice: User) -> None:
    add(page, alone=True)
    sign_out(page)
    User.objects.filter(pk=alice.pk).update(is_active=False)
    page.goto("/accounts/login/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("heading", name="This account is closed")).to_be_visible()


def test_who_is_not_the_person_is_told_so_and_stays_outside(page: Any, finger: Any) -> None:
    add(page, alone=True)
    sign_out(page)
    finger.set_verified(False)
    page.goto("/accounts/login/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("broken off")
    page.goto("/accounts/keys/")
    page.wait_for_url("**/accounts/login/**")


def test_a_passkey_is_listed_shows_who_one_is_and_is_removed(page: Any, finger: Any) -> None:
    add(page, alone=True)
    sign_out(page)
    page.goto("/accounts/login/?next=/accounts/second-factor/passkeys/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_text("no password needed")).to_be_visible()
    page.get_by_role("link", name="Remove Laptop").click()
    if "/accounts/reauthenticate/" in page.url:
        page.get_by_role("link", name="Use a passkey instead").click()
        page.get_by_role("button", name="Use a passkey").click()
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("You have none yet.")).to_be_visible()
    assert not Authenticator.objects.exists()
    assert AuditEntry.objects.filter(action="second_factor.removed", detail__kind="webauthn").exists()
    assert not page.problems


def test_a_device_keeps_one_passkey_of_a_person(page: Any, finger: Any) -> None:
    add(page, alone=True)
    page.goto("/accounts/second-factor/passkeys/add/")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("alert")).to_contain_text("keeps a passkey of yours already")
    assert Authenticator.objects.filter(type="webauthn").count() == 1
