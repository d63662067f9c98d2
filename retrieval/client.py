"""How other processes reach the index service."""

from __future__ import annotations

import base64
import time
from collections.abc import Sequence
from typing import Any

import httpx
import numpy as np
import structlog

from retrieval.config import RetrievalConfig
from retrieval.contracts import IndexStatus, PassageHit, SearchRequest, Vectors
from retrieval.errors import IndexUnavailable

_TIMEOUT = httpx.Timeout(30.0, connect=2.0)
_BULK_TIMEOUT = httpx.Timeout(150.0, connect=2.0)
_ATTEMPTS = 2  # the second bridges a restart of the service


def _transport_options(url: str) -> tuple[str, str | None]:
    """-> base URL and path of the Unix socket, if it is one."""
    return ("http://index", url.removeprefix("unix://")) if url.startswith("unix://") else (url, None)


def _headers(config: RetrievalConfig) -> dict[str, str]:
    context = structlog.contextvars.get_contextvars()
    request_id = str(context.get("turn") or context.get("request_id") or "")
    return {"Authorization": f"Bearer {config.internal_token}", "X-Request-ID": request_id}


def _search_body(request: SearchRequest) -> dict[str, Any]:
    return {"question": request.question, "collections": [str(c) for c in request.collections], "k": request.k}


def _hits(rows: list[dict[str, Any]]) -> list[PassageHit]:
    return [PassageHit(**row) for row in rows]


def _vectors(body: dict[str, Any]) -> Vectors:
    flat = np.frombuffer(base64.b64decode(body["float32"]), dtype="<f4")
    return flat.reshape(-1, body["dimension"]).astype(np.float32)


def _checked(response: httpx.Response) -> dict[str, Any]:
    if response.status_code != 200:
        raise IndexUnavailable(detail=f"index service: {response.status_code} {response.text[:300]}")
    body: dict[str, Any] = response.json()
    return body


def _status(body: dict[str, Any]) -> IndexStatus:
    return IndexStatus(**{**body, "problems": tuple(body["problems"])})


class IndexClient:
    """Blocking; for commands and Celery tasks. Raises IndexUnavailable."""

    def __init__(self, config: RetrievalConfig) -> None:
        self._config = config
        base, socket = _transport_options(config.index_service_url)
        self._http = httpx.Client(
            base_url=base, transport=httpx.HTTPTransport(uds=socket) if socket else None, timeout=_TIMEOUT
        )

    def search(self, request: SearchRequest) -> list[PassageHit]:
        return _hits(self._post("/search", _search_body(request))["results"])

    def search_batch(self, requests: Sequence[SearchRequest]) -> list[list[PassageHit]]:
        body = {"searches": [_search_body(r) for r in requests]}
        return [_hits(rows) for rows in self._post("/search/batch", body, bulk=True)["results"]]

    def embed(self, texts: Sequence[str], *, bulk: bool) -> Vectors:
        return _vectors(self._post("/embed", {"texts": list(texts), "bulk": bulk}, bulk=bulk))

    def status(self) -> IndexStatus:
        try:
            return _status(_checked(self._http.get("/status", headers=_headers(self._config), timeout=5.0)))
        except httpx.HTTPError as error:
            raise IndexUnavailable(detail=str(error)) from error

    def close(self) -> None:
        self._http.close()

    def _post(self, path: str, body: dict[str, Any], *, bulk: bool = False) -> dict[str, Any]:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                timeout = _BULK_TIMEOUT if bulk else _TIMEOUT
                return _checked(self._http.post(path, json=body, headers=_headers(self._config), timeout=timeout))
            except httpx.ConnectError as error:
                if attempt == _ATTEMPTS:
                    raise IndexUnavailable(detail=str(error)) from error
                time.sleep(0.5)
            except httpx.HTTPError as error:
                raise IndexUnavailable(detail=str(error)) from error
        raise AssertionError("unreachable")


class AsyncIndexClient:
    """The same for the web process. Raises IndexUnavailable."""

    def __init__(self, config: RetrievalConfig) -> None:
        self._config = config
        base, socket = _transport_options(config.index_service_url)
        self._http = httpx.AsyncClient(
            base_url=base, transport=httpx.AsyncHTTPTransport(uds=socket) if socket else None, timeout=_TIMEOUT
        )

    async def search(self, request: SearchRequest) -> list[PassageHit]:
        return _hits((await self._post("/search", _search_body(request)))["results"])

    async def embed(self, texts: Sequence[str], *, bulk: bool) -> Vectors:
        return _vectors(await self._post("/embed", {"texts": list(texts), "bulk": bulk}))

    async def status(self) -> IndexStatus:
        try:
            return _status(_checked(await self._http.get("/status", headers=_headers(self._config), timeout=2.0)))
        except httpx.HTTPError as error:
            raise IndexUnavailable(detail=str(error)) from error

    async def close(self) -> None:
        await self._http.aclose()

    async def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        import asyncio

        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return _checked(await self._http.post(path, json=body, headers=_headers(self._config)))
            except httpx.ConnectError as error:
                if attempt == _ATTEMPTS:
                    raise IndexUnavailable(detail=str(error)) from error
                await asyncio.sleep(0.5)
            except httpx.HTTPError as error:
                raise IndexUnavailable(detail=str(error)) from error
        raise AssertionError("unreachable")
