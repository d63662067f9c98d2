"""The index service: search and embed over HTTP, for Footnote's own processes alone."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict
from functools import partial
from typing import Any
from uuid import UUID

import numpy as np
import structlog
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, generate_latest
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from retrieval.config import RetrievalConfig
from retrieval.contracts import SearchRequest, Vectors
from retrieval.embedding import load_embedder
from retrieval.errors import IndexUnavailable, RetrievalError
from retrieval.index.embed_queue import EmbedQueue
from retrieval.index.faiss_index import FlatIndex
from retrieval.index.live import Follower, LiveIndex
from retrieval.index.tantivy_index import TantivyIndex
from retrieval.query_cache import QueryCache

log = structlog.get_logger(__name__)

_BODY_BYTES = 16_000_000
_QUESTION_CHARACTERS = 20_000
_TEXTS = 512
_K = 1000
_QUESTIONS = 256

_MILLISECONDS_ON = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 60.0)
SEARCHES = Histogram(
    "footnote_search_seconds", "One search or batch, embedding the questions included", buckets=_MILLISECONDS_ON
)
EMBEDDING = Histogram(
    "footnote_embed_seconds", "Embedding one request, its wait included", ["kind"], buckets=_MILLISECONDS_ON
)
EMBEDDED = Counter("footnote_embedded_texts_total", "Texts embedded", ["kind"])
WAITING = Gauge("footnote_embed_waiting", "Requests that wait for the embedder", ["kind"])
PASSAGES = Gauge("footnote_index_passages", "Passages in the index")
DOCUMENTS = Gauge("footnote_index_documents", "Documents in the index")
APPLIED = Gauge("footnote_index_changes_applied", "Number of the newest change that searches see")
BEHIND = Gauge("footnote_index_changes_behind", "Changes that are known and not applied yet")


class BadRequest(RetrievalError):
    code, http_status = "bad_request", 400
    user_message = "The request to the index service is not understood."


class IndexService:
    """What the endpoints share."""

    def __init__(self, config: RetrievalConfig) -> None:
        self.config = config
        embedder = load_embedder(config.embedding_model, config.cache_dir, threads=config.embedding_threads)
        self.queue = EmbedQueue(embedder)
        self.questions = QueryCache(config.embedding_model, entries=config.query_cache)
        self.index = LiveIndex(
            vectors=FlatIndex(embedder.dimension),
            words=TantivyIndex(),
            model=config.embedding_model,
            dimension=embedder.dimension,
            dense_weight=config.dense_weight,
            candidates=config.candidates,
        )
        self.follower = Follower(self.index, config.database_dsn)
        self.follower.start()

    async def search(self, request: Request) -> Response:
        body = await _json(request)
        return JSONResponse({"results": (await self._found([_search_request(body)]))[0]})

    async def search_batch(self, request: Request) -> Response:
        body = await _json(request)
        searches = body.get("searches")
        if not isinstance(searches, list) or len(searches) > _QUESTIONS:
            raise BadRequest(f"`searches` must be a list of at most {_QUESTIONS} searches.")
        return JSONResponse({"results": await self._found([_search_request(one) for one in searches])})

    async def _found(self, requests: list[SearchRequest]) -> list[list[dict[str, Any]]]:
        if not self.follower.loaded.is_set():
            raise IndexUnavailable("The document index is still loading.")
        if not requests:
            return []
        begun = time.monotonic()
        vectors = await self._embed([r.question for r in requests], bulk=len(requests) > 8)
        pairs = zip(requests, vectors, strict=True)
        hits = await run_in_threadpool(lambda: [self.index.search(r, v) for r, v in pairs])
        seconds = time.monotonic() - begun
        SEARCHES.observe(seconds)
        found = sum(map(len, hits))
        log.info("index.searched", questions=len(requests), passages=found, milliseconds=round(seconds * 1000))
        return [[asdict(hit) for hit in found] for found in hits]

    async def embed(self, request: Request) -> Response:
        body = await _json(request)
        texts = body.get("texts")
        if not isinstance(texts, list) or not all(isinstance(t, str) for t in texts) or len(texts) > _TEXTS:
            raise BadRequest(f"`texts` must be a list of at most {_TEXTS} strings.")
        vectors = await self._embed([_clean(t) for t in texts], bulk=bool(body.get("bulk")))
        data = base64.b64encode(np.ascontiguousarray(vectors, dtype="<f4").tobytes()).decode()
        dimension = self.queue.embedder.dimension
        return JSONResponse({"model": self.config.embedding_model, "dimension": dimension, "float32": data})

    async def _embed(self, texts: list[str], *, bulk: bool) -> Vectors:
        if bulk:
            return await self._made(texts, bulk=True)
        return await self.questions.vectors(texts, partial(self._made, bulk=False))

    async def _made(self, texts: list[str], *, bulk: bool) -> Vectors:
        kind = "bulk" if bulk else "question"
        EMBEDDED.labels(kind).inc(len(texts))
        with EMBEDDING.labels(kind).time():
            future = self.queue.submit(texts, bulk=bulk)
            return await asyncio.wait_for(asyncio.wrap_future(future), 120)

    async def status(self, request: Request) -> Response:
        return JSONResponse(asdict(self.follower.status()))

    async def healthz(self, request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readyz(self, request: Request) -> Response:
        ready = self.follower.loaded.is_set()
        return JSONResponse({"ready": ready}, status_code=200 if ready else 503)

    async def metrics(self, request: Request) -> Response:
        status = self.follower.status()
        for gauge, value in (
            (PASSAGES, status.passages),
            (DOCUMENTS, status.documents),
            (APPLIED, status.applied),
            (BEHIND, status.behind),
        ):
            gauge.set(value)
        for kind, waiting in self.queue.depth().items():
            WAITING.labels(kind).set(waiting)
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


async def _json(request: Request) -> dict[str, Any]:
    raw = bytearray()
    async for part in request.stream():
        raw += part
        if len(raw) > _BODY_BYTES:
            raise BadRequest(f"The body is larger than {_BODY_BYTES} bytes.")
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        raise BadRequest("The body is not JSON.") from None
    if not isinstance(body, dict):
        raise BadRequest("The body must be a JSON object.")
    return body


def _search_request(body: Any) -> SearchRequest:
    if not isinstance(body, dict) or not isinstance(body.get("question"), str):
        raise BadRequest("`question` must be a string.")
    if len(body["question"]) > _QUESTION_CHARACTERS:
        raise BadRequest(f"`question` is longer than {_QUESTION_CHARACTERS} characters.")
    k = body.get("k", 10)
    if not isinstance(k, int) or isinstance(k, bool) or not 1 <= k <= _K:
        raise BadRequest(f"`k` must be a whole number from 1 to {_K}.")
    try:
        collections = frozenset(UUID(c) for c in body["collections"])
    except (KeyError, TypeError, ValueError, AttributeError):
        raise BadRequest("`collections` must be a list of collection ids.") from None
    return SearchRequest(_clean(body["question"]), collections, k)


def _clean(text: str) -> str:
    """JSON can carry half a surrogate pair, which no tokenizer takes."""
    return text.encode("utf-8", "replace").decode()


def create_app(config: RetrievalConfig) -> Starlette:
    service = IndexService(config)

    def door(handler: Callable[[Request], Awaitable[Response]], *, guarded: bool = True) -> Any:
        async def endpoint(request: Request) -> Response:
            structlog.contextvars.bind_contextvars(request_id=request.headers.get("x-request-id", ""))
            if guarded and not _authorised(request, config.internal_token):
                return _error(RetrievalError("This service answers Footnote's own processes alone."), 401)
            try:
                return await handler(request)
            except RetrievalError as error:
                return _error(error, error.http_status)
            except TimeoutError:
                return _error(IndexUnavailable("The embedder did not answer in time."), 503)
            except Exception:
                log.exception("index.request_failed", path=request.url.path)
                return _error(RetrievalError(), 500)

        return endpoint

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        service.follower.stopping.set()

    return Starlette(
        lifespan=lifespan,
        exception_handlers={HTTPException: _no_such_door},
        routes=[
            Route("/search", door(service.search), methods=["POST"]),
            Route("/search/batch", door(service.search_batch), methods=["POST"]),
            Route("/embed", door(service.embed), methods=["POST"]),
            Route("/status", door(service.status)),
            Route("/healthz", door(service.healthz, guarded=False)),
            Route("/readyz", door(service.readyz, guarded=False)),
            Route("/metrics", door(service.metrics)),
        ],
    )


async def _no_such_door(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return _error(
        BadRequest(f"{request.method} {request.url.path} is not something that the index service does."), status
    )


def _authorised(request: Request, token: str) -> bool:
    return bool(token) and hmac.compare_digest(
        request.headers.get("authorization", "").encode(), f"Bearer {token}".encode()
    )


def _error(error: RetrievalError, status: int) -> Response:
    headers = {"Retry-After": "2"} if error.retryable else {}
    body = {
        "code": error.code if status != 401 else "unauthorised",
        "message": error.user_message,
        "advice": error.advice,
        "retryable": error.retryable,
    }
    return JSONResponse({"error": body}, status_code=status, headers=headers)
