"""Signing out: from here to the provider, and from the provider to here."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.forms.models import model_to_dict
from django.test import Client

from chatapp.accounts.models import User
from chatapp.governance.models import AuditEntry
from chatapp.signon.models import IdentityProvider, SignOnSession
from tests.signon.conftest import House
from tests.signon.forger import ANOTHER_KEY, DOOR, Forger, begin, end, signed, signed_in

EVENTS = {"http://schemas.openid.net/event/backchannel-logout": {}}


@pytest.mark.django_db(transaction=True)
def test_signing_out_leads_to_the_provider_and_signs_out_there_too(house: House) -> None:
    browser = house.browser()
    browser.sign_in(wanted="/accounts/logout/")
    assert browser.is_signed_in()
    browser.submit()
    assert not browser.is_signed_in() and str(browser.page.url).startswith(f"{house.idp.address}/session/end")
    browser.submit(logout="yes")
    assert browser.page.url.path == "/accounts/login/"
    browser.submit()
    assert "login" in browser.form()[1]  # the provider asks again who one is
    assert not SignOnSession.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_leaving_the_provider_ends_all_sessions_that_came_from_it(house: House) -> None:
    browser, elsewhere = house.browser(), house.browser()
    browser.sign_in()
    local = Client()
    local.force_login(User.objects.get())
    elsewhere.sign_in()
    browser.go(f"{house.idp.address}/session/end")
    browser.submit(logout="yes")
    assert not browser.is_signed_in()
    assert elsewhere.is_signed_in() and signed_in(local)  # another session there; none of its


@pytest.fixture
def erin(forger: Forger, client: Client) -> Client:
    end(client, forger, begin(client), sid="session-1")
    assert signed_in(client)
    return client


def told(forger: Forger, **changed: Any) -> int:
    token = {"events": EVENTS, "jti": "1", "sid": "session-1", "nonce": None, "preferred_username": None}
    forger.claims = {}
    return Client().post(f"{DOOR}/back-channel-logout/", {"logout_token": forger.token(**token | changed)}).status_code


def is_let_in(client: Client) -> bool:
    return client.get("/api/conversations/", headers={"Accept": "application/json"}).status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize("named", [{"sid": None}, {"sub": None}, {}], ids=["person", "session", "both"])
def test_the_provider_ends_a_session_by_person_or_number(
    forger: Forger,
    erin: Client,
    named: dict[str, Any],
) -> None:
    assert told(forger, **named) == 200
    assert not is_let_in(erin)
    entry = AuditEntry.objects.filter(action="sign_out").first()
    assert entry is not None and entry.detail == {"way": "provider corp"}


REFUSED: dict[str, dict[str, Any]] = {
    "another client": {"aud": "another"},
    "another issuer": {"iss": "https://elsewhere.example"},
    "old": {"iat": int(time.time()) - 3600},
    "ended": {"exp": int(time.time()) - 60},
    "no events": {"events": None},
    "other events": {"events": {"https://elsewhere.example": {}}},
    "an ID token": {"nonce": "n"},
    "nobody": {"sub": None, "sid": None},
    "no number": {"jti": None},
}


@pytest.mark.django_db
@pytest.mark.parametrize("changed", REFUSED.values(), ids=REFUSED.keys())
def test_a_logout_token_that_is_not_right_ends_nothing(
    forger: Forger,
    erin: Client,
    changed: dict[str, Any],
) -> None:
    assert told(forger, **changed) == 400 and is_let_in(erin)


@pytest.mark.django_db
def test_a_logout_token_that_another_signed_ends_nothing(forger: Forger, erin: Client) -> None:
    forger.sign = lambda claims: signed(claims, key=ANOTHER_KEY)
    assert told(forger) == 400 and is_let_in(erin)


@pytest.mark.django_db
def test_a_logout_token_works_once(forger: Forger, erin: Client) -> None:
    assert told(forger) == 200
    end(erin, forger, begin(erin), sid="session-1")
    assert told(forger) == 400 and is_let_in(erin)


@pytest.mark.django_db
def test_a_logout_token_on_which_we_failed_may_come_again(
    forger: Forger, erin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> int:
        raise OSError("the database went away")

    with monkeypatch.context() as broken:
        broken.setattr("chatapp.signon.sessions.end", fails)
        with pytest.raises(OSError, match="went away"):
            told(forger)
    assert is_let_in(erin)
    assert told(forger) == 200 and not is_let_in(erin)


@pytest.mark.django_db
def test_another_session_of_the_provider_ends_nothing_here(forger: Forger, erin: Client) -> None:
    assert told(forger, sid="session-2") == 200 and is_let_in(erin)
    assert told(forger, jti="2", sid=None, sub="somebody else") == 200 and is_let_in(erin)


@pytest.mark.django_db
def test_a_frame_at_the_provider_ends_the_session_that_it_names(forger: Forger, erin: Client) -> None:
    for values in ({"iss": "https://e.example", "sid": "session-1"}, {"iss": forger.address, "sid": ""}, {}):
        Client().get(f"{DOOR}/front-channel-logout/", values)
        assert is_let_in(erin)
    Client().get(f"{DOOR}/front-channel-logout/", {"iss": forger.address, "sid": "session-1"})
    assert not is_let_in(erin) and not Session.objects.exists()


@pytest.mark.django_db
def test_a_provider_that_is_away_keeps_nobody_signed_in(
    forger: Forger,
    erin: Client,
    settings: Any,
) -> None:
    forger.discovery = {"end_session_endpoint": "nonsense"}
    cache.clear()
    assert erin.post("/accounts/logout/").status_code == 302 and not is_let_in(erin)


@pytest.mark.django_db
def test_a_provider_that_is_turned_off_or_deleted_signs_its_people_out(
    forger: Forger, client: Client, settings: Any
) -> None:
    settings.SIGNON_PROVIDERS = ()
    boss = Client()
    boss.force_login(User.objects.create_superuser("boss"))
    row = IdentityProvider.objects.create(
        name="Corp", slug="corp", kind="oidc", issuer=forger.address, client_id="footnote"
    )
    place = f"/admin/signon/identityprovider/{row.pk}"
    shown = {name: value for name, value in model_to_dict(row).items() if value is not None}
    values = {**shown, "is_on": "", "rules-TOTAL_FORMS": "0", "rules-INITIAL_FORMS": "0"}
    for page, given in ((f"{place}/change/", values), (f"{place}/delete/", {"post": "yes"})):
        IdentityProvider.objects.update(is_on=True)
        end(client, forger, begin(client))
        assert is_let_in(client)
        assert boss.post(page, given).status_code == 302
        assert not is_let_in(client)
