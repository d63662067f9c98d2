"""A passkey signs in alone where its person chose that, and shows a finger or a PIN: a made-up security key asks."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import struct
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from django.core.cache import cache
from django.test import Client
from fido2 import cbor
from fido2.cose import ES256

from chatapp.accounts.models import User

pytestmark = pytest.mark.django_db
PASSWORD, HOST = "correct horse battery", "footnote.example.com"
PLACE = "/accounts/second-factor/passkeys"
TOUCHED, VERIFIED, MADE = 0x01, 0x04, 0x40  # flags of WebAuthn


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


class Key:
    """A security key, whose device says of itself whether it finds its person (`resident`)."""

    def __init__(self, user: User, *, resident: bool) -> None:
        self.user, self.resident, self.id = user, resident, os.urandom(16)
        self.private = ec.generate_private_key(ec.SECP256R1())

    def made(self, challenge: str) -> dict[str, Any]:
        public = cbor.encode(dict(ES256.from_cryptography_key(self.private.public_key())))  # type: ignore[no-untyped-call]
        data = self._head(TOUCHED | VERIFIED | MADE) + bytes(16) + struct.pack(">H", 16) + self.id + public
        attested = cbor.encode({"fmt": "none", "attStmt": {}, "authData": data})
        response = {"clientDataJSON": self._client("create", challenge), "attestationObject": encoded(attested)}
        return self._told(response, {"credProps": {"rk": self.resident}})

    def shown(self, challenge: str, flags: int) -> str:
        client, data = self._client("get", challenge), self._head(flags)
        raw = base64.urlsafe_b64decode(client + "=" * (-len(client) % 4))
        signature = self.private.sign(data + hashlib.sha256(raw).digest(), ec.ECDSA(hashes.SHA256()))
        response = {"clientDataJSON": client, "authenticatorData": encoded(data), "signature": encoded(signature)}
        return json.dumps(self._told({**response, "userHandle": encoded(str(self.user.pk).encode())}, {}))

    def kept(self, challenge: str = "AAAA") -> Key:
        """As an earlier version kept it."""
        data = {"name": "Key", "credential": self.made(challenge)}
        Authenticator.objects.create(user=self.user, type="webauthn", data=data)
        return self

    def _head(self, flags: int) -> bytes:
        return hashlib.sha256(HOST.encode()).digest() + bytes([flags]) + struct.pack(">I", 1)

    def _client(self, kind: str, challenge: str) -> str:
        told = {"type": f"webauthn.{kind}", "challenge": challenge, "origin": f"https://{HOST}"}
        return encoded(json.dumps(told).encode())

    def _told(self, response: dict[str, str], results: dict[str, Any]) -> dict[str, Any]:
        named = {"id": encoded(self.id), "rawId": encoded(self.id), "type": "public-key"}
        return {**named, "response": response, "clientExtensionResults": results}


@pytest.fixture(autouse=True)
def address(settings: Any) -> None:
    cache.clear()
    settings.PUBLIC_URL = f"https://{HOST}"


@pytest.fixture
def alice(db: None) -> User:
    return User.objects.create_user("alice", password=PASSWORD)


def challenge_in(client: Client) -> str:
    return str(client.session["mfa.webauthn.state"]["challenge"])


def opens(key: Key, flags: int) -> bool:
    client = Client()
    client.get("/accounts/passkey/", headers={"Accept": "application/json"})
    client.post("/accounts/passkey/", {"credential": key.shown(challenge_in(client), flags)})
    return bool(client.session.get("_auth_user_id") == str(key.user.pk))


def added(user: User, *, resident: bool, **ticked: str) -> Key:
    """On the page, as a browser does it."""
    client, key = Client(), Key(user, resident=resident)
    client.force_login(user)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    client.get(f"{PLACE}/add/")
    told = json.dumps(key.made(challenge_in(client)))
    assert client.post(f"{PLACE}/add/", {"name": "Key", "credential": told, **ticked}).status_code == 302
    return key


@pytest.mark.parametrize("resident", [True, False])
def test_what_was_ticked_says_whether_it_signs_in_alone_not_the_device(alice: User, resident: bool) -> None:
    assert not opens(added(alice, resident=resident), TOUCHED | VERIFIED)
    chosen = added(User.objects.create_user("bob", password=PASSWORD), resident=resident, passwordless="on")
    assert opens(chosen, TOUCHED | VERIFIED) and not opens(chosen, TOUCHED)


def test_of_those_that_were_there_the_ones_for_a_second_step_stay_that(alice: User) -> None:
    assert not opens(Key(alice, resident=False).kept(), TOUCHED | VERIFIED)
    assert opens(Key(alice, resident=True).kept(), TOUCHED | VERIFIED)


def test_it_is_still_the_second_step_behind_the_password(alice: User) -> None:
    key, client = added(alice, resident=False), Client()
    client.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
    client.get("/accounts/second-factor/answer/")
    client.post("/accounts/second-factor/answer/", {"credential": key.shown(challenge_in(client), TOUCHED)})
    assert client.session["_auth_user_id"] == str(alice.pk)


def test_the_question_of_a_second_step_opens_nothing_alone(alice: User) -> None:
    """It wants no finger: with a sign-in of one's own that was given up, a stolen key would do by a touch."""
    stolen, client = Key(alice, resident=True).kept(), Client()
    Key(User.objects.create_user("mallory", password=PASSWORD), resident=True).kept()
    client.post("/accounts/login/", {"login": "mallory", "password": PASSWORD})
    client.get("/accounts/second-factor/answer/")
    session = client.session
    begun = session["account_login"]
    session["account_login"] = {**begun, "initiated_at": begun["initiated_at"] - 901}
    session.save()
    client.post("/accounts/passkey/", {"credential": stolen.shown(challenge_in(client), TOUCHED)})
    assert "_auth_user_id" not in client.session
