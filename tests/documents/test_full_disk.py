"""A full disk, or a database that is away: uploads are answered with JSON that says so, and leave nothing behind."""

from __future__ import annotations

import dataclasses
import errno
import os
import tempfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError, connection
from django.test import AsyncClient, Client

from retrieval.models import Collection, Document
from retrieval.pipeline import ingestion, results
from tests.documents.test_api import client_of
from tests.ingestion.stages import parse_one

SMALL, LARGE = b"x" * 1000, b"x" * 2_000_000  # one that stays in memory, one that is kept in a temporary file


def full(*_: Any, **__: Any) -> Any:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture
def stored(configured: Any, tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    configured.RETRIEVAL = dataclasses.replace(configured.RETRIEVAL, files_dir=folder)
    return folder


@pytest.fixture
def admin(people: Any, stored: Path) -> Client:
    client = client_of(people, "administrator")
    client.raise_request_exception = False
    return client


@pytest.fixture(params=["the file cannot be written", "it cannot be put in its place", "its folder cannot be made"])
def full_disk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, stored: Path) -> None:
    if "written" in request.param:
        monkeypatch.setattr("retrieval.files.os.fsync", full)
    elif "place" in request.param:
        monkeypatch.setattr(Path, "replace", full)
    else:
        (stored / "incoming").mkdir(parents=True)
        monkeypatch.setattr(Path, "mkdir", full)


@pytest.mark.parametrize("content", [SMALL, LARGE], ids=["small", "large"])
def test_an_upload_to_a_full_disk_is_refused_with_json_and_leaves_nothing(
    admin: Client, private: Collection, stored: Path, full_disk: None, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_full(upload(admin, private, content))
    assert not Document.objects.exists()
    assert not [path for path in stored.rglob("*") if path.is_file()]
    monkeypatch.undo()


def test_a_folder_for_temporary_files_that_is_full_is_said_in_json_too(
    admin: Client, private: Collection, stored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django.core.files.uploadedfile.tempfile.NamedTemporaryFile", full)
    assert_full(upload(admin, private, LARGE))
    checked = Client(enforce_csrf_checks=True, raise_request_exception=False)  # reads the body before any view
    checked.cookies = admin.cookies
    checked.cookies["csrftoken"] = "t" * 32
    assert_full(upload(checked, private, LARGE))
    assert not stored.exists() or not list(stored.rglob("*"))


async def test_a_body_that_the_web_process_cannot_keep_is_answered_before_django_sees_it(
    people: Any, private: Collection, stored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chatapp.asgi import application

    client = AsyncClient()
    await client.aforce_login(people["administrator"])
    cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items()).encode()
    monkeypatch.setattr("django.core.handlers.asgi.tempfile.SpooledTemporaryFile", full)
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": SMALL, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": f"/api/collections/{private.pk}/documents/", "query_string": b"",
        "headers": [(b"cookie", cookie), (b"content-length", b"1000"), (b"host", b"localhost")],
    }  # fmt: skip
    await application(scope, receive, send)
    assert sent[0]["status"] == 507 and b"storage_full" in sent[1]["body"]


def test_a_database_whose_disk_is_full_or_that_is_away_is_said_in_json(
    admin: Client, private: Collection, stored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for sqlstate, status, code in (("53100", 507, "storage_full"), ("57P03", 503, "database_unavailable")):
        cause = type("Refused", (Exception,), {"sqlstate": sqlstate})()

        def refused(*_: Any, cause: Exception = cause, **__: Any) -> None:
            raise OperationalError("no") from cause

        monkeypatch.setattr("retrieval.pipeline.ingestion.Document.objects.get_or_create", refused)
        answer = upload(admin, private, SMALL)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert not [path for path in stored.rglob("*") if path.is_file()]


def test_what_nobody_expected_is_json_for_programs_and_a_page_for_people(
    admin: Client, private: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chatapp.access.get_collection", lambda *_: 1 / 0)
    answer = admin.get(f"/api/collections/{private.pk}/")
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "failed")
    monkeypatch.setattr("chatapp.documents.pages.render", lambda *_: 1 / 0, raising=False)
    assert "<html" in admin.get("/documents/").content.decode()


def test_a_full_disk_of_the_database_costs_a_document_no_attempt(
    stored: Path, private: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = BytesIO(b"The office opens at nine.")
    document = ingestion.receive_document(collection=private, name="a.txt", content=content, by=None).document

    def refused(*_: Any, **__: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DO $$ BEGIN RAISE EXCEPTION 'no space' USING ERRCODE = '53100'; END $$")

    monkeypatch.setattr(results, "store_parsed", refused)
    parse_one()
    document.refresh_from_db()
    assert (document.status, document.attempts, document.lease_token) == ("parsing", 0, None)


def upload(client: Client, collection: Collection, content: bytes) -> Any:
    file = SimpleUploadedFile("a.txt", content)
    return client.post(
        f"/api/collections/{collection.pk}/documents/", {"file": file}, headers={"X-CSRFToken": "t" * 32}
    )


def assert_full(answer: Any) -> None:
    assert answer.status_code == 507, answer.content[:300]
    error = answer.json()["error"]
    assert error["code"] == "storage_full" and error["retryable"] and "disk is full" in error["message"]
    assert not list(Path(tempfile.gettempdir()).glob("*.upload.txt"))
