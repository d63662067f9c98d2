"""The two ends of a SAML sign-in in a test: our doors, through Django's client, and the provider, over HTTP."""

from __future__ import annotations

import base64
import datetime
import html
import re
from dataclasses import dataclass
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from django.http import HttpResponse
from django.test import Client

from tests.idp.running import IdentityProvider

DOOR = "/accounts/signon/saml/corp"
PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
ERIN: dict[str, Any] = {
    "subject": "erin-at-corp",
    "format": PERSISTENT,
    "attributes": {"uid": "erin", "mail": "erin@example.com", "groups": ["staff", "legal"]},
}


@dataclass(frozen=True)
class Signer:
    key: str
    certificate: str


def signer() -> Signer:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "provider of the tests")])
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now - day).not_valid_after(now + day)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Signer(private.decode(), made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode())


class Party:
    """One browser, at both ends."""

    def __init__(self, idp: IdentityProvider, given: dict[str, Any]) -> None:
        self.idp, self.given = idp, given
        self.client = Client()

    def change(self, **changed: Any) -> None:
        self.idp.change({**self.given, **changed})

    def asked(self, wanted: str = "/documents/", **more: str) -> str:
        """-> the address at the provider where the sign-in goes on."""
        page = self.client.post(f"{DOOR}/login/", {"next": wanted, **more}).content.decode()
        found = re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', page)
        assert found, page
        return html.unescape(found.group(1))

    def response(self, wanted: str = "/documents/", **more: str) -> str:
        """What the provider gives the browser to take to us, as XML."""
        return self.answer(self.asked(wanted, **more))

    def answer(self, address: str) -> str:
        page = httpx.get(address).text
        found = re.search(r'name="SAMLResponse"\s+value="([^"]+)"', page)
        assert found, page
        return base64.b64decode(html.unescape(found.group(1))).decode()

    def hand_in(self, xml: str, client: Client | None = None) -> HttpResponse:
        """From a page of the provider: without a cookie of ours, which comes along one step later."""
        client = client or self.client
        encoded = base64.b64encode(xml.encode()).decode()
        arrived = Client().post(f"{DOOR}/acs/", {"SAMLResponse": encoded, "RelayState": "https://elsewhere.example/"})
        if arrived.status_code != 302:
            return arrived
        client.cookies["saml-acs-session"] = arrived.cookies["saml-acs-session"].value
        return client.get(arrived.headers["Location"])

    def sign_in(self, **changed: Any) -> HttpResponse:
        self.change(**changed)
        return self.hand_in(self.response())

    @property
    def is_in(self) -> bool:
        return "_auth_user_id" in self.client.session
