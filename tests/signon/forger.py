"""A provider that signs whatever a test wants, and remembers what it was asked."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from django.http import HttpResponse
from django.test import Client
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.served import served

Claims = dict[str, Any]
DOOR = "/accounts/signon/oidc/corp"
Signed = Callable[[Claims], str]
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ANOTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def signed(claims: Claims, *, key: Any = KEY, algorithm: str = "RS256", kid: str | None = "one") -> str:
    return jwt.encode(claims, key, algorithm=algorithm, headers={"kid": kid} if kid else None)


class Forger:
    def __init__(self) -> None:
        self.address = ""
        self.sign: Signed = signed
        self.claims: Claims = {}
        self.userinfo: Claims | None = None
        self.discovery: Claims = {}
        self.redirects = False
        self.asked: list[str] = []
        self.exchanged: list[Claims] = []

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._configuration),
                Route("/keys", self._keys),
                Route("/token", self._token, methods=["POST"]),
                Route("/userinfo", self._userinfo),
            ]
        )

    def token(self, **changed: Any) -> str:
        """A good one, but for what is changed; None leaves a claim out."""
        now = int(time.time())
        good = {"iss": self.address, "sub": "erin", "aud": "footnote", "iat": now, "exp": now + 300}
        claims = {**good, **self.claims, **changed}
        return self.sign({name: value for name, value in claims.items() if value is not None})

    async def _configuration(self, request: Request) -> Response:
        self.asked.append(request.url.path)
        if self.redirects:
            return RedirectResponse("https://elsewhere.example/")
        here = self.address
        names = {"issuer": here, "authorization_endpoint": f"{here}/authorize", "token_endpoint": f"{here}/token"}
        more = {"jwks_uri": f"{here}/keys", "userinfo_endpoint": f"{here}/userinfo" if self.userinfo else None}
        known = {**names, **more, "end_session_endpoint": f"{here}/leave", **self.discovery}
        return JSONResponse({name: value for name, value in known.items() if value is not None})

    async def _keys(self, request: Request) -> Response:
        self.asked.append(request.url.path)
        key = jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key(), as_dict=True)
        return JSONResponse({"keys": [{**key, "kid": "one", "use": "sig"}]})

    async def _token(self, request: Request) -> Response:
        self.exchanged.append(dict(await request.form()))
        return JSONResponse({"access_token": "access", "token_type": "Bearer", "id_token": self.token()})

    async def _userinfo(self, request: Request) -> Response:
        return JSONResponse(self.userinfo or {})


@contextmanager
def forging() -> Iterator[Forger]:
    forger = Forger()
    with served(forger.app()) as address:
        forger.address = address
        yield forger


def begin(client: Client, wanted: str = "/documents/", **more: str) -> dict[str, str]:
    """-> what the provider is asked."""
    page = client.post(f"{DOOR}/login/", {"next": wanted, **more}).content.decode()
    found = re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', page)
    assert found, page
    return {name: values[0] for name, values in parse_qs(urlsplit(html.unescape(found.group(1))).query).items()}


def end(client: Client, forger: Forger, asked: dict[str, str], **changed: Any) -> HttpResponse:
    forger.claims = {"nonce": asked["nonce"], "preferred_username": "erin", **changed}
    return client.get(f"{DOOR}/callback/", {"code": "a-code", "state": asked["state"]})


def signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session
