"""JSON door of the search: the passages that fit a question, for programs that write their answers themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast
from uuid import UUID

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_POST

from chatapp.accounts.models import User
from chatapp.database import in_database
from chatapp.documents.answers import result_json
from chatapp.documents.filters import EVERYTHING, filters_of
from chatapp.documents.narrowing import collections_named, names_of
from chatapp.documents.search import FoundPassage, asearch_passages
from chatapp.errors import Busy, Invalid
from chatapp.json_body import read_object

_FIELDS = frozenset({"question", "collections", "filters", "k"})
_USUAL_RESULTS = 10
_OF_ONE_PERSON, _OF_ALL = 4, 32  # searches at a time, in one process
_running: Counter[UUID] = Counter()


@require_POST
async def search(request: HttpRequest) -> JsonResponse:
    person = cast(User, await request.auser())
    body = read_object(request)
    if unknown := sorted(body.keys() - _FIELDS):
        raise Invalid(f"There is no field named {unknown[0]!r:.50}.")
    question, k = body.get("question"), body.get("k", _USUAL_RESULTS)
    if not isinstance(question, str):
        raise Invalid("The field question must be a text.")
    if type(k) is not int:
        raise Invalid("The field k must be a whole number.")
    names = names_of(body.get("collections"))
    filters = EVERYTHING if body.get("filters") is None else filters_of(body["filters"])
    with one_of_few(person):
        within = None if names is None else await in_database(collections_named)(person, names)
        found = await asearch_passages(person, question, k=k, collections=within, filters=filters)
    return JsonResponse({"results": [_result(one) for one in found]})


def _result(found: FoundPassage) -> dict[str, Any]:
    passage, document = found.passage, found.passage.document
    return {
        **result_json(found),
        "document": {
            "id": str(document.pk),
            "name": document.name,
            "path": document.path,
            "collection": document.collection.name,
        },
        "passage": passage.pk,
        "heading": passage.heading,
        "locator": passage.locator,
        "dense": round(found.dense, 6),
        "lexical": round(found.lexical, 6),
    }


@contextmanager
def one_of_few(person: User) -> Iterator[None]:
    """Raises Busy."""
    if _running[person.pk] >= _OF_ONE_PERSON or _running.total() >= _OF_ALL:
        raise Busy("Too many searches run at once.", advice="Wait for one to end, then search again.")
    _running[person.pk] += 1
    try:
        yield
    finally:
        _running[person.pk] -= 1
        if not _running[person.pk]:
            del _running[person.pk]
