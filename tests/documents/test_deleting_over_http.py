"""Collections are deleted while people upload into them, over HTTP: each request is answered, and nothing stays."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.conf import settings as django_settings

from retrieval.models import Collection, Document, Passage
from tests.conftest import signed_in_session

UPLOADERS, MOST = 6, 300


@pytest.fixture
def ask(configured: Any, tmp_path: Path, people: dict[str, Any], live_server: Any) -> Callable[..., httpx.Response]:
    """A request of the administrator's."""
    configured.RETRIEVAL = dataclasses.replace(configured.RETRIEVAL, files_dir=tmp_path / "files")
    cookies = {django_settings.SESSION_COOKIE_NAME: signed_in_session(people["administrator"]), "csrftoken": "t" * 32}
    headers = {"X-CSRFToken": "t" * 32, "Accept": "application/json"}

    def _ask(method: str, path: str, **given: Any) -> httpx.Response:
        return httpx.request(method, live_server.url + path, cookies=cookies, headers=headers, timeout=30, **given)

    return _ask


@pytest.mark.parametrize("at", [0, 5, 25])
def test_uploads_while_their_collection_is_deleted_are_answered_and_leave_nothing(
    ask: Callable[..., httpx.Response], private: Collection, configured: Any, at: int
) -> None:
    address = f"/api/collections/{private.pk}/"
    answers: list[httpx.Response] = []
    some_answers = threading.Event()

    def upload(uploader: int) -> None:
        for number in range(MOST):
            # Every third is the same for all: rows that are there already race too.
            content = f"note {number if number % 3 == 0 else (uploader, number)}".encode()
            answers.append(ask("POST", f"{address}documents/", files={"file": ("note.txt", content)}))
            if len(answers) >= at:
                some_answers.set()
            if answers[-1].status_code == 404:
                return

    threads = [threading.Thread(target=upload, args=(number,)) for number in range(UPLOADERS)]
    for thread in threads:
        thread.start()
    assert some_answers.wait(30)
    deleted = ask("DELETE", address)
    for thread in threads:
        thread.join(60)
    assert deleted.status_code == 204
    assert {answer.status_code for answer in answers} <= {200, 201, 404}, [a.text[:300] for a in answers]
    assert all("error" in answer.json() for answer in answers if answer.status_code == 404)
    assert any(answer.status_code == 404 for answer in answers)
    assert not Document.objects.exists() and not Passage.objects.exists()
    assert not [path for path in configured.RETRIEVAL.files_dir.rglob("*") if path.is_file()]


def test_two_people_who_delete_a_collection_at_once_both_get_an_answer(
    ask: Callable[..., httpx.Response], private: Collection, configured: Any
) -> None:
    for number in range(8):
        ask("POST", f"/api/collections/{private.pk}/documents/", files={"file": ("n.txt", b"%d" % number)})
    answers: list[int] = []
    threads = [
        threading.Thread(target=lambda: answers.append(ask("DELETE", f"/api/collections/{private.pk}/").status_code))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert set(answers) <= {204, 404} and 204 in answers
    assert not Document.objects.exists()
    assert not [path for path in configured.RETRIEVAL.files_dir.rglob("*") if path.is_file()]
