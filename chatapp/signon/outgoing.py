"""Requests to identity providers: no redirects, no cookies or passwords of this machine, bounded in size and time."""

from __future__ import annotations

import os
import time
from typing import Any

from requests import RequestException, Response, Session
from requests.utils import get_environ_proxies

from chatapp.signon.config import is_safe_address

TIMEOUT_S = 5.0
_WHOLE_S = 15.0
_MOST_BYTES = 1_000_000


class ProviderRefused(RequestException):
    """It answered, but not as an identity provider does."""


class ProviderSession(Session):
    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False  # .netrc would add passwords of this machine
        self.verify = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE") or True

    def request(self, method: Any, url: Any, *args: Any, **kwargs: Any) -> Response:
        """Raises RequestException."""
        if not is_safe_address(str(url)):
            raise ProviderRefused("an address without TLS")
        kwargs |= {"timeout": TIMEOUT_S, "allow_redirects": False, "stream": True}
        kwargs["proxies"] = get_environ_proxies(str(url), no_proxy=None)
        response = super().request(method, url, *args, **kwargs)
        with response:
            response._content = _body(response)
        response.headers.setdefault("content-type", "")
        if response.is_redirect:
            raise ProviderRefused("a redirect")
        return response


def _body(response: Response) -> bytes:
    body, until = bytearray(), time.monotonic() + _WHOLE_S
    for piece in response.iter_content(65_536):
        body += piece
        if len(body) > _MOST_BYTES or time.monotonic() > until:
            raise ProviderRefused("an answer that is too long")
    return bytes(body)


def json_object(url: str, **kwargs: Any) -> dict[str, Any]:
    """Raises RequestException."""
    with ProviderSession() as session:
        response = session.get(url, **kwargs)
        response.raise_for_status()
        found = response.json()
    if not isinstance(found, dict):
        raise ProviderRefused("no object")
    return found
