"""The sign-in as people see it: two sites, cookies, redirects and the rules of content security in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from chatapp.accounts.models import User
from chatapp.signon.config import SAML, Provider, Rule
from tests.idp.running import running
from tests.signon.conftest import House, house
from tests.signon.saml_party import ERIN, signer

__all__ = ["house"]  # a fixture
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def page(chromium: Any, live_server: Any) -> Iterator[Any]:
    context = chromium.new_context(base_url=live_server.url)
    opened = context.new_page()
    opened.set_default_timeout(15_000)
    opened.problems = []
    opened.on("console", lambda message: message.type == "error" and opened.problems.append(message.text))
    yield opened
    context.close()


def test_a_person_signs_in_at_an_openid_provider_and_leaves_both(house: House, page: Any) -> None:
    page.goto("/?wanted=1")
    page.get_by_role("button", name="Sign in with Example Corp").click()
    page.locator("input[name=login]").fill("erin")
    page.locator("input[name=password]").fill("any")
    page.get_by_role("button", name="Sign-in").click()
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url(f"{house.address}/?wanted=1")
    expect(page.get_by_role("textbox").first).to_be_visible()
    assert set(User.objects.get(username="erin").groups.values_list("name", flat=True)) == {"Staff", "Legal"}
    page.goto("/accounts/logout/")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(f"{house.idp.address}/session/end?**")
    page.get_by_role("button", name="Yes, sign me out").click()
    page.wait_for_url("**/accounts/login/**")
    page.goto("/?wanted=1")
    expect(page.get_by_role("button", name="Sign in with Example Corp")).to_be_visible()
    assert not [
        text for text in page.problems if "Content Security Policy" in text or "Content-Security-Policy" in text
    ]


def test_a_person_signs_in_at_a_saml_provider_on_another_site(live_server: Any, page: Any, settings: Any) -> None:
    keys = signer()
    given = {
        "acs": f"{live_server.url}/accounts/signon/saml/corp/acs/",
        "key": keys.key,
        "certificate": keys.certificate,
        "person": ERIN,
    }
    with running("saml.mjs", given) as idp:
        address, certificate = idp.address, keys.certificate
        settings.SIGNON_PROVIDERS = (
            Provider(
                "corp", "Corp", SAML, address, sso_url=f"{address}/sso", certificate=certificate,
                rules=(Rule("staff", "Staff"),),
            ),
        )  # fmt: skip
        page.goto("/?wanted=1")
        page.get_by_role("button", name="Sign in with Corp").click()
        page.wait_for_url(f"{live_server.url}/?wanted=1")
    expect(page.get_by_role("textbox").first).to_be_visible()
    assert User.objects.get(username="erin").groups.get().name == "Staff"
