"""The index service as other processes meet it: over a real Unix socket, with a real Postgres behind it."""

from __future__ import annotations

import dataclasses
import json
import signal
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import httpx
import numpy as np
import pytest
from django.db import connection

from retrieval.contracts import SearchRequest
from retrieval.errors import AnotherEmbeddingModel, IndexUnavailable
from retrieval.models import Collection, Document
from retrieval.pipeline.ingestion import delete_document
from retrieval.service.client import AsyncIndexClient, IndexClient, IndexRefused
from tests.index.conftest import Service, ids, store, wait_until

Publish = Callable[[Collection, str, Sequence[str]], Document]


def test_a_new_document_is_found_within_seconds_by_its_words_and_by_its_meaning(
    service: Service, collection: Collection, publish: Publish
) -> None:
    leave = publish(collection, "leave.txt", ["Every employee has thirty days of paid vacation."])
    publish(collection, "network.txt", ["The VPN certificate must be renewed each spring."])
    wait_until(lambda: bool(service.found("vacation", collection)), 5)
    assert service.found("How much holiday do people get?", collection)[0] in ids(leave)
    hit = service.client.search(SearchRequest("paid vacation days", frozenset([collection.pk])))[0]
    assert hit.passage_id in ids(leave) and hit.lexical > 0 and 0 < hit.dense <= 1.001 and 0 <= hit.score <= 1


def test_what_the_asker_may_not_read_is_not_found(service: Service, collection: Collection, publish: Publish) -> None:
    secret = Collection.objects.create(name="Board")
    mine = publish(collection, "public.txt", ["Salaries are reviewed every year."])
    publish(secret, "board.txt", ["Salaries of the board are secret."])
    service.caught_up()
    assert set(service.found("salaries", collection)) == ids(mine)
    assert service.found("salaries") == []


def test_a_scope_of_a_thousandth_is_searched_with_full_recall(service: Service, collection: Collection) -> None:
    random = np.random.default_rng(7)
    noise = random.normal(size=(4000, 384)).astype(np.float32)
    noise /= np.linalg.norm(noise, axis=1, keepdims=True)
    store(collection, "noise.txt", [f"filler {i}" for i in range(4000)], noise)
    small = Collection.objects.create(name="Small")
    texts = ["Bicycle sheds.", "Coffee machines.", "Desk lamps.", "Door keys."]
    few = store(small, "few.txt", texts, service.client.embed(texts, bulk=True))
    service.caught_up()
    assert set(service.found("quarterly report of the astronomy club", small)) == ids(few)


def test_a_deleted_document_is_gone_at_once(service: Service, collection: Collection, publish: Publish) -> None:
    kept = publish(collection, "kept.txt", ["Parking is free for visitors."])
    gone = publish(collection, "gone.txt", ["Parking costs ten euros."])
    service.caught_up()
    assert ids(gone) & set(service.found("parking", collection))
    delete_document(document=gone, by=None)
    begun = time.monotonic()
    wait_until(lambda: set(service.found("parking", collection)) == ids(kept), 5)
    assert time.monotonic() - begun < 1.5


def test_a_restart_rebuilds_everything_from_postgres_alone(
    service: Service, collection: Collection, publish: Publish
) -> None:
    document = publish(collection, "policy.txt", ["Passwords have at least sixteen characters.", "Lock your screen."])
    service.caught_up()
    before = service.found("password length", collection)
    assert service.stop() in (0, -signal.SIGTERM)
    assert isinstance(_refusal(lambda: service.found("password", collection)), IndexUnavailable)
    service.start()
    assert service.found("password length", collection) == before and set(before) == ids(document)


def test_a_lost_database_connection_loses_no_change(service: Service, collection: Collection, publish: Publish) -> None:
    publish(collection, "first.txt", ["Lunch is at noon."])
    service.caught_up()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND (query LIKE '%retrieval_indexchange%' OR query LIKE '%versions_index%')"
        )
        assert cursor.fetchone()[0] >= 1
    dinner = publish(collection, "second.txt", ["Dinner is at seven."])
    service.caught_up()
    assert service.found("dinner", collection)[0] in ids(dinner)
    assert service.client.status().problems == ()


def test_a_question_does_not_wait_for_bulk_work(service: Service, collection: Collection, publish: Publish) -> None:
    publish(collection, "answer.txt", ["Invoices are paid within fourteen days."])
    service.caught_up()
    text = "The warehouse counts its stock on the last working day of each month. " * 12
    done: list[float] = []

    def bulk() -> None:
        IndexClient(service.config).embed([text] * 256, bulk=True)
        done.append(time.monotonic())

    thread = threading.Thread(target=bulk)
    thread.start()
    time.sleep(0.3)
    for _ in range(3):
        assert service.found("invoices", collection)
    answered = time.monotonic()
    thread.join(120)
    assert done and answered < done[0]


def test_vectors_have_unit_length_and_keep_their_order(service: Service) -> None:
    texts = ["a", "a much longer sentence about contracts and their renewal", "b", ""]
    vectors = service.client.embed(texts, bulk=False)
    assert vectors.shape == (4, 384)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-4)
    alone = np.concatenate([service.client.embed([t], bulk=True) for t in texts])
    np.testing.assert_allclose(vectors, alone, atol=1e-4)
    assert service.client.embed([], bulk=True).shape == (0, 384)


def test_vectors_come_with_the_name_of_their_model(service: Service) -> None:
    own = service.config.embedding_model
    assert service.client.embed(["text"], bulk=True, of_model=own).shape == (1, 384)
    error = _refusal(lambda: service.client.embed(["text"], bulk=True, of_model="another"))
    assert isinstance(error, AnotherEmbeddingModel) and error.retryable and "not on this machine" in error.user_message


@pytest.mark.parametrize("authorization", [None, "Bearer wrong", "Basic abc", "Bearer x y"])
@pytest.mark.parametrize("path", ["/status", "/metrics"])
def test_a_stranger_is_turned_away(service: Service, path: str, authorization: str | None) -> None:
    response = _http(service).get(path, headers={"Authorization": authorization} if authorization else {})
    assert response.status_code == 401 and response.json()["error"]["code"] == "unauthorised"


def test_a_client_with_another_token_is_refused_for_good(service: Service) -> None:
    stranger = IndexClient(dataclasses.replace(service.config, internal_token="another"))
    error = _refusal(lambda: stranger.embed(["text"], bulk=False))
    assert isinstance(error, IndexRefused) and not error.retryable


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("/search", b"{not json", "not JSON"),
        ("/search", b"[" * 100_000, "not JSON"),
        ("/search", b"[1]", "JSON object"),
        ("/search", {"collections": []}, "`question`"),
        ("/search", {"question": "x" * 20_001, "collections": []}, "longer"),
        ("/search", {"question": "x", "collections": ["no"]}, "`collections`"),
        ("/search", {"question": "x"}, "`collections`"),
        ("/search", {"question": "x", "collections": [], "k": 0}, "`k`"),
        ("/search", {"question": "x", "collections": [], "k": True}, "`k`"),
        ("/search/batch", {"searches": "x"}, "`searches`"),
        ("/search/batch", {"searches": [{"question": "x", "collections": []}] * 257}, "256"),
        ("/embed", {"texts": "x"}, "`texts`"),
        ("/embed", {"texts": ["x"] * 513}, "512"),
        ("/embed", {"texts": [1]}, "`texts`"),
        ("/embed", {"texts": ["x" * 16_000_001]}, "larger"),
        ("/nothing", {}, "/nothing"),
    ],
)
def test_a_malformed_request_gets_a_sentence(service: Service, path: str, body: Any, says: str) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    response = _http(service).post(path, content=content, headers=_bearer(service))
    assert 400 <= response.status_code < 500
    error = response.json()["error"]
    assert says in error["message"] and error["retryable"] is False
    assert service.client.status().ready


@pytest.mark.parametrize(
    "question", ['title:"', "a AND (", "\ud800", "\x00", "   ", "これは何ですか", "الإجازة", "x" * 20_000]
)
def test_any_text_can_be_asked(service: Service, collection: Collection, publish: Publish, question: str) -> None:
    publish(collection, "any.txt", ["Travel is booked through the portal."])
    service.caught_up()
    body = json.dumps({"question": question, "collections": [str(collection.pk)]})
    response = _http(service).post("/search", content=body, headers=_bearer(service))
    assert response.status_code == 200 and len(response.json()["results"]) == 1


async def test_the_async_client_answers_like_the_other(
    service: Service, collection: Collection, publish: Publish
) -> None:
    client = AsyncIndexClient(service.config)
    request = SearchRequest("travel", frozenset())
    assert await client.search(request) == []
    assert (await client.embed(["text"], bulk=False)).shape == (1, 384)
    assert (await client.status()).ready
    await client.close()


def test_health_needs_no_token_and_metrics_count(service: Service) -> None:
    http = _http(service)
    assert http.get("/healthz").json() == {"status": "ok"} and http.get("/readyz").status_code == 200
    service.client.embed(["counted"], bulk=False)
    assert "footnote_embedded_texts_total" in http.get("/metrics", headers=_bearer(service)).text


def _http(service: Service) -> httpx.Client:
    return httpx.Client(base_url="http://index", transport=httpx.HTTPTransport(uds=str(service.socket)), timeout=30)


def _bearer(service: Service) -> dict[str, str]:
    return {"Authorization": f"Bearer {service.config.internal_token}"}


def _refusal(call: Callable[[], Any]) -> IndexUnavailable:
    with pytest.raises(IndexUnavailable) as caught:
        call()
    return caught.value
