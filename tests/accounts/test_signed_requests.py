"""Signed requests, over a real server: what is signed cannot be changed or sent again."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from django.conf import settings as project
from django.utils import timezone

from chatapp.accounts.keys import Made, Wanted, create_key, make_key
from chatapp.accounts.models import UsedNonce
from chatapp.accounts.signing import SWEPT_AT_ONCE, signature
from retrieval.models import Collection
from tests.conftest import Cast
from tests.served import served


@pytest.fixture
def url(transactional_db: None) -> Iterator[str]:
    from chatapp.asgi import application

    with served(application) as address:
        yield address


@pytest.fixture
def made(cast: Cast) -> Made:
    return make_key(user=cast.administrator, name="signed", wanted=Wanted(signed=True))


def headers(made: Made, **changed: Any) -> dict[str, str]:
    """Of a GET of the collections, but for what is changed."""
    parts = {"method": "GET", "path": "/api/collections/", "query": "", "body": b""}
    parts |= {"timestamp": str(int(time.time())), "nonce": uuid4().hex, "secret": made.secret} | changed
    body = hashlib.sha256(parts.pop("body")).hexdigest()
    return {
        "Authorization": f"Bearer {made.key}",
        "X-Footnote-Timestamp": parts["timestamp"],
        "X-Footnote-Nonce": parts["nonce"],
        "X-Footnote-Signature": signature(parts.pop("secret"), body_sha256=body, **parts),
    }


def test_what_is_signed_opens_and_whatever_is_changed_does_not(url: str, made: Made) -> None:
    right = httpx.get(f"{url}/api/collections/", headers=headers(made))
    assert right.status_code == 200
    changed: list[dict[str, Any]] = [
        {"method": "DELETE"},
        {"path": "/api/sources/"},
        {"query": "a=b"},
        {"body": b"x"},
        {"secret": made.key},
        {"secret": ""},
        {"timestamp": str(int(time.time()) - 301)},
        {"timestamp": str(int(time.time()) + 310)},
        {"timestamp": "-1"},
        {"timestamp": "9" * 30},
        {"timestamp": "٣"},
        {"nonce": "short"},
        {"nonce": "x" * 65},
    ]
    for one in changed:
        sent = {name: value.encode() for name, value in headers(made, **one).items()}
        answer = httpx.get(f"{url}/api/collections/", headers=sent)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "bad_signature"), one
    bare = httpx.get(f"{url}/api/collections/", headers={"Authorization": f"Bearer {made.key}"})
    assert bare.status_code == 401


def test_openais_doors_ask_for_it_as_well(url: str, made: Made) -> None:
    assert httpx.get(f"{url}/v1/models/nothing", headers={"Authorization": f"Bearer {made.key}"}).status_code == 401
    body = b'{"input": 5}'
    right = headers(made, method="POST", path="/v1/embeddings", body=body)
    assert httpx.post(f"{url}/v1/embeddings", content=body, headers=right).status_code != 401
    other = headers(made, method="POST", path="/v1/embeddings", body=body)
    assert httpx.post(f"{url}/v1/embeddings", content=b'{"input": 6}', headers=other).status_code == 401


def test_a_key_that_need_not_be_signed_is_not_believed_with_a_wrong_signature(url: str, cast: Cast) -> None:
    bare = {"Authorization": f"Bearer {create_key(user=cast.alice, name='plain')}"}
    assert httpx.get(f"{url}/api/collections/", headers=bare).status_code == 200
    wrong = bare | {"X-Footnote-Signature": "v1=00"}
    assert httpx.get(f"{url}/api/collections/", headers=wrong).status_code == 401


def test_of_the_same_request_sent_many_times_at_once_one_is_taken(url: str, made: Made) -> None:
    same = headers(made)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: httpx.get(f"{url}/api/collections/", headers=same).status_code, range(16)))
    assert sorted(answers) == [200] + [401] * 15


def test_nonces_are_kept_as_long_as_their_time_is_believed_and_no_longer(url: str, made: Made) -> None:
    long_ago = timezone.now() - timedelta(seconds=1)
    UsedNonce.objects.bulk_create(
        UsedNonce(key=made.row, nonce=f"{number:032}", until=long_ago) for number in range(SWEPT_AT_ONCE + 5)
    )
    for left in (6, 2):
        assert httpx.get(f"{url}/api/collections/", headers=headers(made)).status_code == 200
        assert UsedNonce.objects.count() == left
    until = UsedNonce.objects.latest("until").until
    assert timedelta(seconds=295) < until - timezone.now() <= timedelta(seconds=301)


def test_large_bodies_are_signed_as_they_pass(url: str, made: Made) -> None:
    collection = Collection.objects.create(name="Reports")
    path = f"/api/collections/{collection.pk}/documents/"
    content = b"# Report\n\n" + b"All is well. " * 300_000
    request = httpx.Request("POST", url + path, files={"file": ("report.md", content)})
    body = request.read()
    for wanted, signed in ((401, body + b"x"), (201, body)):
        sent = dict(request.headers) | headers(made, method="POST", path=path, body=signed)
        assert httpx.post(url + path, content=body, headers=sent, timeout=30).status_code == wanted


@pytest.mark.parametrize(("language", "says"), [("python", "200"), ("sh", "201")])
def test_the_examples_in_the_documentation_work(language: str, says: str, url: str, made: Made) -> None:
    text = (project.BASE_DIR / "docs" / "protocol.md").read_text()
    (example,) = re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)
    command = [sys.executable, "-c", example] if language == "python" else ["sh", "-c", example]
    environment = os.environ | {"URL": url, "KEY": made.key, "SECRET": made.secret}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)
    assert done.stdout.strip() == says, done.stderr
