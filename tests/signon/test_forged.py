"""What a provider did not sign, or not for us, not now or not for this sign-in, lets nobody in."""

from __future__ import annotations

import time
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.test import Client

from chatapp.accounts.models import User
from chatapp.governance.models import AuditEntry
from chatapp.signon.config import OIDC, Provider
from tests.signon.forger import ANOTHER_KEY, DOOR, KEY, Forger, begin, end, signed, signed_in

pytestmark = pytest.mark.django_db


def test_a_good_token_lets_in_to_the_page_that_one_wanted(forger: Forger, client: Client) -> None:
    asked = begin(client)
    assert asked["response_type"] == "code" and asked["code_challenge_method"] == "S256" and len(asked["nonce"]) >= 32
    assert set(asked["scope"].split()) == {"openid", "profile", "email"}
    answer = end(client, forger, asked, groups=["staff"])
    assert (answer.status_code, answer.headers["Location"]) == (302, "/documents/") and signed_in(client)
    assert forger.exchanged[0]["code_verifier"]
    assert client.session.get_expiry_age() <= 12 * 3600


PUBLIC = KEY.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)
FORGED: dict[str, tuple[dict[str, Any], str]] = {
    "it ended": ({"exp": int(time.time()) - 60}, "ExpiredSignature"),
    "it is not yet": ({"iat": int(time.time()) + 3600}, "ImmatureSignature"),
    "it is for another client": ({"aud": "another"}, "InvalidAudience"),
    "it is for several, asked by another": (
        {"aud": ["footnote", "another"], "azp": "another"},
        "made for another client",
    ),
    "it is for several, asked by nobody": ({"aud": ["footnote", "another"]}, "made for another client"),
    "another issuer": ({"iss": "https://elsewhere.example"}, "InvalidIssuer"),
    "another nonce": ({"nonce": "another"}, "another nonce"),
    "no nonce": ({"nonce": None}, "another nonce"),
    "nobody": ({"sub": None}, "MissingRequiredClaim"),
    "a subject without end": ({"sub": "x" * 300}, "no short text"),
    "a subject that is no text": ({"sub": ["erin"]}, "InvalidSubject"),
    "it does not end": ({"exp": None}, "MissingRequiredClaim"),
}


@pytest.mark.parametrize(("changed", "reason"), FORGED.values(), ids=FORGED.keys())
def test_a_token_with_another_claim_is_refused(
    forger: Forger, client: Client, changed: dict[str, Any], reason: str
) -> None:
    answer = end(client, forger, begin(client), **changed)
    assert answer.status_code == 401 and not signed_in(client) and not User.objects.exists()
    assert reason in AuditEntry.objects.get(action="sign_on.failed").detail["reason"]
    assert "Signing in did not work" in answer.content.decode()


def altered(token: str) -> str:
    """With another character in the middle of the signature, where each bit counts."""
    return f"{token[:-20]}{'B' if token[-20] == 'A' else 'A'}{token[-19:]}"


SIGNATURES: dict[str, Any] = {
    "by another key": lambda claims: signed(claims, key=ANOTHER_KEY),
    "by a key that nobody knows": lambda claims: signed(claims, kid="two"),
    "by the public key, as if it were a secret": lambda claims: signed(claims, key=PUBLIC, algorithm="HS256"),
    "by the client's secret": lambda claims: signed(claims, key=b"k" * 32, algorithm="HS256"),
    "by nobody": lambda claims: signed(claims, key=None, algorithm="none"),
    "cut off": lambda claims: signed(claims).rpartition(".")[0] + ".",
    "changed": lambda claims: altered(signed(claims)),
    "no token": lambda claims: "nothing",
}


@pytest.mark.parametrize("sign", SIGNATURES.values(), ids=SIGNATURES.keys())
def test_a_token_with_another_signature_is_refused(forger: Forger, client: Client, sign: Any) -> None:
    forger.sign = sign
    assert end(client, forger, begin(client)).status_code == 401
    assert not signed_in(client) and not User.objects.exists()


def test_an_answer_is_taken_once_and_from_the_browser_that_asked(forger: Forger, client: Client) -> None:
    asked = begin(client)
    assert end(Client(), forger, asked).status_code == 401
    assert end(client, forger, asked).status_code == 302
    client.logout()
    assert end(client, forger, asked).status_code == 401 and not signed_in(client)
    assert len(forger.exchanged) == 1


def test_user_information_about_somebody_else_is_refused(forger: Forger, client: Client) -> None:
    forger.userinfo = {"sub": "somebody else", "groups": ["staff"]}
    assert end(client, forger, begin(client)).status_code == 401 and not signed_in(client)


def test_an_answer_that_names_another_issuer_is_refused(forger: Forger, client: Client) -> None:
    asked = begin(client)
    values = {"code": "a-code", "state": asked["state"], "iss": "https://elsewhere.example"}
    assert client.get(f"{DOOR}/callback/", values).status_code == 401 and not forger.exchanged


@pytest.mark.parametrize(
    "wanted", ["https://elsewhere.example/", "//elsewhere.example/", "javascript:alert(1)", "\\\\e.e"]
)
def test_nobody_is_sent_to_another_site_afterwards(forger: Forger, client: Client, wanted: str) -> None:
    assert end(client, forger, begin(client, wanted)).headers["Location"] == "/"


def test_what_the_address_adds_does_not_reach_the_provider(forger: Forger, client: Client) -> None:
    extra = "scope=admin&auth_params=prompt%3Dnone%26nonce%3Dmine&process=connect&action=reauthenticate"
    page = client.post(f"{DOOR}/login/?{extra}").content.decode()
    assert "admin" not in page and "prompt" not in page and "nonce=mine" not in page


def test_a_link_alone_starts_nothing(forger: Forger) -> None:
    strict = Client(enforce_csrf_checks=True)
    page = strict.get(f"{DOOR}/login/").content.decode()
    assert "Sign in with Corp?" in page and "http-equiv" not in page
    assert strict.post(f"{DOOR}/login/").status_code == 403


@pytest.mark.parametrize(
    "discovery",
    [
        {"issuer": "https://elsewhere.example"},
        {"token_endpoint": "http://elsewhere.example/token"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"jwks_uri": None},
    ],
    ids=str,
)
def test_a_provider_that_describes_itself_wrongly_is_not_asked(
    forger: Forger, client: Client, discovery: dict[str, Any]
) -> None:
    forger.discovery = discovery
    answer = client.post(f"{DOOR}/login/")
    assert answer.status_code == 502 and "does not answer" in answer.content.decode()


def test_requests_to_a_provider_follow_no_redirects(forger: Forger, client: Client) -> None:
    forger.redirects = True
    assert client.post(f"{DOOR}/login/").status_code == 502
    assert len(forger.asked) == 1


def test_a_provider_that_is_away_is_told_so(forger: Forger, client: Client, settings: Any) -> None:
    settings.SIGNON_PROVIDERS = (Provider("corp", "Corp", OIDC, "http://127.0.0.1:9", client_id="footnote"),)
    assert client.post(f"{DOOR}/login/").status_code == 502


def test_a_provider_that_was_pointed_elsewhere_does_not_find_its_people(
    forger: Forger, client: Client, settings: Any
) -> None:
    end(client, forger, begin(client))
    erin = User.objects.get()
    link = erin.socialaccount_set.get()
    link.extra_data = {"issuer": "https://before.example"}
    link.save()
    client.logout()
    assert end(client, forger, begin(client)).status_code == 401 and not signed_in(client)


def test_strangers_do_not_knock_without_end(forger: Forger, client: Client, settings: Any) -> None:
    settings.ACCOUNT_RATE_LIMITS = {**settings.ACCOUNT_RATE_LIMITS, "sign_on": "3/m/ip"}
    answers = [client.post(f"{DOOR}/login/").status_code for _ in range(4)]
    assert answers == [200, 200, 200, 429]
