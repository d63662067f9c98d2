"""How a search travels to the index service: a JSON object, checked where it arrives."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from retrieval.contracts import PassageHit, SearchFilters, SearchRequest, SearchTrace, TracedHit
from retrieval.errors import RetrievalError

_QUESTION_CHARACTERS = 20_000
_K = 1000


class BadRequest(RetrievalError):
    code, http_status = "bad_request", 400
    user_message = "The request to the index service is not understood."


def search_body(request: SearchRequest) -> dict[str, Any]:
    filters = request.filters
    return {
        "question": request.question,
        "collections": [str(c) for c in request.collections],
        "k": request.k,
        "groups": None if request.groups is None else sorted(request.groups),
        "media_types": sorted(filters.media_types),
        "since": filters.since and filters.since.isoformat(),
        "until": filters.until and filters.until.isoformat(),
        "path_prefix": filters.path_prefix,
    }


def search_request(body: Any) -> SearchRequest:
    """Raises BadRequest. What is not named narrows nothing, except who may read: that must be said."""
    if not isinstance(body, dict) or not isinstance(body.get("question"), str):
        raise BadRequest("`question` must be a string.")
    if len(body["question"]) > _QUESTION_CHARACTERS:
        raise BadRequest(f"`question` is longer than {_QUESTION_CHARACTERS} characters.")
    k = body.get("k", 10)
    if not isinstance(k, int) or isinstance(k, bool) or not 1 <= k <= _K:
        raise BadRequest(f"`k` must be a whole number from 1 to {_K}.")
    return SearchRequest(clean(body["question"]), _collections(body), k, _groups(body), _filters(body))


def _collections(body: dict[str, Any]) -> frozenset[UUID]:
    try:
        return frozenset(UUID(one) for one in body["collections"])
    except (KeyError, TypeError, ValueError, AttributeError):
        raise BadRequest("`collections` must be a list of ids.") from None


def _groups(body: dict[str, Any]) -> frozenset[int] | None:
    groups = body.get("groups", [])
    if groups is None:
        return None
    if not isinstance(groups, list) or not all(type(one) is int for one in groups):
        raise BadRequest("`groups` must be a list of whole numbers, or null for every one.")
    return frozenset(groups)


def _filters(body: dict[str, Any]) -> SearchFilters:
    try:
        return SearchFilters(
            media_types=frozenset(clean(str(one)) for one in body.get("media_types") or ()),
            since=_moment(body.get("since")),
            until=_moment(body.get("until")),
            path_prefix=clean(str(body.get("path_prefix") or "")),
        )
    except (TypeError, ValueError):
        raise BadRequest("`since` and `until` must be ISO 8601 times with a zone, `media_types` a list.") from None


def _moment(text: str | None) -> datetime | None:
    if not text:
        return None
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("without a zone")
    return moment


def clean(text: str) -> str:
    """JSON can carry half a surrogate pair, which no tokenizer takes."""
    return text.encode("utf-8", "replace").decode()


def trace_body(trace: SearchTrace) -> dict[str, Any]:
    return asdict(trace)


def trace_of(body: dict[str, Any]) -> SearchTrace:
    """Raises KeyError or TypeError where it is none."""
    hits = tuple(TracedHit(**{**one, "hit": PassageHit(**one["hit"])}) for one in body["hits"])
    return SearchTrace(**{**body, "hits": hits})
