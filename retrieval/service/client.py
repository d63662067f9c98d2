"""How other processes reach the index service."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import httpx
import numpy as np
import structlog

from retrieval.config import RetrievalConfig
from retrieval.contracts import IndexStatus, PassageHit, SearchRequest, SearchTrace, Vectors
from retrieval.embedders.model_folders import EmbeddingModelMissing
from retrieval.errors import AnotherEmbeddingModel, IndexUnavailable, VersionNotHeld
from retrieval.service.wire import search_body, trace_of

T = TypeVar("T")

_TIMEOUT = httpx.Timeout(30.0, connect=2.0)
_BULK_TIMEOUT = httpx.Timeout(150.0, connect=2.0)
_STATUS_TIMEOUT = httpx.Timeout(5.0)
_ATTEMPTS = 2  # the second bridges a restart of the service
_PAUSE_S = 0.5


def _transport_options(url: str) -> tuple[str, str | None]:
    """-> base URL and path of the Unix socket, if it is one."""
    return ("http://index", url.removeprefix("unix://")) if url.startswith("unix://") else (url, None)


def _headers(config: RetrievalConfig) -> dict[str, str]:
    context = structlog.contextvars.get_contextvars()
    request_id = str(context.get("turn") or context.get("request_id") or "")
    return {"Authorization": f"Bearer {config.internal_token}", "X-Request-ID": request_id}


def _hits(body: dict[str, Any]) -> list[PassageHit]:
    return [PassageHit(**row) for row in body["results"]]


def _batch(body: dict[str, Any]) -> list[list[PassageHit]]:
    return [_hits({"results": rows}) for rows in body["results"]]


def _vectors(body: dict[str, Any], *, of_model: str = "") -> Vectors:
    if of_model and body.get("model") != of_model:
        raise AnotherEmbeddingModel(detail=f"vectors of {body.get('model')} where those of {of_model} are needed")
    flat = np.frombuffer(base64.b64decode(body["float32"]), dtype="<f4")
    return flat.reshape(-1, body["dimension"]).astype(np.float32)


def _embedding_body(texts: Sequence[str], bulk: bool, of_model: str) -> dict[str, Any]:
    return {"texts": list(texts), "bulk": bulk, **({"model": of_model} if of_model else {})}


def _status(body: dict[str, Any]) -> IndexStatus:
    return IndexStatus(**{**body, "problems": tuple(body["problems"])})


def _read(response: httpx.Response, reader: Callable[[dict[str, Any]], T]) -> T:
    """What the service answered, or the error that it means."""
    detail = f"index service: {response.status_code} {response.text[:300]}"
    try:
        body = response.json()
        if response.status_code == 200:
            return reader(body)
        said = {"user_message": str(body["error"]["message"]), "advice": str(body["error"]["advice"])}
        if body["error"]["code"] == EmbeddingModelMissing.code:
            raise AnotherEmbeddingModel(**said, detail=detail)
        if body["error"]["code"] == VersionNotHeld.code:
            raise VersionNotHeld(**said, detail=detail)
        if response.status_code < 500:
            raise IndexRefused(**said, detail=detail)
    except (ValueError, KeyError, TypeError) as error:
        raise IndexUnavailable(detail=f"not understood: {detail}") from error
    raise IndexUnavailable(detail=detail)


def _may_retry(error: httpx.HTTPError, attempt: int) -> bool:
    """A restart cuts connections, kept ones included; a service that is too slow does not get the work twice."""
    if attempt == _ATTEMPTS or isinstance(error, httpx.TimeoutException):
        return False
    return isinstance(error, httpx.TransportError)


class IndexRefused(IndexUnavailable):
    """The service runs, and this request is at fault: trying again cannot help."""

    code, http_status, retryable = "index_refused", 502, False


class IndexClient:
    """Blocking; for commands and Celery tasks. Raises IndexUnavailable."""

    def __init__(self, config: RetrievalConfig) -> None:
        self._config = config
        base, socket = _transport_options(config.index_service_url)
        self._http = httpx.Client(
            base_url=base,
            transport=httpx.HTTPTransport(uds=socket) if socket else None,
            timeout=_TIMEOUT,
            trust_env=False,  # no proxy lies between: what goes this way stays in the house
        )

    def search(self, request: SearchRequest) -> list[PassageHit]:
        return self._ask("/search", _hits, search_body(request))

    def search_batch(self, requests: Sequence[SearchRequest], *, version: int | None = None) -> list[list[PassageHit]]:
        """All from one version: the one that serves, or `version`, where the service holds it."""
        body: dict[str, Any] = {"searches": [search_body(r) for r in requests]}
        if version is not None:
            body["version"] = version
        return self._ask("/search/batch", _batch, body, timeout=_BULK_TIMEOUT)

    def embed(self, texts: Sequence[str], *, bulk: bool, of_model: str = "") -> Vectors:
        """With the model of the version that answers, or with `of_model`. Raises AnotherEmbeddingModel."""
        body = _embedding_body(texts, bulk, of_model)
        reader = partial(_vectors, of_model=of_model)
        return self._ask("/embed", reader, body, timeout=_BULK_TIMEOUT if bulk else _TIMEOUT)

    def status(self) -> IndexStatus:
        return self._ask("/status", _status, timeout=_STATUS_TIMEOUT)

    def close(self) -> None:
        self._http.close()

    def _ask(
        self,
        path: str,
        reader: Callable[[dict[str, Any]], T],
        body: dict[str, Any] | None = None,
        *,
        timeout: httpx.Timeout = _TIMEOUT,
    ) -> T:
        method = "GET" if body is None else "POST"
        attempt = 1
        while True:
            try:
                headers = _headers(self._config)
                return _read(self._http.request(method, path, json=body, headers=headers, timeout=timeout), reader)
            except httpx.HTTPError as error:
                if not _may_retry(error, attempt):
                    raise IndexUnavailable(detail=repr(error)) from error
            attempt += 1
            time.sleep(_PAUSE_S)


class AsyncIndexClient:
    """The same for the web process. Raises IndexUnavailable."""

    def __init__(self, config: RetrievalConfig) -> None:
        self._config = config
        base, socket = _transport_options(config.index_service_url)
        self._http = httpx.AsyncClient(
            base_url=base,
            transport=httpx.AsyncHTTPTransport(uds=socket) if socket else None,
            timeout=_TIMEOUT,
            trust_env=False,
        )

    async def search(self, request: SearchRequest) -> list[PassageHit]:
        return await self._ask("/search", _hits, search_body(request))

    async def trace(self, request: SearchRequest, *, version: int | None = None) -> SearchTrace:
        """The same search with what led to it, from `version` where one is named. Raises VersionNotHeld."""
        return await self._ask("/search/trace", trace_of, {**search_body(request), "version": version})

    async def embed(self, texts: Sequence[str], *, bulk: bool, of_model: str = "") -> Vectors:
        reader = partial(_vectors, of_model=of_model)
        body = _embedding_body(texts, bulk, of_model)
        return await self._ask("/embed", reader, body, timeout=_BULK_TIMEOUT if bulk else _TIMEOUT)

    async def status(self) -> IndexStatus:
        return await self._ask("/status", _status, timeout=_STATUS_TIMEOUT)

    async def close(self) -> None:
        await self._http.aclose()

    async def _ask(
        self,
        path: str,
        reader: Callable[[dict[str, Any]], T],
        body: dict[str, Any] | None = None,
        *,
        timeout: httpx.Timeout = _TIMEOUT,
    ) -> T:
        method = "GET" if body is None else "POST"
        attempt = 1
        while True:
            try:
                headers = _headers(self._config)
                response = await self._http.request(method, path, json=body, headers=headers, timeout=timeout)
                return _read(response, reader)
            except httpx.HTTPError as error:
                if not _may_retry(error, attempt):
                    raise IndexUnavailable(detail=repr(error)) from error
            attempt += 1
            await asyncio.sleep(_PAUSE_S)


_shared: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[RetrievalConfig, AsyncIndexClient]] = WeakKeyDictionary()


def shared_client(config: RetrievalConfig) -> AsyncIndexClient:
    """One for each event loop, so that questions find an open connection. Nobody closes it."""
    clients = _shared.setdefault(asyncio.get_running_loop(), {})
    if config not in clients:
        clients[config] = AsyncIndexClient(config)
    return clients[config]
