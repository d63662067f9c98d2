"""The index service: search and embed over HTTP, for Footnote's own processes alone."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from functools import partial
from typing import Any

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
from retrieval.contracts import PassageHit, SearchRequest, Vectors
from retrieval.embedders.loading import load_embedder
from retrieval.errors import IndexUnavailable, RetrievalError, VersionNotHeld
from retrieval.index.embed_queue import EmbedQueue
from retrieval.index.embedders import Embedders
from retrieval.index.live import LiveIndex
from retrieval.index.query_cache import QueryCache
from retrieval.index.reranking import LOOKED_AT, configured
from retrieval.index.shelf import Held, Shelf, Wanted
from retrieval.index.tantivy_index import TantivyIndex
from retrieval.index.tracing import traced
from retrieval.index.vectors.served import VectorSettings, serve_index
from retrieval.ranking import languages
from retrieval.service.wire import BadRequest, clean, search_request, trace_body

log = structlog.get_logger(__name__)

_BODY_BYTES = 16_000_000
_TEXTS = 512
_QUESTIONS = 256
_MANY = 8  # questions in one request; more than these let those of others go first
_NAME = 200

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
VERSION = Gauge("footnote_index_version", "The index version that answers; 0: before the first one")


class IndexService:
    """What the endpoints share."""

    def __init__(self, config: RetrievalConfig) -> None:
        self.config = config
        languages.tables.folder = config.cache_dir
        self.queue = EmbedQueue()
        self.reranker = configured(config.reranker_model, config.database_dsn, config.reranker_seconds)
        self.embedders = Embedders(
            lambda model: load_embedder(model, config.cache_dir, threads=config.embedding_threads),
            lambda: self.shelf.models(),
        )
        before = Wanted(None, config.embedding_model)
        self.shelf = Shelf(config.database_dsn, before, self._empty_index, self.embedders.drop_idle)
        self.shelf.start()

    def _empty_index(self, version: Wanted) -> tuple[LiveIndex, QueryCache]:
        embedder = self.embedders.get(version.model)
        index = LiveIndex(
            vectors=serve_index(
                VectorSettings(
                    self.config.cache_dir / "vectors",
                    self.config.index_kind,
                    self.config.milvus_url,
                    self.config.milvus_token,
                ),
                version.kind,
                embedder.dimension,
                version=version.id or 0,
                model=version.model,
            ),
            words=TantivyIndex(),
            model=version.model,
            dimension=embedder.dimension,
            dense_weight=self.config.dense_weight,
            candidates=self.config.candidates,
        )
        return index, QueryCache(version.model, entries=self.config.query_cache)

    async def search(self, request: Request) -> Response:
        body = await _json(request)
        return JSONResponse({"results": (await self._found([search_request(body)]))[0]})

    async def search_batch(self, request: Request) -> Response:
        body = await _json(request)
        searches = body.get("searches")
        if not isinstance(searches, list) or len(searches) > _QUESTIONS:
            raise BadRequest(f"`searches` must be a list of at most {_QUESTIONS} searches.")
        requests = [search_request(one) for one in searches]
        return JSONResponse({"results": await self._found(requests, body.get("version"))})

    async def search_trace(self, request: Request) -> Response:
        """One search, with the times of its steps and where each list had what was found."""
        body = await _json(request)
        asked, held = search_request(body), self._held(body.get("version"))
        begun = time.monotonic()
        (vector,) = await self._question_vectors(held, [asked.question])
        embedding = 1000 * (time.monotonic() - begun)
        trace = await run_in_threadpool(lambda: traced(held.index, asked, vector, self.reranker))
        version, spent = held.version.id or 0, {"embedding": round(embedding, 1), **trace.milliseconds}
        return JSONResponse(trace_body(replace(trace, version=version, milliseconds=spent)))

    def _held(self, version: object) -> Held:
        """The one that serves, or the one that is named. Raises VersionNotHeld."""
        held = self.shelf.current if version is None else self.shelf.held(version)
        if held is None and version is not None:
            raise VersionNotHeld(f"The index service does not hold index version {str(version)[:20]}.")
        if held is None:
            raise IndexUnavailable("The document index is still loading.")
        return held

    async def _found(self, requests: list[SearchRequest], version: object = None) -> list[list[dict[str, Any]]]:
        """All of them from one version: whichever serves at this moment, or the one that is named."""
        held = self.shelf.current if version is None else self.shelf.held(version)
        if held is None:
            raise IndexUnavailable("The document index is still loading.")
        if not requests:
            return []
        begun = time.monotonic()
        vectors = await self._question_vectors(held, [r.question for r in requests])
        pairs = zip(requests, vectors, strict=True)
        again = len(requests) <= _MANY
        hits = await run_in_threadpool(lambda: [self._hits(held, r, v, again=again) for r, v in pairs])
        seconds = time.monotonic() - begun
        SEARCHES.observe(seconds)
        found = sum(map(len, hits))
        log.info("index.searched", questions=len(requests), passages=found, milliseconds=round(seconds * 1000))
        version = held.version.id or 0
        return [[{**asdict(hit), "version": version} for hit in found] for found in hits]

    def _hits(self, held: Held, request: SearchRequest, vector: Vectors, *, again: bool) -> list[PassageHit]:
        if self.reranker is None or not again:
            return held.index.search(request, vector)
        deeper = replace(request, k=max(request.k, LOOKED_AT))
        return self.reranker.rerank(request.question, held.index.search(deeper, vector))[: request.k]

    async def embed(self, request: Request) -> Response:
        body = await _json(request)
        texts, named = body.get("texts"), body.get("model", "")
        if not isinstance(texts, list) or not all(isinstance(t, str) for t in texts) or len(texts) > _TEXTS:
            raise BadRequest(f"`texts` must be a list of at most {_TEXTS} strings.")
        if not isinstance(named, str) or len(named) > _NAME:
            raise BadRequest("`model` must be the name of an embedding model.")
        held = self.shelf.current
        model = named or (held.version.model if held else self.config.embedding_model)
        texts, bulk = [clean(t) for t in texts], bool(body.get("bulk"))
        if held is not None and model == held.version.model and not bulk:
            vectors = await held.questions.vectors(texts, partial(self._made, model, bulk=False))
        else:
            vectors = await self._made(model, texts, bulk=bulk)
        data = base64.b64encode(np.ascontiguousarray(vectors, dtype="<f4").tobytes()).decode()
        return JSONResponse({"model": model, "dimension": int(vectors.shape[1]), "float32": data})

    async def _question_vectors(self, held: Held, texts: list[str]) -> Vectors:
        model = held.version.model
        if len(texts) > _MANY:
            return await self._made(model, texts, bulk=True)
        return await held.questions.vectors(texts, partial(self._made, model, bulk=False))

    async def _made(self, model: str, texts: list[str], *, bulk: bool) -> Vectors:
        embedder = self.embedders.known(model)
        if embedder is None:
            embedder = await run_in_threadpool(self.embedders.get, model)
        kind = "bulk" if bulk else "question"
        EMBEDDED.labels(kind).inc(len(texts))
        with EMBEDDING.labels(kind).time():
            future = self.queue.submit(texts, embedder, bulk=bulk)
            return await asyncio.wait_for(asyncio.wrap_future(future), 120)

    async def status(self, request: Request) -> Response:
        return JSONResponse(asdict(self.shelf.status()))

    async def healthz(self, request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readyz(self, request: Request) -> Response:
        ready = self.shelf.current is not None
        return JSONResponse({"ready": ready}, status_code=200 if ready else 503)

    async def metrics(self, request: Request) -> Response:
        status = self.shelf.status()
        for gauge, value in (
            (PASSAGES, status.passages),
            (DOCUMENTS, status.documents),
            (APPLIED, status.applied),
            (BEHIND, status.behind),
            (VERSION, status.version),
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
        service.shelf.end()

    return Starlette(
        lifespan=lifespan,
        exception_handlers={HTTPException: _no_such_door},
        routes=[
            Route("/search", door(service.search), methods=["POST"]),
            Route("/search/batch", door(service.search_batch), methods=["POST"]),
            Route("/search/trace", door(service.search_trace), methods=["POST"]),
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
