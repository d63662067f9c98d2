"""A Footnote that people reach at an address, an identity provider beside it, and a browser of few words."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
import pytest
from django.core.cache import cache

from chatapp.signon.config import OIDC, Provider, Rule
from tests.idp.running import IdentityProvider, running
from tests.signon.forger import Forger, forging

ERIN: dict[str, Any] = {
    "preferred_username": "erin",
    "given_name": "Erin",
    "family_name": "Example",
    "email": "erin@example.com",
    "email_verified": True,
    "groups": ["staff", "legal"],
}
MALLORY: dict[str, Any] = {
    "preferred_username": "mallory",
    "email": "mallory@elsewhere.example",
    "email_verified": True,
}
RULES = (Rule("staff", "Staff"), Rule("legal", "Legal"), Rule("footnote-admins"))


@pytest.fixture(autouse=True)
def fresh_limits() -> None:
    cache.clear()


@dataclass
class House:
    """Footnote at an address, and the provider that it trusts."""

    address: str
    idp: IdentityProvider
    settings: Any

    def provider(self, **changed: Any) -> Provider:
        """The one provider of this Footnote from now on."""
        known = Provider(
            slug="corp",
            name="Example Corp",
            kind=OIDC,
            issuer=self.idp.address,
            client_id="footnote",
            key="SIGNON_KEY_CORP",
            rules=RULES,
        )
        self.settings.SIGNON_PROVIDERS = (found := replace(known, **changed).check(),)
        return found

    def browser(self) -> Browser:
        return Browser(self.address)


@pytest.fixture
def house(live_server: Any, settings: Any) -> Iterator[House]:
    here = f"{live_server.url}/accounts"
    given = {
        "people": {"erin": ERIN, "mallory": MALLORY},
        "client_id": "footnote",
        "client_secret": "a secret between the two",
        "redirect_uris": [f"{here}/signon/oidc/corp/callback/"],
        "post_logout_redirect_uris": [f"{here}/login/"],
        "backchannel_logout_uri": f"{here}/signon/oidc/corp/back-channel-logout/",
    }
    with running("oidc.mjs", given) as idp:
        settings.SIGNON_KEYS = {"SIGNON_KEY_CORP": given["client_secret"]}
        found = House(live_server.url, idp, settings)
        found.provider()
        yield found


class Browser:
    """Follows redirects, pages that lead on by themselves, and forms."""

    def __init__(self, address: str) -> None:
        self.address = address
        # Cookies know no ports: one jar for each site, as their names never meet otherwise.
        self._jars: dict[str, httpx.Client] = {}
        self.page: httpx.Response
        self.visited: list[str] = []

    def go(self, address: str, method: str = "GET", data: dict[str, str] | None = None) -> httpx.Response:
        address = urljoin(self.address, address)
        for _ in range(20):
            site = self._jars.setdefault(urlsplit(address).netloc, httpx.Client(timeout=20))
            self.visited.append(address)
            self.page = site.request(method, address, data=data)
            onward = self._onward()
            if onward is None:
                return self.page
            address, method, data = urljoin(address, onward), "GET", None
        raise AssertionError("this leads nowhere")

    def _onward(self) -> str | None:
        if self.page.is_redirect:
            return self.page.headers["location"]
        found = re.search(r'<meta http-equiv="refresh" content="0; url=([^"]+)"', self.page.text)
        return html.unescape(found.group(1)) if found else None

    def submit(self, **values: str) -> httpx.Response:
        """The first form of the page."""
        return self.post(*self.form(), **values)

    def form(self, number: int = 0) -> tuple[str, dict[str, str]]:
        text = re.findall(r"<form.*?</form>", self.page.text, re.S)[number]
        action = re.search(r'<form[^>]*action="([^"]*)"', text)
        fields = {}
        for tag in re.findall(r"<input[^>]*>", text):
            name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
            if name:
                fields[name.group(1)] = html.unescape(value.group(1)) if value else ""
        return html.unescape(action.group(1)) if action else "", fields

    def post(self, action: str, fields: dict[str, str], **values: str) -> httpx.Response:
        return self.go(urljoin(str(self.page.url), action), "POST", {**fields, **values})

    def sign_in(self, person: str = "erin", wanted: str = "/") -> httpx.Response:
        """By the button of the sign-in page, and the two forms of the provider."""
        self.go(f"/accounts/login/?next={wanted}")
        self.submit()
        if "<form" in self.page.text and "login" in self.form()[1]:
            self.submit(login=person, password="any")
        if "/interaction/" in str(self.page.url):
            self.submit()
        return self.page

    def is_signed_in(self) -> bool:
        own = self._jars.setdefault(urlsplit(self.address).netloc, httpx.Client(timeout=20))
        answer = own.get(f"{self.address}/api/conversations/", headers={"Accept": "application/json"})
        return answer.status_code == 200

    def cookies(self, address: str) -> httpx.Cookies:
        return self._jars[urlsplit(address).netloc].cookies


@pytest.fixture(scope="module")
def served_forger() -> Iterator[Forger]:
    with forging() as forger:
        yield forger


@pytest.fixture
def forger(served_forger: Forger, settings: Any) -> Forger:
    cache.clear()
    address = served_forger.address
    served_forger.__init__()  # type: ignore[misc]
    served_forger.address = address
    rules = (Rule("staff", "Staff"),)
    settings.SIGNON_PROVIDERS = (Provider("corp", "Corp", OIDC, address, client_id="footnote", rules=rules),)
    return served_forger
