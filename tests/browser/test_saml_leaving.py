"""Single logout in a real browser: two sites, a cookie that comes along from the other one, pages that lead on."""

from __future__ import annotations

from typing import Any

import pytest

from chatapp.governance.models import AuditEntry
from chatapp.signon.config import SAML, Provider
from chatapp.signon.models import SpentToken
from tests.browser.test_sign_on import page
from tests.idp.running import running
from tests.signon.saml_party import ERIN, PERSISTENT, signer

__all__ = ["page"]  # a fixture
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_signing_out_goes_by_the_provider_and_back(live_server: Any, page: Any, settings: Any) -> None:
    keys, door = signer(), f"{live_server.url}/accounts/signon/saml/corp"
    participant = {
        "serviceProviderId": f"{door}/metadata/",
        "sessionIndex": "_1",
        "nameId": ERIN["subject"],
        "nameIdFormat": PERSISTENT,
        "serviceProviderLogoutURL": f"{door}/sls/",
    }
    given = {"acs": f"{door}/acs/", "key": keys.key, "certificate": keys.certificate, "person": ERIN}
    with running("saml.mjs", {**given, "sessionIndex": "_1", "participants": [participant]}) as idp:
        corp = Provider("corp", "Corp", SAML, idp.address, sso_url=f"{idp.address}/sso", slo_url=f"{idp.address}/slo")
        settings.SIGNON_PROVIDERS = (Provider(**{**vars(corp), "certificate": keys.certificate}).check(),)
        page.goto("/?wanted=1")
        page.get_by_role("button", name="Sign in with Corp").click()
        page.wait_for_url(f"{live_server.url}/?wanted=1")
        page.goto("/accounts/logout/")
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url(f"{live_server.url}/accounts/login/")
    assert AuditEntry.objects.filter(action="sign_out").count() == 1
    assert SpentToken.objects.count() == 2, "the assertion, and the answer to the sign-out"
    assert not [text for text in page.problems if "Content Security Policy" in text]
