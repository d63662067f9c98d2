"""Who came from a provider shows it once more who they are: a session that lives on there does not do for it."""

from __future__ import annotations

import base64
import time
import zlib
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from chatapp.governance.models import AuditEntry
from chatapp.roles.recent import RECENT_S
from chatapp.signon.oidc import together
from tests.signon.forger import Forger, begin, end, signed_in
from tests.signon.saml_party import Party
from tests.signon.test_saml import another, given, idp, keys, party  # noqa: F401 - fixtures

pytestmark = pytest.mark.django_db


def is_recent(client: Client) -> bool:
    return time.time() - float(client.session["signed_in_at"]) < RECENT_S


def reason() -> str:
    return str(AuditEntry.objects.filter(action="sign_on.failed").latest("pk").detail["reason"])


def test_the_page_sends_to_the_provider_that_one_came_from(forger: Forger, client: Client) -> None:
    end(client, forger, begin(client))
    page = client.get("/accounts/again/?next=/accounts/keys/").content.decode()
    assert "Sign in with Corp again" in page and 'name="again" value="1"' in page and 'value="/accounts/keys/"' in page


def test_the_provider_is_asked_for_a_sign_in_anew(forger: Forger, client: Client) -> None:
    assert not {"prompt", "max_age"} & begin(client).keys()
    asked = begin(client, "/accounts/keys/", again="1")
    assert (asked["prompt"], asked["max_age"]) == ("login", "0")
    answer = end(client, forger, asked, auth_time=int(time.time()))
    assert (answer.status_code, answer.headers["Location"]) == (302, "/accounts/keys/") and is_recent(client)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"auth_time": int(time.time()) - 3600}, "a sign-in of earlier"),
        ({"auth_time": int(time.time()) + 3600}, "a sign-in of earlier"),
        ({"auth_time": None}, "no sign-in anew"),
        ({"auth_time": "now"}, "no sign-in anew"),
        ({"auth_time": True}, "no sign-in anew"),
    ],
)
def test_a_session_of_earlier_is_no_sign_in_anew(
    forger: Forger, client: Client, said: dict[str, Any], why: str
) -> None:
    assert end(client, forger, begin(client, again="1"), **said).status_code == 401
    assert not signed_in(client) and why in reason()


def test_user_information_does_not_say_when_that_was(forger: Forger, client: Client) -> None:
    forger.userinfo = {"sub": "erin", "auth_time": int(time.time())}
    assert end(client, forger, begin(client, again="1")).status_code == 401 and "no sign-in anew" in reason()


@pytest.mark.parametrize(("ago", "counts"), [(0, True), (RECENT_S + 60, False), (None, False)])
def test_a_sign_in_counts_from_when_the_person_was_asked(
    forger: Forger, client: Client, ago: int | None, counts: bool
) -> None:
    told = None if ago is None else int(time.time()) - ago
    end(client, forger, begin(client), auth_time=told)
    assert signed_in(client) and is_recent(client) is counts
    answer = client.post("/accounts/keys/", {"name": "k"})
    assert answer.headers.get("Location", "").startswith("/accounts/again/") is not counts


def test_saml_asks_for_it_too(party: Party) -> None:  # noqa: F811
    def forces(address: str) -> bool:
        request = parse_qs(urlsplit(address).query)["SAMLRequest"][0]
        return b'ForceAuthn="true"' in zlib.decompress(base64.b64decode(request), -15)

    assert not forces(party.asked())
    address = party.asked("/accounts/keys/", again="1")
    assert forces(address)
    answer = party.hand_in(party.answer(address))
    assert (answer.status_code, answer.headers["Location"]) == (302, "/accounts/keys/")
    assert party.is_in and is_recent(party.client)


def test_an_assertion_from_a_session_of_earlier_is_refused(
    party: Party,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    later = time.time() + 3600
    with monkeypatch.context() as clock:
        clock.setattr("chatapp.signon.provider.time.time", lambda: later)
        address = party.asked(again="1")
    assert party.hand_in(party.answer(address)).status_code == 401
    assert not party.is_in and "a sign-in of earlier" in reason()


TOKEN, BESIDE = "erin@example.com", "mallory@elsewhere.example"


@pytest.mark.parametrize(
    ("claims", "more", "email", "verified"),
    [
        ({"email": TOKEN}, {"email": BESIDE, "email_verified": True}, TOKEN, None),
        ({"email": TOKEN, "email_verified": False}, {"email": TOKEN, "email_verified": True}, TOKEN, False),
        ({"email": TOKEN}, {"email": TOKEN, "email_verified": True}, TOKEN, True),
        ({"email": TOKEN}, {"email_verified": True}, TOKEN, None),
        ({"email_verified": True}, {"email": BESIDE}, BESIDE, None),
        ({}, {"email": TOKEN, "email_verified": True}, TOKEN, True),
        ({"email": TOKEN, "email_verified": True}, {"email": BESIDE, "email_verified": False}, TOKEN, True),
    ],
)
def test_an_address_and_whether_it_was_verified_come_from_one_place(
    claims: dict[str, Any], more: dict[str, Any], email: str, verified: bool | None
) -> None:
    found = together(claims, more)
    assert (found.get("email"), found.get("email_verified")) == (email, verified)


def test_user_information_does_not_vouch_for_the_address_of_the_token(
    forger: Forger, client: Client, settings: Any
) -> None:
    settings.SIGNON_PROVIDERS = (replace(settings.SIGNON_PROVIDERS[0], domains=("example.com",)),)
    forger.userinfo = {"sub": "erin", "email": BESIDE, "email_verified": True}
    assert end(client, forger, begin(client), email=TOKEN).status_code == 403 and not signed_in(client)
