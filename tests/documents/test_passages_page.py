"""The page on how a document is cut, the sizes that a collection asks for, and files sent in ranges."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.test import AsyncClient, Client

from chatapp.accounts.models import User
from retrieval import files
from retrieval.cutting.settings import cut_document, settings_of
from retrieval.models import Collection, Document, Passage
from retrieval.parsing.sandbox import parse_file
from retrieval.pipeline.ingestion import receive_document
from retrieval.stored_text import storable

pytestmark = pytest.mark.django_db(transaction=True)  # a preview lets go of its connection while it reads
LEAVE = "# Leave\n\n" + " ".join(f"Rule number {n} says that leave is asked for {n} days ahead." for n in range(200))


@pytest.fixture
def admin(transactional_db: None) -> User:
    return User.objects.create_superuser("ada", "ada@example.com")


@pytest.fixture
def client_of_admin(admin: User) -> Client:
    client = Client()
    client.force_login(admin)
    return client


@pytest.fixture
def document(admin: User) -> Document:
    """Ready, as a worker makes it."""
    collection = Collection.objects.create(name="Handbook")
    receipt = receive_document(collection=collection, name="leave.md", content=io.BytesIO(LEAVE.encode()), by=admin)
    document = receipt.document
    _, parsed = parse_file(files.stored_file(document.sha256), document.name, _limits())
    how = settings_of(collection, _model())
    for chunk in cut_document(parsed, how):
        Passage.objects.create(
            document=document, ordinal=chunk.ordinal, text=storable(chunk.text), heading=chunk.heading, cut=how.key
        )
    return document


def _limits() -> Any:
    from django.conf import settings

    return settings.RETRIEVAL.limits


def _model() -> str:
    from django.conf import settings

    return str(settings.RETRIEVAL.embedding_model)


def test_the_page_shows_the_passages_as_they_are_stored(client_of_admin: Client, document: Document) -> None:
    page = client_of_admin.get(f"/documents/{document.pk}/passages/").content.decode()
    assert f"{document.passages.count()} passages" in page
    assert "Rule number 0 says" in page and "Rule number 199 says" in page and "Leave" in page
    assert "Repeated: " in page, "overlaps are set apart"
    assert "cuts it anew" not in page


def test_other_sizes_are_tried_without_storing_anything(client_of_admin: Client, document: Document) -> None:
    before = list(document.passages.values_list("pk", "text"))
    page = client_of_admin.get(f"/documents/{document.pk}/passages/?tokens=60&overlap=0").content.decode()
    assert "As it would be:" in page and "Repeated: " not in page
    assert page.count('class="cut-passage"') > len(before)
    assert list(document.passages.values_list("pk", "text")) == before


def test_a_trial_is_cut_outside_the_web_process(
    client_of_admin: Client, document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retrieval.cutting.settings.chunk_document", None)  # in this process: what forks has its own
    page = client_of_admin.get(f"/documents/{document.pk}/passages/?tokens=60&overlap=0")
    assert page.status_code == 200 and 'class="cut-passage"' in page.content.decode()


def test_many_passages_are_shown_a_page_at_a_time(client_of_admin: Client, document: Document) -> None:
    address = f"/documents/{document.pk}/passages/?tokens=40&overlap=10"
    numbers: list[int] = []
    for start in (0, 40, 80):
        page = client_of_admin.get(f"{address}&start={start}").content.decode()
        numbers += [int(part.split('"')[0]) for part in page.split('class="cut-passage" value="')[1:]]
    assert len(numbers) > 45 and numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize(
    "asked",
    ["tokens=5&overlap=0", "tokens=100000&overlap=0", "tokens=x&overlap=0", "tokens=99", "tokens=100&overlap=90"],
)
def test_sizes_out_of_bounds_are_refused_with_a_sentence(
    client_of_admin: Client, document: Document, asked: str
) -> None:
    answer = client_of_admin.get(f"/documents/{document.pk}/passages/?{asked}&start=-1")
    assert answer.status_code == 200 and 'class="field-error"' in answer.content.decode()


def test_a_file_that_is_gone_is_said(client_of_admin: Client, document: Document) -> None:
    files.stored_file(document.sha256).unlink()
    answer = client_of_admin.get(f"/documents/{document.pk}/passages/?tokens=60&overlap=0")
    assert "The stored file is gone" in answer.content.decode()


def test_it_is_for_administrators_alone(document: Document) -> None:
    Collection.objects.update(everyone=True)
    client = Client()
    client.force_login(User.objects.create_user("bob", "bob@example.com"))
    assert client.get(f"/documents/{document.pk}/passages/").status_code == 404


def test_a_collection_asks_for_sizes_and_says_when_stored_passages_are_of_others(
    client_of_admin: Client, document: Document
) -> None:
    address = f"/api/collections/{document.collection_id}/"
    changed = client_of_admin.patch(address, {"chunk_tokens": 80}, content_type="application/json").json()
    assert changed["collection"]["chunk_tokens"] == 80 and changed["collection"]["chunk_overlap_tokens"] is None
    collection = Collection.objects.get(pk=document.collection_id)
    assert settings_of(collection, _model()).tokens == 80
    assert document.passages.exists(), "what is stored stays"
    assert "cuts it anew" in client_of_admin.get(f"/documents/{document.pk}/passages/").content.decode()
    changed = client_of_admin.patch(address, {"chunk_tokens": None}, content_type="application/json").json()
    assert changed["collection"]["chunk_tokens"] is None


@pytest.mark.parametrize(
    "wish", [{"chunk_tokens": 5}, {"chunk_tokens": 100_000}, {"chunk_tokens": True}, {"chunk_overlap_tokens": 200}]
)
def test_sizes_that_no_model_reads_are_refused(
    client_of_admin: Client, document: Document, wish: dict[str, Any]
) -> None:
    answer = client_of_admin.patch(f"/api/collections/{document.collection_id}/", wish, content_type="application/json")
    assert answer.status_code == 400
    assert Collection.objects.get(pk=document.collection_id).chunk_tokens is None


@pytest.mark.parametrize(
    ("asked", "status", "begin", "end"),
    [
        ("bytes=0-9", 206, 0, 10),
        ("bytes=100-", 206, 100, None),
        ("bytes=-7", 206, -7, None),
        ("bytes=5-999999999", 206, 5, None),
        ("bytes=0-4,8-9", 200, 0, None),
        ("bytes=9-2", 200, 0, None),
        ("lines=1-2", 200, 0, None),
    ],
)
async def test_a_file_is_sent_in_ranges(
    admin: User, document: Document, asked: str, status: int, begin: int, end: int | None
) -> None:
    client = AsyncClient()
    await client.aforce_login(admin)
    answer = await client.get(f"/documents/{document.pk}/file/", headers={"Range": asked})
    body = b"".join([piece async for piece in answer.streaming_content])  # type: ignore[union-attr]
    assert (answer.status_code, body) == (status, LEAVE.encode()[begin:end])
    assert answer["Accept-Ranges"] == "bytes" and answer["Content-Length"] == str(len(body))
    assert ("Content-Range" in answer) == (status == 206)


async def test_a_range_behind_the_end_and_one_of_another_file_are_told_apart(admin: User, document: Document) -> None:
    client = AsyncClient()
    await client.aforce_login(admin)
    address = f"/documents/{document.pk}/file/"
    behind = await client.get(address, headers={"Range": "bytes=999999-"})
    assert behind.status_code == 416 and behind["Content-Range"] == f"bytes */{document.size}"
    whole = await client.get(address, headers={"Range": "bytes=0-3", "If-Range": '"another"'})
    assert whole.status_code == 200
