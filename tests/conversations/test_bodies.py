"""What is too much is refused before it is stored, whoever sends it."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from retrieval.evaluation.models import QuestionSetVersion
from retrieval.models import Collection, Document
from tests.conftest import Cast
from tests.conversations.web import Client, Web
from tests.organisations.houses import home

pytestmark = pytest.mark.parametrize("stream_url", ["memory"], indirect=True)
MANY = 3_000_000


def pieces(total: int) -> Iterator[bytes]:
    """A body whose length is not announced."""
    for _ in range(total // 100_000):
        yield b"x" * 100_000


def upload(client: Client, collection: Collection, size: int) -> httpx.Response:
    files = {"file": ("notes.txt", b"x " * (size // 2))}
    return client.http.post(f"/api/collections/{collection.pk}/documents/", files=files, headers=client.csrf())


@pytest.fixture
def collection(transactional_db: None) -> Collection:
    return Collection.objects.create(name="Uploads", everyone=True)


def test_a_stranger_cannot_fill_the_disk(web: Web, collection: Collection) -> None:
    for path in ("/accounts/login/", "/", f"/api/collections/{collection.pk}/documents/"):
        announced = httpx.post(web.url + path, content=b"x" * MANY)
        assert (announced.status_code, announced.json()["error"]["code"]) == (413, "too_large")
        silent = httpx.post(web.url + path, content=pieces(MANY))
        assert silent.status_code == 413


def test_a_body_that_never_comes_is_refused_by_its_announcement(web: Web) -> None:
    with socket.create_connection(("127.0.0.1", web.port), timeout=5) as raw:
        raw.sendall(b"POST /accounts/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n")
        assert b" 413 " in raw.recv(1000).split(b"\r\n")[0]


def test_a_stranger_sends_no_more_than_a_form(web: Web) -> None:
    assert httpx.post(f"{web.url}/accounts/login/", content=b"x" * 70_000).status_code == 413
    assert httpx.post(f"{web.url}/accounts/login/", content=b"x" * 60_000).status_code == 403  # for want of a token


def test_an_administrator_uploads_what_a_reader_may_not(
    client_of: Callable[[Any], Client], cast: Cast, collection: Collection
) -> None:
    assert upload(client_of(cast.alice), collection, MANY).status_code == 413
    assert upload(client_of(cast.administrator), collection, MANY).status_code == 201
    assert Document.objects.get().size == MANY


def test_a_person_is_refused_with_a_page_and_a_program_with_json(web: Web) -> None:
    page = httpx.post(f"{web.url}/accounts/login/", content=b"x" * MANY, headers={"Accept": "text/html,*/*;q=0.8"})
    assert (page.status_code, page.headers["Content-Type"]) == (413, "text/html; charset=utf-8")
    assert "<h1>This request is larger than the 64 kB that are allowed.</h1>" in page.text
    assert "default-src" in page.headers["Content-Security-Policy"]
    program = httpx.post(f"{web.url}/api/conversations/", content=b"x" * MANY, headers={"Accept": "text/html"})
    assert program.json()["error"]["code"] == "too_large"


def test_a_file_of_questions_may_be_as_large_as_its_form_promises(
    client_of: Callable[[Any], Client], cast: Cast
) -> None:
    def imported(client: Client, size: int) -> httpx.Response:
        rows = [{"question": f"Question {n}?", "relevant": ["a"], "answer": "x" * 3000} for n in range(size // 3060)]
        files = {"file": ("questions.jsonl", "\n".join(map(json.dumps, rows)).encode())}
        address = "/admin/evaluation/questionsetversion/add/"
        return client.http.post(address, data={"name": "Large"}, files=files, headers=client.csrf())

    assert imported(client_of(cast.alice), MANY).status_code == 413
    for importer in (cast.administrator, home("acme").organiser):
        assert imported(client_of(importer), MANY).status_code == 302
        assert QuestionSetVersion.objects.get(created_by=importer).questions == MANY // 3060
    assert imported(client_of(cast.administrator), 24_000_000).status_code == 413
