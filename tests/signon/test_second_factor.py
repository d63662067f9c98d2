"""A second factor of people with a password here."""

from __future__ import annotations

import re
import time
from types import SimpleNamespace

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from allauth.socialaccount.models import SocialAccount
from django.core.cache import cache
from django.test import Client

from chatapp.accounts.links import make_link
from chatapp.accounts.models import User
from chatapp.governance.models import AuditEntry
from tests.signon.forger import Forger, begin, end

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"
PLACE = "/accounts/second-factor"


@pytest.fixture
def alice() -> User:
    return User.objects.create_user("alice", "alice@example.com", PASSWORD)


@pytest.fixture(autouse=True)
def half_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that does not end between the making of a code and its answer, however busy the machine is."""
    now = time.time()
    monkeypatch.setattr(auth, "time", SimpleNamespace(time=lambda: now))


def code(secret: str) -> str:
    cache.clear()  # or the same half minute would give the same code twice
    return format_hotp_value(hotp_value(secret, next(yield_hotp_counters_from_time())))


def sign_in(client: Client) -> str:
    return client.post("/accounts/login/", {"login": "alice", "password": PASSWORD}).headers["Location"]


def confirm(client: Client) -> None:
    """What matters asks for the password again."""
    assert "/accounts/reauthenticate/" in client.get(f"{PLACE}/app/").headers["Location"]
    client.post("/accounts/reauthenticate/", {"password": "wrong"})
    assert "/accounts/reauthenticate/" in client.get(f"{PLACE}/app/").headers["Location"]
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})


def set_up(client: Client) -> str:
    sign_in(client)
    confirm(client)
    page = client.get(f"{PLACE}/app/").content.decode()
    secret = re.findall(r"<code[^>]*>([A-Z2-7]+)</code>", page)[0]
    answer = client.post(f"{PLACE}/app/", {"code": code(secret)})
    assert answer.headers["Location"] == f"{PLACE}/codes/"
    return secret


def is_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def test_after_the_password_a_code_is_asked_for(alice: User) -> None:
    secret = set_up(Client())
    client = Client()
    assert sign_in(client) == f"{PLACE}/answer/" and not is_in(client)
    assert client.get("/api/conversations/", headers={"Accept": "application/json"}).status_code == 401
    assert "One more step" in client.get(f"{PLACE}/answer/").content.decode()
    client.post(f"{PLACE}/answer/", {"code": "000000"})
    assert not is_in(client)
    assert client.post(f"{PLACE}/answer/", {"code": code(secret)}).status_code == 302 and is_in(client)
    ways = [entry.detail["way"] for entry in AuditEntry.objects.filter(action="sign_in").order_by("pk")]
    assert ways == ["password", "password and second factor"]


def test_a_code_works_once(alice: User) -> None:
    secret = set_up(Client())
    first, second = Client(), Client()
    given = code(secret)
    sign_in(first)
    first.post(f"{PLACE}/answer/", {"code": given})
    sign_in(second)
    second.post(f"{PLACE}/answer/", {"code": given})
    assert is_in(first) and not is_in(second)


def test_guessing_codes_is_slowed_down(alice: User) -> None:
    secret = set_up(Client())
    client = Client()
    sign_in(client)
    right = code(secret)
    for guess in range(6):
        client.post(f"{PLACE}/answer/", {"code": f"{guess:06}"})
    client.post(f"{PLACE}/answer/", {"code": right})
    assert not is_in(client)


def test_a_recovery_code_signs_in_once(alice: User) -> None:
    client = Client()
    set_up(client)
    codes = re.findall(r"<code[^>]*>(\d+)</code>", client.get(f"{PLACE}/codes/").content.decode())
    assert len(codes) == 10
    for expected in (True, False):
        other = Client()
        sign_in(other)
        other.post(f"{PLACE}/answer/", {"code": codes[0]})
        assert is_in(other) is expected


@pytest.mark.django_db(transaction=True)
def test_what_codes_are_made_from_is_sealed(alice: User) -> None:
    secret = set_up(Client())
    stored = " ".join(str(one.data) for one in Authenticator.objects.all())
    assert secret not in stored and len(stored) > 50
    added = [entry.detail for entry in AuditEntry.objects.filter(action="second_factor.added")]
    assert {"kind": "totp"} in added and {"kind": "recovery_codes"} in added


def test_it_is_removed_by_its_person_and_by_an_administrator(alice: User) -> None:
    client = Client()
    set_up(client)
    client.post(f"{PLACE}/app/remove/")
    assert not Authenticator.objects.exists()
    set_up(Client())
    boss = Client()
    boss.force_login(User.objects.create_superuser("boss"))
    factor = Authenticator.objects.get(type="totp")
    assert "seed" not in boss.get(f"/admin/mfa/authenticator/{factor.pk}/change/").content.decode()
    boss.post(f"/admin/mfa/authenticator/{factor.pk}/delete/", {"post": "yes"})
    assert not Authenticator.objects.filter(type="totp").exists()
    removed = AuditEntry.objects.filter(action="second_factor.removed").first()
    assert removed is not None and (removed.actor_name, removed.whole_subject) == ("boss", "alice")


def test_a_one_time_link_is_the_way_in_without_it(alice: User) -> None:
    set_up(Client())
    client = Client()
    client.post(make_link(alice))
    assert is_in(client)


def test_the_pages_need_a_signed_in_person_with_a_password_of_their_own(alice: User) -> None:
    for page in ("/", "/app/", "/app/remove/", "/codes/", "/codes/new/"):
        assert Client().get(PLACE + page).headers["Location"].startswith("/accounts/login/")
    client = Client()
    client.force_login(alice)
    session = client.session
    session["signon"] = {"provider": "corp", "id_token": ""}
    session.save()
    assert client.get(f"{PLACE}/app/").headers["Location"] == "/"


def test_behind_a_provider_it_is_not_asked_for(forger: Forger, client: Client, alice: User) -> None:
    set_up(Client())
    SocialAccount.objects.create(user=alice, provider="corp", uid="erin", extra_data={"issuer": forger.address})
    cache.clear()
    assert end(client, forger, begin(client)).headers["Location"] == "/documents/"
    assert is_in(client) and client.session["signon"]["provider"] == "corp"
