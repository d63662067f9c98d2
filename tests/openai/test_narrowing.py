"""A program's question that is asked of a part of the documents."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from django.contrib.auth.models import Group

from chatapp.accounts.keys import create_key
from retrieval.models import Collection, Document
from tests.conftest import Cast
from tests.conversations.web import Web
from tests.ingestion.fake_index import FakeIndex

DAY = "2025-01-31T00:00:00+00:00"


@pytest.fixture
def ask(web: Web, cast: Cast, handbook: Document) -> Any:
    """-> asks as alice with this `footnote`"""
    key = create_key(user=cast.alice, name="test")
    messages = [{"role": "user", "content": "How many days of leave?"}]

    def asked(footnote: Any) -> httpx.Response:
        body = {"messages": messages, "footnote": footnote}
        return httpx.post(
            f"{web.url}/v1/chat/completions", json=body, headers={"Authorization": f"Bearer {key}"}, timeout=20
        )

    return asked


def test_collections_by_name_or_id_and_filters_reach_the_search(ask: Any, handbook: Document, index: FakeIndex) -> None:
    other = Collection.objects.create(name="Travel")
    other.readers.set(Group.objects.all())
    filters = {"types": ["pdf"], "since": "2025-01-31", "path": "reports/"}
    assert ask({"collections": ["Travel"], "filters": filters}).status_code == 200
    assert ask({"collections": [str(handbook.collection_id), "Travel"]}).status_code == 200
    assert ask(None).status_code == 200
    first, second, third = index.searches
    assert (first["collections"], first["media_types"]) == ([str(other.pk)], ["application/pdf"])
    assert (first["since"], first["path_prefix"]) == (DAY, "reports/")
    both = {str(other.pk), str(handbook.collection_id)}
    assert set(second["collections"]) == both == set(third["collections"])


@pytest.mark.parametrize(
    ("footnote", "param", "sentence"),
    [
        ({"collections": ["Secret"]}, "footnote.collections", "no collection named 'Secret' that you can see. You can"),
        ({"collections": ["Nowhere"]}, "footnote.collections", "no collection named 'Nowhere'"),
        ({"collections": ["0" * 32]}, "footnote.collections", "no collection named"),
        ({"collections": []}, "footnote.collections", "1 to 100 names"),
        ({"collections": "Handbook"}, "footnote.collections", "1 to 100 names"),
        ({"collections": [3]}, "footnote.collections", "1 to 100 names"),
        ({"collections": ["\x00"]}, "footnote.collections", "no collection named"),
        ({"filters": {"types": ["papyrus"]}}, "footnote.filters", "Known are"),
        ({"filters": {"since": "soon"}}, "footnote.filters", "`since` must be a day"),
        ({"filters": ["pdf"]}, "footnote.filters", "Filters are an object"),
        ({"collection": ["Handbook"]}, "footnote", "`collections` and `filters`"),
        ("Handbook", "footnote", "`collections` and `filters`"),
    ],
)
def test_what_is_not_known_is_a_sentence_and_nothing_is_searched(
    footnote: Any, param: str, sentence: str, ask: Any, index: FakeIndex
) -> None:
    Collection.objects.create(name="Secret")
    answer = ask(footnote)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, "invalid_request_error", param)
    assert sentence in error["message"]
    assert index.searches == []
